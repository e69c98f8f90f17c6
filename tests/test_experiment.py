"""Experiments over levels: rows in order, the same bytes after a stop, whatever the workers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest

from maze_interp import DEFAULT_AGENT, LevelSet, Maze, MazeInterpError, load_policy
from maze_interp.results.run_directory import run_directory
from maze_interp.sweeps.experiment import Experiment, each_once, run_experiment
from maze_interp.sweeps.spread import cluster


@dataclass(frozen=True)
class CountMoves(Experiment):
    """A row for every square beside the start; no row where there is one alone."""

    name: ClassVar[str] = "moves"
    columns: ClassVar[tuple[str, ...]] = ("x", "share")
    factor: float = 1.0
    fail_at: int | None = None

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        if maze.seed == self.fail_at:
            raise MazeInterpError(f"stopped at {maze.seed}")
        beside = [square for square in maze.squares if maze.steps(maze.start, square) == 1]
        return [{"x": x, "share": self.factor / len(beside)} for x, _ in beside if len(beside) > 1]


LEVELS = LevelSet(range(30, 42), "easy")


def test_rows_resume_and_refusal(tmp_path: Path) -> None:
    policy = load_policy(DEFAULT_AGENT)
    whole = run_experiment(CountMoves(policy, DEFAULT_AGENT, LEVELS), tmp_path / "whole", workers=1)
    assert list(whole.columns) == ["seed", "x", "share"]
    expected = [row["x"] for seed in LEVELS.seeds for row in CountMoves(policy, "", LEVELS).rows(LEVELS.maze(seed))]
    assert list(whole["x"]) == expected
    assert 0 < len(expected) < 2 * len(LEVELS.seeds)

    stopped = CountMoves(policy, DEFAULT_AGENT, LEVELS, fail_at=36)
    with pytest.raises(MazeInterpError, match="stopped at 36"):
        run_experiment(stopped, tmp_path / "stopped", workers=1)
    assert not (tmp_path / "stopped" / "moves.csv").exists()
    with pytest.raises(MazeInterpError, match="fail_at is 36, not None"):
        run_experiment(CountMoves(policy, DEFAULT_AGENT, LEVELS), tmp_path / "stopped")
    settings = tmp_path / "stopped" / "run.json"  # as a kill would have left the run that does not fail
    settings.write_text(settings.read_text().replace('"fail_at": 36', '"fail_at": null'))
    kept = tmp_path / "stopped" / "parts" / "30.csv"
    seeds = whole["seed"].unique()
    kept = next(part for part in sorted(kept.parent.glob("*.csv")) if part.read_text())
    kept.write_text(f"{kept.stem},0,7.0\n")  # a part is read back and not computed again
    with cluster(2) as outer, cluster(1) as inner:
        assert inner is outer
        resumed = run_experiment(CountMoves(policy, DEFAULT_AGENT, LEVELS), tmp_path / "stopped")
    assert not kept.parent.exists()
    assert list(resumed["seed"].unique()) == list(seeds)
    marked = int(kept.stem)
    assert resumed.loc[resumed["seed"] == marked, "share"].tolist() == [7.0]
    others = [table[table["seed"] != marked].reset_index(drop=True) for table in (resumed, whole)]
    pd.testing.assert_frame_equal(*others)


def test_a_refused_run_keeps_nothing_of_one_killed_before_it(tmp_path: Path) -> None:
    """What a kill leaves before anything is measured: a later refusal must end as if nothing had been there."""
    (tmp_path / "run.json").write_text('{"study": "sweep"}')
    with pytest.raises(MazeInterpError, match="too few"), run_directory(tmp_path, {"study": "sweep"}):
        raise MazeInterpError("too few levels")
    assert not list(tmp_path.iterdir())
    (tmp_path / "run.json").write_text('{"study": "sweep"}')
    (tmp_path / "rows.csv").write_text("kept")
    with pytest.raises(MazeInterpError, match="too few"), run_directory(tmp_path, {"study": "sweep"}):
        raise MazeInterpError("too few levels")
    assert {path.name for path in tmp_path.iterdir()} >= {"run.json", "rows.csv"}


def test_what_makes_a_run_another_one_is_named_and_no_more(tmp_path: Path) -> None:
    agents = [{"agent": "a", "agent_hash": "1"}, {"agent": "b", "agent_hash": "2"}]
    with run_directory(tmp_path, {"agents": agents}):
        pass
    other = [agents[0], {**agents[1], "agent_hash": "3"}]
    for wanted, message in (
        (other, "its agents/1/agent_hash is '2', not '3'; choose"),
        ([1], "its agents is .*, not .1."),
    ):
        with pytest.raises(MazeInterpError, match=message), run_directory(tmp_path, {"agents": wanted}):
            pass


def test_the_same_experiment_is_measured_once(tmp_path: Path) -> None:
    """The second copies the rows of the first, which were changed meanwhile; another is measured."""
    policy, table = load_policy(DEFAULT_AGENT), tmp_path / "first" / "moves.csv"
    with each_once():
        run_experiment(CountMoves(policy, DEFAULT_AGENT, LEVELS), tmp_path / "first", 1)
        table.write_text(f"{table.read_text()}41,0,7.0\n")
        again = run_experiment(CountMoves(policy, DEFAULT_AGENT, LEVELS), tmp_path / "again", 1)
        other = run_experiment(CountMoves(policy, DEFAULT_AGENT, LEVELS, factor=2.0), tmp_path / "other", 1)
    assert again["share"].iloc[-1] == 7.0
    assert 7.0 not in other["share"].tolist()
    apart = run_experiment(CountMoves(policy, DEFAULT_AGENT, LEVELS), tmp_path / "apart", 1)
    assert 7.0 not in apart["share"].tolist()
