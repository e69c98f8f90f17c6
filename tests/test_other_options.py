"""Every option of the commands that are no study: it has an effect, or is refused, before anything is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.commands.main import commands, main
from maze_interp.policies.agents import agent_info
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import write_weights
from maze_interp.report.build import report_settings
from maze_interp.report.context import Context
from maze_interp.studies.registry import STUDIES
from maze_interp.sweeps.spread import cluster
from maze_interp.training import card

AT_LEAST_TRIED = {name for name in commands() if name not in STUDIES and name != "explore"}
TRIED: set[tuple[str, str]] = set()
SCHEDULER = "tcp://127.0.0.1:9"
QUESTION = """\
- id: best-move
  kind: binary
  wording: Is the most probable move the one of the highest value?
  measurement: value-agreement
  parameters: {levels: 13, cheese: anywhere, squares: decision, split: test}
  rule: {agreement: above 0.5}
  source: this test
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, untrained: Impala) -> None:
    monkeypatch.chdir(tmp_path)
    write_weights(untrained, Path("my agent.v2.safetensors"))


def tried(command: str, *names: str) -> None:
    TRIED.update((command, name) for name in names)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The line with which a command is refused."""
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        main(list(arguments))
    (line,) = capsys.readouterr().err.splitlines()
    return line


NO_GPU = "there is no device 'cuda' here"
needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
AGENT = "my agent.v2.safetensors"
RECORD = {"agent": AGENT, "seeds": "0:2", "layers": "embedder.fc", "mode": "easy", "squares": "1", "workers": "1"}


def words(options: Mapping[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]


@needs_no_gpu
def test_record(capsys: pytest.CaptureFixture[str]) -> None:
    def recorded(out: str, **options: str) -> Any:
        main(["record", *words({**RECORD, **options}), "--out", out])
        settings = json.loads(Path(out, "run.json").read_text())
        return settings, {path.name: path.read_bytes() for path in Path(out).glob("*.h5")}

    plain = recorded("plain")
    for name, value in {
        "agent": DEFAULT_AGENT,
        "seeds": "0:3",
        "region": "none",
        "mode": "hard",
        "layers": "default",
        "squares": "2",
        "facing": "left",
        "dtype": "float16",
        "precision": "bfloat16",
    }.items():
        settings, shards = recorded(f"with-{name}", **{name: value})
        assert settings != plain[0]
        assert shards != plain[1]
        other = words({**RECORD, name: value})
        assert "belongs to another run" in refused(capsys, "record", *other, "--out", "plain")
        tried("record", name)
    assert recorded("two", workers="2") == plain
    *few, _ = words(RECORD)
    assert "no dask scheduler answers" in refused(capsys, "record", *few, "--scheduler", SCHEDULER, "--out", "far")
    assert NO_GPU in refused(capsys, "record", *few, "--device", "cuda", "--out", "far")
    assert not Path("far").exists()
    tried("record", "out", "workers", "scheduler", "device")


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command about questions prints."""
    main(["questions", *arguments])
    return capsys.readouterr().out


def make_forecast(capsys: pytest.CaptureFixture[str]) -> None:
    """List the question in ./asked, and write and lock a forecast of it, mine.yaml."""
    Path("asked").mkdir()
    Path("asked", "mine.yml").write_text(QUESTION)
    assert "best-move" in printed(capsys, "list", "--questions", "asked")
    assert "best-move" not in printed(capsys, "list")
    tried("questions list", "questions")

    printed(capsys, "new-forecast", "mine.yaml", "--questions", "asked")
    assert "best-move" in Path("mine.yaml").read_text()
    assert "mine.yaml exists" in refused(capsys, "questions", "new-forecast", "mine.yaml")
    assert "forecaster: should be text" in refused(
        capsys, "questions", "new-forecast", "mine.yaml", "--lock", "--questions", "asked"
    )
    filled = Path("mine.yaml").read_text().replace("binary:", "binary: 0.7")
    for field in ("forecaster", "date", "source"):
        filled = filled.replace(f"{field}:", f"{field}: me", 1)
    Path("mine.yaml").write_text(filled)
    assert "unknown question" in refused(capsys, "questions", "new-forecast", "mine.yaml", "--lock")
    printed(capsys, "new-forecast", "mine.yaml", "--lock", "--questions", "asked")
    assert "sha256" in Path("mine.yaml").read_text()
    tried("questions new-forecast", "file", "lock", "questions")


@needs_no_gpu
def test_questions(capsys: pytest.CaptureFixture[str]) -> None:
    make_forecast(capsys)
    measured = {}
    base = ["resolve", f"--agent={AGENT}", "--questions=asked", "--workers=1"]
    quick, easy = "--size=quick", "--mode=easy"
    for name, given in {
        "plain": [*base, quick, easy],
        "agent": ["resolve", f"--agent={DEFAULT_AGENT}", *base[2:], quick, easy],
        "size": [*base, easy],
        "mode": [*base, quick],
        "precision": [*base, quick, easy, "--precision=bfloat16"],
    }.items():
        printed(capsys, *given, "--out", f"by-{name}")
        measured[name] = next(Path(f"by-{name}").glob("*/resolution.yaml")).read_text()
    assert len({re.sub("(?m)^(agent|command|setting|mode):.*", "", text) for text in measured.values()}) == 5
    assert "--agent 'my agent.v2.safetensors' --questions asked --mode easy --size quick" in measured["plain"]
    assert "--precision bfloat16" in measured["precision"]
    assert "is of other weights or levels" in refused(capsys, "questions", *base, quick, "--out", "by-plain")
    assert "is of bfloat16, not float32" in refused(capsys, "questions", *base, quick, easy, "--out", "by-precision")
    far = ["--scheduler", SCHEDULER, "--out", "far"]
    assert "has no effect" in refused(capsys, "questions", *base[:-1], "--workers=2", *far)
    assert "no dask scheduler answers" in refused(capsys, "questions", *base[:-1], *far)
    assert NO_GPU in refused(capsys, "questions", *base, "--device", "cuda", "--out", "far")
    assert "unknown question 'no-such'" in refused(capsys, "questions", *base, "--only", "no-such", "--out", "far")
    assert not Path("far").exists()
    tried("questions resolve", "agent", "size", "only", "questions", "mode", "out")
    tried("questions resolve", "workers", "scheduler", "device", "precision")

    resolution = str(next(Path("by-plain").glob("*/resolution.yaml")))
    score = ["score", "--forecast", "mine.yaml", "--resolution", resolution, "--questions", "asked"]
    printed(capsys, *score, "--out", "mine")
    printed(capsys, "score", "--resolution", "rand_region_5_short", "--out", "theirs")
    scores = {Path(out, "scores.csv").read_text() for out in ("mine", "theirs")}
    assert len(scores) == 2
    assert "belongs to another run: its forecast is" in refused(capsys, "questions", *score, "--out", "theirs")
    assert "unknown question" in refused(capsys, "questions", *score[:-2], "--out", "mine")
    tried("questions score", "forecast", "resolution", "questions", "out")


def test_readings(capsys: pytest.CaptureFixture[str]) -> None:
    main(["questions", "readings", "--out", "page.md"])
    assert Path("page.md").read_text().startswith("# ")
    main(["questions", "new-forecast", "mine.yaml"])
    filled = Path("mine.yaml").read_text().replace("binary:", "binary: 0.7", 1)
    for field in ("forecaster", "date", "source"):
        filled = filled.replace(f"{field}:", f"{field}: me", 1)
    Path("mine.yaml").write_text(filled)
    main(["questions", "readings", "--out", "mine.md", "--forecast", "mine.yaml"])
    assert Path("mine.md").read_text() != Path("page.md").read_text()
    Path("run").mkdir()
    Path("run", "run.json").write_text("{}")
    Path("run", "summary.json").write_text("theirs")
    assert "is the folder of a run" in refused(capsys, "questions", "readings", "--out", "run/summary.json")
    assert Path("run", "summary.json").read_text() == "theirs"
    tried("questions readings", "out", "forecast")


@pytest.mark.parametrize(
    ("name", "kind"), [("nanda.2023", "forecast"), ("rand_region_5_short.v2", "resolution"), ("no such", "forecast")]
)
def test_a_name_with_a_dot_is_no_path(name: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"forecast": "nanda-2023", "resolution": "rand_region_5_short", kind: name}
    assert f"unknown {kind}" in refused(capsys, "questions", "score", *words(options))


TINY = "method: exact\nname: tiny\nregion: 1\nupdates: 1\nlevels: 1\nstates: 4\nvalue_levels: 1\n"


def test_train(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(card.bundle_agent, "__defaults__", (1,))  # levels to measure it on
    Path("tiny.yaml").write_text(TINY)
    for _ in range(2):
        with cluster(1):  # measuring in this process
            main(["train", "tiny.yaml", "--out", "run", "--into", "agents"])
        assert agent_info("tiny").distribution_mode == "easy"
    assert "its threads is 1, not 2" in refused(capsys, "train", "tiny.yaml", "--out", "run", "--threads", "2")
    other = TINY.replace("levels: 1", "levels: 2", 1)
    Path("other.yaml").write_text(other)
    assert "its levels is 1, not 2" in refused(capsys, "train", "other.yaml", "--out", "run")
    before = Path("agents/tiny/weights.safetensors").read_bytes()
    line = refused(capsys, "train", "other.yaml", "--out", "new", "--into", "agents")
    assert "agents/tiny is there and not made by this run" in line
    Path("bundled.yaml").write_text(TINY.replace("tiny", DEFAULT_AGENT))
    line = refused(capsys, "train", "bundled.yaml", "--out", "new", "--into", "agents")
    assert f"already an agent '{DEFAULT_AGENT}'" in line
    assert Path("agents/tiny/weights.safetensors").read_bytes() == before
    assert not Path("new").exists()
    tried("train", "file", "out", "into", "threads")


@pytest.mark.parametrize("what", ["curve.jsonl", "levels.csv", "run.json"])
def test_train_leaves_the_folder_of_another_alone(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("tiny.yaml").write_text(TINY)
    Path("theirs").mkdir()
    Path("theirs", what).write_text('{"samples": 1}\n')
    refused(capsys, "train", "tiny.yaml", "--out", "theirs")
    assert {path.name: path.read_text() for path in Path("theirs").glob("[a-z]*")} == {what: '{"samples": 1}\n'}


def test_agents(capsys: pytest.CaptureFixture[str]) -> None:
    def imported(name: str, *options: str) -> tuple[str, object]:
        main(["agents", "import", "my agent.v2.safetensors", name, *options])
        info = agent_info(name)
        return info.distribution_mode, info.region

    assert imported("a.b") == ("hard", None)
    assert imported("a.c", "--mode", "easy", "--region", "3") == ("easy", 3)
    assert "already an agent 'a.c'" in refused(capsys, "agents", "import", "my agent.v2.safetensors", "a.c")
    assert "region" in refused(capsys, "agents", "import", "my agent.v2.safetensors", "a.d", "--region", "26")
    main(["agents", "list"])
    assert "a.b" in capsys.readouterr().out
    main(["agents", "show", "a.c"])
    assert "# a.c" in capsys.readouterr().out
    tried("agents import", "checkpoint", "name", "mode", "region")
    tried("agents show", "agent")


@needs_no_gpu
def test_report(capsys: pytest.CaptureFixture[str]) -> None:
    """Each option makes another report than the one whose folder this is."""
    Path("run").mkdir()
    settings = report_settings(Context(DEFAULT_AGENT, 1, None, Path("run"), "auto", "float32"))
    Path("run", "run.json").write_text(json.dumps(settings))
    for name, value, differs in (
        ("agent", "my agent.v2.safetensors", "agent"),
        ("levels", "2", "seeds"),
        ("mode", "hard", "mode"),
        ("precision", "bfloat16", "network_hash"),
    ):
        options = {"levels": "1", name: value}
        assert f"belongs to another run: its {differs}" in refused(capsys, "report", *words(options), "--out", "run")
    assert "has no effect" in refused(capsys, "report", "--workers", "2", "--scheduler", SCHEDULER, "--out", "new")
    assert "no dask scheduler answers" in refused(capsys, "report", "--scheduler", SCHEDULER, "--levels", "1")
    assert NO_GPU in refused(capsys, "report", "--device", "cuda", "--out", "new")
    assert not Path("new").exists()
    tried("report", "agent", "out", "levels", "mode", "workers", "scheduler", "device", "precision")


@pytest.fixture(scope="module", autouse=True)
def _all_tried(request: pytest.FixtureRequest) -> Iterator[None]:
    """No option of these commands was forgotten, if all tests of this file ran."""
    yield
    every: Callable[[str], set[tuple[str, str]]] = lambda name: {(name, option) for option in commands()[name].options}  # noqa: E731
    missing = set().union(*map(every, AT_LEAST_TRIED)) - TRIED
    if len([item for item in request.session.items if item.path == Path(__file__)]) > 9:
        assert not missing
