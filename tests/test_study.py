"""A study is one class and one line: from these come the command, the files, resume, and `mi.studies.<name>`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
from matplotlib.figure import Figure

import maze_interp as mi
from maze_interp import MazeInterpError
from maze_interp.commands.main import main, make_parser
from maze_interp.mazes.maze import Maze
from maze_interp.results.estimates import estimate
from maze_interp.results.files import write_whole
from maze_interp.studies.agent_study import AgentStudy
from maze_interp.studies.options import Names, Seeds
from maze_interp.studies.registry import STUDIES, register
from maze_interp.studies.result import Picture, Result
from maze_interp.studies.runner import Run
from maze_interp.sweeps.experiment import Experiment


@dataclass(frozen=True)
class Corridors(Experiment):
    """The open squares of a level."""

    name: ClassVar[str] = "corridors"
    columns: ClassVar[tuple[str, ...]] = ("share",)
    scale: float = 1.0

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        return [{"share": self.scale * len(maze.squares) / maze.size**2}]


@dataclass(frozen=True, kw_only=True)
class ToyStudy(AgentStudy):
    """Measure how open mazes are.

    Attributes:
        scale: What shares are multiplied by.
        words: Words that are repeated.
        loud: Whether to shout.
    """

    name: ClassVar[str] = "toy-study"
    title: ClassVar[str] = "A toy"
    report_levels: ClassVar[int] = 30

    seeds: Seeds = range(40)
    scale: float = 1.0
    words: Names = ("a", "b")
    loud: bool = False

    def measure(self, run: Run) -> Mapping[str, pd.DataFrame]:
        """See `Study`."""
        if self.scale <= 0:
            raise MazeInterpError("the scale is above 0")
        return {"corridors": run.rows(Corridors(self.policy, self.agent, self.levels(), self.scale))}

    def summarise(self, rows: Mapping[str, pd.DataFrame]) -> Result:
        """See `Study`."""
        share = estimate(rows["corridors"]["share"])
        return Result(
            statement=f"Mazes are open by {share}.",
            lines=[f"share: {share}"],
            numbers={"share": share},
            tables={"corridors": rows["corridors"]},
            pictures={"share": Picture(Figure(), "The share.", "Nothing.")},
            captions={"corridors": "Open squares"},
            notes=["An open square can be walked on."],
        )


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    register(ToyStudy)
    yield
    del STUDIES["toy-study"]


def test_the_command_and_its_help(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["toy-study", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for words in (
        "Measure how open mazes are.",
        "What shares are multiplied by. [1.0]",
        "Words that are repeated. [a,b]",
    ):
        assert words in text
    assert all(f"--{field.name}" in text for field in fields(ToyStudy))
    main(["toy-study", "--seeds", "0:4", "--words", "x, y", "--loud", "--out", str(tmp_path / "run"), "--workers", "1"])
    assert "written to" in capsys.readouterr().out
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["words"], summary["loud"], summary["seeds"]) == (["x", "y"], True, "0:4")
    assert summary["figures"]["share"]["n"] == 4
    assert len(pd.read_csv(tmp_path / "run" / "corridors.csv")) == 4
    assert (tmp_path / "run" / "share.png").read_bytes().startswith(b"\x89PNG")


def test_from_python_with_and_without_a_folder(tmp_path: Path) -> None:
    study = mi.studies.toy_study(seeds=range(4))  # type: ignore[call-arg]
    kept, lost = study.run(tmp_path / "run"), study.run()
    assert kept.text == lost.text
    pd.testing.assert_frame_equal(kept.tables["corridors"], lost.tables["corridors"])
    assert isinstance(kept.figures["share"], Figure)
    html = kept._repr_html_()
    assert kept.statement in html
    assert "<h2" not in html  # no part of the notebook begins with a result
    assert "maze-interp toy-study --seeds 0:4" in html
    assert len(repr(kept)) < 400
    assert not any("run" in str(path) for path in Path().glob("runs/toy-study"))


def test_the_command_of_a_study_makes_the_same_study() -> None:
    for study in (
        ToyStudy(),
        ToyStudy(agent="rand_region_5", seeds=range(3, 9), mode="easy", scale=0.5, words=("one",), loud=True),
        ToyStudy(seeds=(3, 5, 7)),
    ):
        parsed = make_parser().parse_args(study.command().split()[1:])
        assert parsed.study(parsed) == study


@dataclass(frozen=True, kw_only=True)
class Unregistered(ToyStudy):
    """A study that no command line knows."""

    name: ClassVar[str] = "unregistered"


def test_what_no_command_line_makes_names_none() -> None:
    unnamed = ToyStudy(seeds=range(2)).with_network(mi.load_policy(), region=5)
    assert unnamed.command() == ""
    for study in (Unregistered(seeds=range(2)), unnamed):
        result = study.run(workers=1)
        assert result.command == ""
        assert "Reproduce" not in result._repr_html_()


def test_resume_reads_back_what_is_done(tmp_path: Path) -> None:
    study = ToyStudy(seeds=range(4))
    whole = study.run(tmp_path / "whole")
    study.run(tmp_path / "run")
    rows = tmp_path / "run" / "rows" / "corridors" / "corridors.csv"
    rows.unlink()
    parts = rows.parent / "parts"
    write_whole(parts / "2.csv", "2,0.125\n")
    resumed = study.run(tmp_path / "run")
    shares = whole.tables["corridors"]["share"].tolist()
    assert resumed.tables["corridors"]["share"].tolist() == [*shares[:2], 0.125, shares[3]]
    with pytest.raises(MazeInterpError, match=r"belongs to another run: its scale is 1\.0, not 2\.0"):
        ToyStudy(seeds=range(4), scale=2.0).run(tmp_path / "run")


def test_a_refused_run_does_not_keep_the_folder(tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match="the scale is above 0"):
        ToyStudy(scale=-1.0).run(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    ToyStudy(seeds=range(2)).run(tmp_path / "run")


def test_smaller_for_the_report() -> None:
    study = ToyStudy.for_report(mi.DEFAULT_AGENT, None, 0.1, {})
    assert study is not None
    assert study.seeds == range(3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": "9:3"}, "seed range '9:3' is empty"),
        ({"seeds": [1.5]}, "whole numbers"),
        ({"seeds": [-1]}, "start at 0"),
        ({"seeds": [1, 1]}, "twice"),
        ({"scale": "much"}, "scale cannot be 'much'"),
        ({"mode": "medium"}, "mode cannot be 'medium': it should be 'easy' or 'hard'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(MazeInterpError, match=message):
        ToyStudy(**options)
