"""A policy of a known rule, acting on what procgen shows it and swept like any, is recovered by the statistics."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from maze_interp import Maze, maze_features, observe, to_input
from maze_interp.bundled import HELD_OUT
from maze_interp.environment.observe import FACINGS
from maze_interp.mazes.maze import Square
from maze_interp.policies.moves import MOVE_OF_ACTION, STEPS
from maze_interp.studies.compare.fits import FITS
from maze_interp.studies.statistics.change_point import DISTANCES, change_points, compare_shapes, fit_step
from maze_interp.studies.statistics.data import FinishedSweep, select
from maze_interp.studies.statistics.fits import Effort
from maze_interp.studies.statistics.hypotheses import signs
from maze_interp.studies.statistics.regression import coefficients, single_regressions
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.sweep import LevelSweep

LEVELS = LevelSet(range(HELD_OUT, HELD_OUT + 260), "easy")
REGION = 3
QUICK = Effort(repeats=1, refits=12)
RULES = {"euclidean_cheese_decision_square": 5.0, "steps_cheese_decision_square": 9.0}

FIRST_ACTION = [MOVE_OF_ACTION.tolist().index(move) for move in range(len(STEPS))]


class Planted(nn.Module):
    """Knows its observations by heart: heads for the cheese in levels where its rule says so, else for the corner.

    At each square one action has about nine tenths of the probability, the others share the rest.
    """

    def __init__(self, actions: dict[bytes, int]) -> None:
        super().__init__()
        self.actions = actions

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        known = torch.tensor([self.actions[one] for one in looks(observations)])
        return 5.0 * nn.functional.one_hot(known, len(MOVE_OF_ACTION)), torch.zeros(len(known))


def looks(observations: Tensor) -> list[bytes]:
    """What each picture is known by; a hash, for a run's settings name all that a network has."""
    pictures = observations.mul(255).round().to(torch.uint8).contiguous().numpy()
    return [blake2b(picture.tobytes(), digest_size=12).digest() for picture in pictures]


def plant() -> dict[str, Planted]:
    """By variable: takes the cheese when it is near the decision square by it, or if there is none to decide at."""
    actions: dict[str, dict[bytes, int]] = {variable: {} for variable in RULES}
    for maze in map(LEVELS.maze, LEVELS.seeds):
        shown = [looks(to_input(observe(maze, None, facing))) for facing in FACINGS]
        features = maze_features(maze)
        for variable, near in RULES.items():
            distance = features[variable]
            assert maze.cheese is not None
            goal = maze.cheese if distance is None or distance <= near else maze.top_right
            onward = actions_towards(maze, goal)
            for seen, action in (pair for pictures in shown for pair in zip(pictures, onward, strict=True)):
                assert actions[variable].setdefault(seen, action) == action
    return {variable: Planted(known) for variable, known in actions.items()}


def actions_towards(maze: Maze, goal: Square) -> list[int]:
    """On each open square the action that leads along the shortest path, and none that moves on the goal."""
    away = np.pad(np.where(maze.open, maze.distances(goal), np.inf), 1, constant_values=np.inf)
    beside = [[away[y + 1 + dy, x + 1 + dx] for dx, dy in STEPS] for x, y in maze.squares]
    return [FIRST_ACTION[int(np.argmin(distances))] for distances in beside]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FinishedSweep]:
    """By the variable of its rule, each policy's sweep."""
    out = tmp_path_factory.mktemp("planted")
    sweeps = {name: LevelSweep(policy, "planted", LEVELS, horizon=200) for name, policy in plant().items()}
    return {
        variable: FinishedSweep(sweep.settings, run_experiment(sweep, out / variable, workers=1), REGION)
        for variable, sweep in sweeps.items()
    }


@pytest.mark.parametrize("variable", RULES)
def test_the_rule_is_recovered(variable: str, swept: dict[str, FinishedSweep]) -> None:
    """The right variable among eleven, two of them much alike, and the right change point."""
    levels = select(swept[variable].levels, REGION)
    near = levels[variable] <= RULES[variable]
    assert levels["p_cheese"][near].min() > 0.99
    assert levels["p_cheese"][~near].max() < 0.2  # it may yet stray there

    single = single_regressions(levels, "p_cheese", QUICK)
    assert single["variable"][0] == variable
    assert single["accuracy"][0] > 0.98
    assert single["accuracy_low"][0] > 0.94  # the interval can leave 1
    assert single["coefficient_high"][0] < 0
    three = coefficients(levels, "p_cheese", QUICK).query("model == 'three stable'").set_index("variable")
    assert three["coefficient_high"][variable] < 0
    assert three["coefficient"].drop("intercept").idxmin() == variable
    asked = signs(levels, "p_cheese", QUICK).query("variable == @variable")
    assert set(asked["closer_more_often"]) == {"yes"}

    for outcome in ("p_cheese", "decision_p_cheese"):
        points = pd.concat(
            change_points(fit_step(levels, name, outcome, QUICK), compare_shapes(levels, name, outcome, QUICK))
            for name in DISTANCES
        ).set_index("variable")
        assert points["at"][variable] == RULES[variable]
        assert list(points.index[points["verdict"] == "change point"]) == [variable]


@pytest.mark.parametrize("variable", RULES)
def test_the_rule_is_recovered_where_agents_are_compared(variable: str, swept: dict[str, FinishedSweep]) -> None:
    sweep = swept[variable]
    tables = {name: fit(sweep, QUICK) for name, fit in FITS.items()}
    for table in tables.values():
        assert (table["n"] == len(select(sweep.levels, REGION))).all()
    assert tables["coefficients"].set_index("variable")["together"].idxmin() == variable
    assert tables["change_points"].set_index("variable").loc[variable, ["at", "verdict"]].tolist() == [
        RULES[variable],
        "change point",
    ]
    at_fixed = tables["at_fixed"].query("outcome == 'p_cheese'").set_index("variable")
    assert at_fixed["coefficient"].idxmin() == variable
    accuracies = tables["accuracies"].set_index("model")["accuracy"]
    assert accuracies["three stable"] > accuracies["majority guess"] + 0.1
    assert tables["chain"].set_index("outcome").loc["decision_p_cheese", "nats_alone_low"] > 0
    layout = tables["layout_accuracies"].set_index(["model", "predictors"])["accuracy"]
    assert layout["additive", "distances"] > layout["additive", "layout"]
