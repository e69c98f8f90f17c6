"""Agreement of policy and value head: whether the most probable move leads to the state of the highest value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import nn

from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.effects import effects, free_moves
from maze_interp.measure.field import VectorField, vector_field
from maze_interp.policies.moves import STEPS
from maze_interp.policies.untrained import xavier_like
from maze_interp.probing.controls import UNTRAINED
from maze_interp.sweeps.experiment import Experiment

SQUARES = {"decision": "the decision square", "all": "all squares", "region": "squares of the training region"}
"""Sets of squares, in words."""

QUANTITIES = {
    "agreement": "most probable move leads to the highest value",
    "chance": "the same for a random one of the next states",
    "cheese_correlation": "rank correlation of value and nearness to the cheese",
    "corner_correlation": "rank correlation of value and nearness to the corner",
    "moving": "most probable move to another square leads to the highest value among those",
    "moving_chance": "the same for a random one of the other squares",
}
"""What is measured, in words."""


CONTROL_EVERY = 5
"""Of so many levels, one is measured with the untrained networks, too."""


@dataclass(frozen=True)
class ValueAgreement(Experiment):
    """A row per network and set of squares that a level has; see `agreements`.

    The untrained networks, which differ in their `draw`, are measured on every fifth level.

    The correlations are of the value with the steps to cheese and corner, with the sign turned so that positive means a
    higher value nearer to it; over all squares, and empty for other sets.

    Attributes:
        region: the agent's training region n.
        untrained: number of untrained networks, the seeds of their weights 1, 2, …
    """

    name: ClassVar[str] = "value_agreement"
    columns: ClassVar[Sequence[str]] = ("network", "draw", "squares", "count", *QUANTITIES)

    region: int
    untrained: int = UNTRAINED

    @cached_property
    def networks(self) -> dict[tuple[str, int], nn.Module]:
        """By their names and draws in the table, the agent first."""
        untrained = {("untrained", draw): xavier_like(self.policy, draw) for draw in range(1, self.untrained + 1)}
        return {("agent", 0): self.policy, **untrained}

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        decision = maze.decision_square
        sets = {"decision": [decision] if decision else [], "all": maze.squares, "region": maze.region(self.region)}
        controls = self.levels.seeds.index(maze.seed) % CONTROL_EVERY == 0
        return [
            {"network": name, "draw": draw, "squares": which, **figures}
            for (name, draw), network in list(self.networks.items())[: None if controls else 1]
            for which, figures in _by_set(vector_field(network, maze), sets).items()
        ]


def _by_set(field: VectorField, sets: dict[str, Sequence[Square]]) -> dict[str, dict[str, float | None]]:
    agrees, chance = agreements(field)
    moving, moving_chance = agreements(field, staying=False)
    found: dict[str, dict[str, float | None]] = {}
    for which, squares in sets.items():
        mine = np.array([square in squares for square in field.squares]) & ~np.isnan(agrees)
        if mine.any():
            found[which] = {
                "count": int(mine.sum()),
                "agreement": float(agrees[mine].mean()),
                "chance": float(chance[mine].mean()),
                "cheese_correlation": _nearness(field, field.maze.cheese) if which == "all" else None,
                "corner_correlation": _nearness(field, field.maze.top_right) if which == "all" else None,
                "moving": float(moving[mine].mean()),
                "moving_chance": float(moving_chance[mine].mean()),
            }
    return found


def agreements(field: VectorField, staying: bool = True) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Whether the most probable move leads to the next state with the highest value, square by square.

    Moves into walls and the no-op leave the mouse where it is. The mouse faces left in all next states. Next to the
    cheese, whose square is no state, there is no answer. Every square has an open one beside it. Staying may be left
    out as a move and a next state.

    Returns:
        1 or 0 for each of the field's n squares, NaN without an answer; and the chance of a random one
        of the next states. Both float64 `[n]`.
    """
    row = {square: i for i, square in enumerate(field.squares)}
    free = free_moves(field.maze)
    taken = effects(field.probs, free)
    if not staying:
        free[:, -1] = False
    agrees, chance = np.full(len(row), np.nan), np.full(len(row), np.nan)
    for (x, y), i in row.items():
        onward = [(x + int(dx), y + int(dy)) for (dx, dy), open_ in zip(STEPS, free[i], strict=True) if open_]
        if field.maze.cheese in onward:
            continue
        values = np.full(len(STEPS), -np.inf)
        values[free[i]] = [field.value[row[square]] for square in onward]
        agrees[i] = float(np.where(free[i], taken[i], -np.inf).argmax() == values.argmax())
        chance[i] = 1 / len(onward)
    return agrees, chance


def _nearness(field: VectorField, goal: Square | None) -> float | None:
    """Rank correlation of the value and the steps to a goal, turned; None where either is constant."""
    if goal is None or not field.maze.open[goal[::-1]]:
        return None
    steps = np.array([field.maze.distances(goal)[y, x] for x, y in field.squares])
    known = np.isfinite(steps)
    if len(set(steps[known])) < 2 or np.ptp(field.value[known]) == 0:
        return None
    return -float(spearmanr(field.value[known], steps[known]).statistic)
