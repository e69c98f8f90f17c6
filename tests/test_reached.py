"""Behaviour from the states that are reached: within its bound of that from all states, and the bound a small one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import maze_interp as mi
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import DistributionMode, Maze
from maze_interp.measure.behaviour import TOLERANCE, Behaviour, behaviour, behaviours
from maze_interp.measure.chain import arrivals, make_chain, occupancy, reach_within
from maze_interp.measure.evaluate import evaluate
from maze_interp.policies.agents import load_network
from maze_interp.policies.architectures.impala import Impala
from maze_interp.sweeps.sweep import level_row

FIGURES = ("p_cheese", "p_top_right", "p_region", "expected_steps", "exit_cheese", "exit_top_right", "exit_other")


def figures(result: Behaviour) -> list[float]:
    row: dict[str, Any] = level_row(result)
    return [np.nan if row[name] is None else row[name] for name in FIGURES]


def squares_run(results: list[Behaviour]) -> int:
    return sum(len(result.field.squares) for result in results)


@pytest.mark.parametrize(("agent", "mode"), [("rand_region_5", "hard"), ("rand_region_3_easy_imitation", "easy")])
def test_figures_are_within_the_bound(agent: str, mode: DistributionMode) -> None:
    policy = load_network(agent)
    mazes = [Maze.from_seed(seed, mode) for seed in range(12)]
    mazes += [mazes[3].with_cheese(None), mazes[4].with_open((1, 1), True)]  # without a cheese, and with a loop
    part, full = list(behaviours(policy, mazes)), list(behaviours(policy, mazes, tolerance=0))
    assert squares_run(part) < 0.9 * squares_run(full)
    for one, every in zip(part, full, strict=True):
        assert one.bound <= TOLERANCE
        assert every.bound == 0
        rounding = 1e-12
        np.testing.assert_allclose(figures(one), figures(every), rtol=0, atol=one.bound + rounding)
        np.testing.assert_allclose(one.occupancy, every.occupancy, rtol=0, atol=one.bound + rounding)
        for square in every.field.squares[::9]:
            assert one.p_visit(square) == pytest.approx(every.p_visit(square), abs=one.bound + rounding)
        if one.maze.decision_square is not None:
            assert one.field.p_cheese == every.field.p_cheese


def test_a_larger_tolerance_is_kept_with_fewer_states() -> None:
    policy = load_network("rand_region_5")
    mazes = [Maze.from_seed(seed) for seed in range(6)]
    fine, coarse = (list(behaviours(policy, mazes, tolerance=tolerance)) for tolerance in (1e-9, 1e-2))
    assert squares_run(coarse) < squares_run(fine)
    bounds = np.array([result.bound for result in coarse])
    error = np.abs(np.array([figures(result) for result in coarse]) - [figures(result) for result in fine])
    assert (bounds <= 1e-2).all()
    assert (np.nan_to_num(error).max(axis=1) <= bounds + 1e-9).all()
    assert bounds.max() > 1e-9


def test_a_policy_that_goes_everywhere_is_evaluated_everywhere(untrained: Impala) -> None:
    maze = Maze.from_seed(3, "easy")
    (part,) = behaviours(untrained, [maze])
    full = behaviour(untrained, maze)
    assert part.bound == 0
    assert figures(part) == figures(full)
    assert part.p_cheese_limit == full.p_cheese_limit


def test_what_needs_every_state_says_so() -> None:
    policy = load_network("rand_region_5")
    part = next(result for result in behaviours(policy, (Maze.from_seed(seed) for seed in range(20))) if result.bound)
    missing = next(square for square in part.maze.squares if square not in {*part.field.squares, part.maze.cheese})
    with pytest.raises(MazeInterpError, match="needs every state: measure with tolerance=0"):
        _ = part.p_cheese_limit
    with pytest.raises(MazeInterpError, match=r"was not evaluated, being hardly reached: measure with tolerance=0"):
        part.field.prob(missing, "up")
    with pytest.raises(MazeInterpError, match="tolerance is at least 0, not -1"):
        mi.behaviour(policy, part.maze, tolerance=-1)


def test_arrivals_forwards_are_those_backwards(untrained: Impala) -> None:
    maze = Maze.from_seed(2, "easy")
    assert maze.cheese is not None
    (evaluation,) = evaluate(untrained, [maze])
    chain = make_chain(evaluation)
    begin = (np.arange(chain.cheese + 1) == chain.start).astype(float)
    sets = np.column_stack([chain.states([square]) for square in ((0, 0), (2, 2), maze.cheese)])
    entered, spent = arrivals(chain.transitions, begin, sets, 77)
    np.testing.assert_allclose(entered.sum(axis=0), reach_within(chain.transitions, sets, 77)[chain.start], atol=1e-13)
    np.testing.assert_allclose(spent, occupancy(chain.transitions, begin, 77), atol=1e-13)
