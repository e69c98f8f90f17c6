"""Levels to look at: the scores by other means, and the solve rate in the training region."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from small_mazes import SMALL

from maze_interp import Maze, behaviour, vector_field
from maze_interp.bundled import HELD_OUT
from maze_interp.errors import MazeInterpError
from maze_interp.explorer.agents import Agents
from maze_interp.explorer.levels import conflict, disagreement, loops, rank_levels, solve_rate
from maze_interp.explorer.messages import RankLevels
from maze_interp.explorer.pane import Pane, text_of
from maze_interp.explorer.session import open_sweeps
from maze_interp.explorer.state import PaneText
from maze_interp.mazes.features import FEATURE_NAMES
from maze_interp.mazes.maze import Square
from maze_interp.measure.field import VectorField
from maze_interp.policies.agents import load_policy
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.moves import MOVES, STEPS
from maze_interp.studies.runner import run_study
from maze_interp.studies.sweep.study import Sweep as SweepStudy
from maze_interp.sweeps.levels import LevelSet

MAZES = [Maze.from_seed(HELD_OUT + i, "easy") for i in range(3)]


def led_to(field: VectorField, square: Square) -> Square:
    """Where the most probable move leads."""
    move = MOVES[int(np.argmax([field.prob(square, move) for move in MOVES]))]
    dx, dy = STEPS[MOVES.index(move)]
    x, y = square[0] + int(dx), square[1] + int(dy)
    return (x, y) if (x, y) in field.maze.squares else square


def test_scores_by_walking(untrained: Impala) -> None:
    for maze in MAZES:
        field, other = vector_field(untrained, maze), vector_field(load_policy("rand_region_3_easy_imitation"), maze)
        round_and_round = conflicts = 0
        value = dict(zip(field.squares, field.value, strict=True))
        for square in field.squares:
            at, seen = square, [square]
            while at != maze.cheese and (onward := led_to(field, at)) not in seen:
                seen.append(at := onward)
            round_and_round += at != maze.cheese and led_to(field, at) != at
            beside = [(square[0] + dx, square[1] + dy) for dx, dy in STEPS[:4].tolist()]
            best = max(value.get(each, np.inf) for each in beside if each in maze.squares)
            conflicts += value.get(led_to(field, square), np.inf) < best
        assert loops(field) == pytest.approx(round_and_round / len(field.squares))
        assert conflict(field) == pytest.approx(conflicts / len(field.squares))
        assert disagreement(field, field) == 0 < disagreement(field, other) < 1


def pane(agent: str, maze: Maze, policy: Impala) -> Pane:
    return Pane(PaneText(agent=agent, maze=text_of(maze)), Agents(policy, "easy"))


def test_levels_are_ranked(untrained: Impala) -> None:
    panes = [pane(agent, MAZES[0], untrained) for agent in ("untrained", "rand_region_3_easy_imitation")]
    ask = RankLevels(id=1, what="levels", by="disagreement", count=3)
    *_, last = rank_levels(ask, panes, {})
    scores = [row["score"] for row in last["rows"]]
    assert scores == sorted(scores, reverse=True)
    assert {row["seed"] for row in last["rows"]} == {maze.seed for maze in MAZES}
    best = last["rows"][0]
    maze = Maze.from_ascii(best["maze"]["ascii"], best["mode"], best["seed"])
    assert best["score"] == disagreement(*(vector_field(each.policy, maze) for each in panes))
    assert best["p_cheese"] == behaviour(untrained, maze).p_cheese
    with pytest.raises(MazeInterpError, match="between two agents"):
        next(rank_levels(ask, panes[:1], {}))
    with pytest.raises(MazeInterpError, match="unknown sweep"):
        next(rank_levels(ask.model_copy(update={"sweep": "/etc"}), panes, {}))


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished sweep."""
    folder = tmp_path_factory.mktemp("sweeps") / "small"
    run_study(SweepStudy(seeds=SMALL[:36]), folder)
    return folder


def test_surprise_in_a_sweep(untrained: Impala, swept: Path) -> None:
    sweeps = open_sweeps([swept])
    (answer,) = rank_levels(
        RankLevels(id=1, what="levels", by="surprise", sweep="small"), [pane("untrained", MAZES[0], untrained)], sweeps
    )
    rows = pd.read_csv(swept / "levels.csv").dropna()
    x, y = rows[list(FEATURE_NAMES)], rows["p_cheese"]
    expected = pd.Series(np.abs(y - LinearRegression().fit(x, y).predict(x)).to_numpy(), index=rows["seed"])
    got = {row["seed"]: row["score"] for row in answer["rows"]}
    assert list(got) == list(expected.sort_values(ascending=False).index[: len(got)])
    assert list(got.values()) == pytest.approx(expected.sort_values(ascending=False).to_list()[: len(got)])


def test_no_sweep(tmp_path: Path, swept: Path) -> None:
    with pytest.raises(MazeInterpError, match=r"is no sweep: it holds no run\.json"):
        open_sweeps([tmp_path])
    with pytest.raises(MazeInterpError, match="two sweeps are called small"):
        open_sweeps([swept, swept])


def test_solve_rate(untrained: Impala) -> None:
    one = PaneText.model_validate(
        {
            "agent": "rand_region_3_easy_imitation",
            "maze": text_of(MAZES[0]),
            "edits": [{"kind": "zero", "layer": Impala.default_layer}],
        }
    )
    shown = Pane(one, Agents(untrained, "easy"))
    seeds = range(HELD_OUT, HELD_OUT + 2)
    *_, last = solve_rate(shown, seeds)
    mazes = [LevelSet(seeds, "easy", 3).maze(seed) for seed in seeds]
    assert last["before"]["mean"] == pytest.approx(np.mean([behaviour(shown.policy, maze).p_cheese for maze in mazes]))
    assert last["after"]["mean"] == pytest.approx(
        np.mean([behaviour(shown.policy, maze, shown.edits).p_cheese for maze in mazes])
    )
    assert (last["done"], last["total"], last["region"], last["mode"]) == (2, 2, 3, "easy")
