"""The command line: help, `field`, `agents`, and bad input in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from maze_interp import DEFAULT_AGENT, Maze, behaviour, edits, load_policy
from maze_interp.commands.main import commands, main
from maze_interp.policies.architectures.impala import Impala

MAZES = Path(__file__).parent.parent / "data" / "mazes"
LAYER = "embedder.block2.res1.resadd"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    main([str(argument) for argument in arguments])
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line with which a command must end, with status 2."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_importing_does_nothing_and_help_loads_no_torch() -> None:
    program = (
        "import sys, os, random\n"
        "before = random.getstate(), os.getcwd()\n"
        "import maze_interp as mi\n"
        "from maze_interp.commands.main import main\n"
        "assert (random.getstate(), os.getcwd()) == before\n"
        "assert not {'torch', 'pandas', 'matplotlib', 'procgen', 'distributed'} & sys.modules.keys()\n"
        "main(['--help'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert all(name.split()[0] in done.stdout for name in commands())


@pytest.mark.parametrize("command", commands())
def test_every_command_explains_itself(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "usage: maze-interp" in printed
    _, _, text = printed.partition("\n\n")  # argparse does not break the choices of an option in the usage
    assert max(map(len, text.splitlines())) <= 80


def test_field_writes_the_exact_field_and_its_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zero = edits.Zero(LAYER, channels=[1, 2, 3])
    edits.save(tmp_path / "edit.yaml", [zero])
    printed = run(capsys, "field", "--seed", 3, "--edits", tmp_path / "edit.yaml", "--out", tmp_path / "run")
    policy, maze = load_policy(DEFAULT_AGENT), Maze.from_seed(3, "easy")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    for name, some in (("before", ()), ("after", (zero,))):
        result = behaviour(policy, maze, some)
        assert summary["figures"][name]["p_cheese"] == pytest.approx(result.p_cheese, abs=1e-6)
        assert f"P(cheese){' (edited)' if name == 'after' else ''}: {result.p_cheese:.4f}" in printed
        rows = pd.read_csv(tmp_path / "run" / "field.csv").query("policy == @name")
        assert rows[["left", "down", "up", "right", "noop"]].to_numpy() == pytest.approx(result.field.probs, abs=1e-6)


@pytest.mark.parametrize("maze", sorted(MAZES.glob("*.txt")), ids=lambda path: path.stem)
def test_field_of_drawn_mazes(maze: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "field", "--maze", maze, "--out", tmp_path / "run")
    figures = json.loads((tmp_path / "run" / "summary.json").read_text())["figures"]["before"]
    assert 0 <= figures["p_cheese"] <= 1
    assert (figures["decision_p_cheese"] is None) == ("loop" in maze.stem)


def test_agents_are_listed_shown_and_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Impala(1).state_dict()}, "foreign.pth")
    run(capsys, "agents", "import", "foreign.pth", "mine", "--mode", "easy")
    listed = run(capsys, "agents", "list")
    assert f"{DEFAULT_AGENT} (default)" in listed
    assert max(map(len, listed.splitlines())) <= 80
    assert "mine" in listed
    assert "imported from foreign.pth" in run(capsys, "agents", "show", "mine")
    assert "there is already an agent 'mine'" in refused(capsys, "agents", "import", "foreign.pth", "mine")


def test_bad_input_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "unknown command 'swep': did you mean sweep" in refused(capsys, "swep")
    assert "unrecognized arguments: --sead 3: did you mean --seed? (see maze-interp field --help)" in refused(
        capsys, "field", "--sead", 3
    )
    assert "there is no file nowhere.txt" in refused(capsys, "field", "--maze", "nowhere.txt")
    assert "ambiguous option: --s could match --seeds, --scheduler" in refused(capsys, "sweep", "--s", "x")
    assert "unknown agent 'rand_region_3_esay': did you mean rand_region_3_easy" in refused(
        capsys, "agents", "show", "rand_region_3_esay"
    )
    (tmp_path / "maze.txt").write_text("..\n.")
    assert "maze.txt: maze line 2 has 1 squares" in refused(capsys, "field", "--maze", tmp_path / "maze.txt")
    out = tmp_path / "run"
    assert "there is no checkpoint file" in refused(capsys, "field", "--agent", tmp_path / "x.pth", "--out", out)
    (tmp_path / "edit.yaml").write_text("- kind: Zreo\n  layer: fc\n")
    assert "did you mean Zero" in refused(capsys, "field", "--edits", tmp_path / "edit.yaml", "--out", out)
    (tmp_path / "edit.yaml").write_text("- kind: Zero\n  layer: embedder.block2.res1.resad\n")
    assert "did you mean embedder.block2.res1.resadd" in refused(
        capsys, "field", "--edits", tmp_path / "edit.yaml", "--out", out
    )
    assert "--seed cannot be '-1'" in refused(capsys, "field", "--seed", -1, "--out", out)
    assert not out.exists()
