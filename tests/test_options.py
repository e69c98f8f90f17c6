"""Every option of every command is tried once: it has an effect, or is refused in one line with nothing written."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import torch

from maze_interp.commands.main import commands, main, make_parser
from maze_interp.commands.options import Option
from maze_interp.errors import MazeInterpError
from maze_interp.studies.options import Cheese, Seeds, option_name
from maze_interp.studies.registry import STUDIES
from maze_interp.studies.study import Study

COMMANDS, PARSER = commands(), make_parser()
NEEDED = {
    "questions new-forecast": ["forecast.yaml"],
    "train": ["run.yaml"],
    "agents show": ["agent"],
    "agents import": ["weights.pth", "mine"],
}
"""Arguments that a command needs."""

FROM_ZERO = {
    *{("ablate", "exact_levels"), ("vectors", "exact_levels"), ("vectors", "draws"), ("vectors", "sources")},
    *{("retarget", "visits"), ("retarget", "draws"), ("retarget", "value"), ("vectors", "coefficients")},
    *{("field", "seed"), ("finetune", "seed"), ("compare", "study_levels")},
    *{("explore", "seed"), ("explore", "port")},
}
"""Numbers that may be 0."""

BELOW_ZERO = {("retarget", "value"), ("vectors", "coefficients")}

NO_NUMBERS = {
    int: ("nan", "inf", "1.5", "many", "1" + "0" * 30, "-" + "1" + "0" * 30),
    float: ("nan", "-inf", "much"),
}


def parts_of(kind: Any) -> Iterator[Any]:
    """The plain types in an option's type."""
    if not get_args(kind) or get_origin(kind) is Literal:
        yield kind
    for part in get_args(kind) if get_origin(kind) is not Literal else ():
        yield from parts_of(part)


def number_kind(option: Option) -> type | None:
    """The kind of number that an option takes, alone or in a list."""
    if option.type in (Seeds, Cheese):
        return int
    kinds = [kind for kind in parts_of(option.type) if kind in (int, float)]
    return kinds[0] if kinds and str not in parts_of(option.type) else None


NUMBERS = [
    (command, option.name, number_kind(option))
    for command, content in COMMANDS.items()
    for option in content.options.values()
    if number_kind(option)
]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line with which a command must end, with status 2."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == 2, arguments
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize(("command", "name", "kind"), NUMBERS, ids=lambda part: getattr(part, "__name__", part))
def test_numbers_out_of_range_are_refused(
    command: str,
    name: str,
    kind: type,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    values = [*NO_NUMBERS[kind]]
    if (command, name) not in FROM_ZERO and COMMANDS[command].options[name].type != Seeds:
        values.append("0")
    if (command, name) not in BELOW_ZERO:
        values.append("-1")
    for value in values:
        if command in STUDIES and name in STUDIES[command].__dataclass_fields__:
            with pytest.raises(MazeInterpError):  # before anything could be measured
                study_of(command, f"{option_name(name)}={value}")
        line = refused(capsys, *command.split(), *NEEDED.get(command, []), f"{option_name(name)}={value}")
        assert "Traceback" not in line
    assert not list(tmp_path.iterdir())


EFFECTS: dict[tuple[str, str], list[str]] = {
    ("field", "maze"): ["--maze={mazes}/fork.txt"],
    ("ablate", "exact_layers"): ["--exact-layers=default"],
    ("retarget", "value"): ["--value=3", "--channels=1,2"],
    ("probe", "levels"): ["--levels=40"],
    ("probe", "edit_levels"): ["--edit-levels=7", "--edit-layers=embedder.block2.res1.resadd"],
}
"""Options that need another beside them, or a value of their own."""

VALUES: dict[str, str] = {
    "agent": "rand_region_5",
    "seeds": "900000000:900000007",
    "choose": "800000000:800000007",
    "trained": "5:9",
    "region": "4",
    "layers": "embedder.block1",
    "edit_layers": "embedder.block2.res1.resadd",
    "kinds": "zero",
    "channels": "1,2",
    "squares": "1,1 2,2",
    "coefficients": "-1,1,4",
    "targets": "wall,cheese_here",
    "top_channels": "3",
    "visits": "all",
    "mode": "hard",
}
"""Another value than the default, where it does not follow from the type."""

NOT_SETTINGS = {"save"}
"""Where a copy is put decides no figure."""


def another(option: Option) -> str:
    """Another value than the default, from the command line."""
    if option.type is bool:
        return option_name(option.name)
    kinds = list(parts_of(option.type))
    if option.name in VALUES and not (option.name in ("region", "targets") and int in kinds and str not in kinds):
        value = VALUES[option.name]
    elif words := [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]:
        value = next(str(word) for word in words if word != option.default)
    else:
        value = str((option.default or 0) + (1 if int in kinds else 0.5))
    return f"{option_name(option.name)}={value}"


OPTIONS = [
    (command, name)
    for command, study in STUDIES.items()
    for name in COMMANDS[command].options
    if name in study.__dataclass_fields__ and name not in NOT_SETTINGS
]


@pytest.fixture(scope="module")
def edit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("edits") / "edits.yaml"
    path.write_text("- kind: Zero\n  layer: default\n  channels: [1]\n")
    return path


def study_of(command: str, *arguments: str) -> Study:
    parsed = PARSER.parse_args([command, *arguments])
    study: Study = parsed.study(parsed)
    return study


@cache
def settings_of(command: str, *arguments: str) -> dict[str, Any]:
    """What decides a study's figures: most options stand beside the same defaults."""
    return study_of(command, *arguments).settings()


@pytest.mark.parametrize(("command", "name"), OPTIONS)
def test_every_option_decides_what_is_measured(command: str, name: str, edit: Path) -> None:
    """The settings, by which a run is known, differ; the study's own command has the option, and makes it again."""
    mazes = Path(__file__).parent.parent / "data" / "mazes"
    if name == "edits":
        arguments = [f"--edits={edit}"]
    elif (command, name) in EFFECTS:
        arguments = [text.format(mazes=mazes) for text in EFFECTS[command, name]]
    elif name == "device" and not torch.cuda.is_available():
        pytest.skip("needs a GPU; devices are tried in test_devices")
    elif name in ("store", "sweep", "sweeps", "agents"):
        pytest.skip("needs a finished run; tried in the tests of the study")
    else:
        arguments = [another(COMMANDS[command].options[name])]
    study = study_of(command, *arguments)
    assert study.settings() != settings_of(command, *arguments[1:]), arguments
    assert option_name(name) in study.command()
    assert study_of(*shlex.split(study.command())[1:]) == study


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("ablate --exact-levels 0 --exact-layers default", "--exact-layers has no effect with --exact-levels 0"),
        ("retarget --value 3", "--value needs --channels"),
        ("retarget --value 3 --channels 1 --choose 5:9", "--choose has no effect with --value"),
        ("retarget --value 3 --channels 1 --targets 5", "--targets has no effect with --value"),
        ("field --maze loop.txt --region 3", "--maze draws its own cheese; leave --region out"),
        ("statistics --sweep folder --seeds 0:9", "--seeds has no effect with --sweep"),
        ("statistics --sweep folder --mode easy", "--mode has no effect with --sweep"),
        ("sweep --seeds 0:2 --seeds 0:4", "--seeds is given twice"),
        ("sweep --seeds=0:2 --seed 0:4", "--seeds is given twice"),
        ("probe --without-controls --levels 9 --without_controls", "--without-controls is given twice"),
        ("questions score --forecast a --forecast b", "--forecast is given twice"),
        ("probe --edit-levels 5", "--edit-levels has no effect without --edit-layers"),
        ("probe --store folder --mode easy", "--mode has no effect with --store"),
        ("values --workers 2 --scheduler tcp://localhost:1", "--workers has no effect with --scheduler"),
        ("record --workers 2 --scheduler tcp://localhost:1", "--workers has no effect with --scheduler"),
    ],
)
def test_options_without_effect_beside_others_are_refused(
    command: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, *command.split())
    assert not list(tmp_path.iterdir())
