"""`train` from a file to an agent in its folder, through the command line, and its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from maze_interp.commands.main import main
from maze_interp.policies.agents import agent_info, load_network
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.sweeps.spread import cluster
from maze_interp.training import card

TINY = "method: exact\nname: tiny\nregion: 1\nupdates: 2\nlevels: 2\nstates: 16\nvalue_levels: 2\n"


def test_from_a_file_to_an_agent_that_is_found_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(card.bundle_agent, "__defaults__", (2,))  # levels to measure it on
    Path("tiny.yaml").write_text(TINY)
    with cluster(1):  # measuring in this process
        main(["train", "tiny.yaml", "--into", "agents"])
    assert capsys.readouterr().out == "written to agents/tiny\n"
    info = agent_info("tiny")
    assert (info.distribution_mode, info.region) == ("easy", 1)
    assert info.training == "reinforcement learning (exact policy gradient), no imitation"
    assert agent_hash(load_network("tiny")) in info.card
    assert "cheese in the top-right 1×1" in info.card


@pytest.mark.parametrize("name", ["history", "curve.jsonl", "run.json"])
def test_an_agent_may_have_the_name_of_a_file_of_its_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(card.bundle_agent, "__defaults__", (1,))
    Path("run.yaml").write_text(TINY.replace("tiny", name) + "history: 1\n")
    for _ in range(2):
        with cluster(1):
            main(["train", "run.yaml", "--out", "run"])
    assert f"# {name}\n" in Path("run", "agent", name, "README.md").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no file tiny.yaml"),
        (TINY + "levles: 3\n", "tiny.yaml:8: levles: unknown setting 'levles': did you mean levels"),
        (TINY.replace("exact", "exactly"), "tiny.yaml:1: method: unknown method 'exactly': did you mean exact"),
        (TINY + "learning_rate: fast\n", "tiny.yaml:8: learning_rate: should be a valid number, not"),
    ],
)
def test_mistakes_are_one_line(
    text: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("tiny.yaml").write_text(text)
    with pytest.raises(SystemExit) as stop:
        main(["train", "tiny.yaml"])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"maze-interp: {message}")
    assert not Path("runs").exists()
