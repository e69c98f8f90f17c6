"""What the agent does in the levels of a store, for the targets that ask: p_cheese, and its move from every square."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from maze_interp.mazes.maze import Maze
from maze_interp.measure.behaviour import behaviour
from maze_interp.policies.moves import MOVES
from maze_interp.sweeps.experiment import Experiment, Row

_LETTERS = "".join(move[0] for move in MOVES)
_NONE = "-"


@dataclass(frozen=True)
class Outcome:
    """What the agent does in one level: the exact probability of getting the cheese, and its most probable moves.

    For every open square, in the order of `maze.squares`, the move's number in `MOVES`, facing left, as float64; NaN on
    the cheese.
    """

    p_cheese: float
    moves: NDArray[np.float64]


@dataclass(frozen=True)
class AgentOutcomes(Experiment):
    """`Outcome` of every level: a row each, the moves as letters."""

    name: ClassVar[str] = "outcomes"
    columns: ClassVar[tuple[str, ...]] = ("p_cheese", "moves")

    def rows(self, maze: Maze) -> list[Row]:
        """See `Experiment`."""
        result = behaviour(self.policy, maze)
        best = dict(zip(result.field.squares, result.field.probs.argmax(axis=1), strict=True))
        moves = "".join(_LETTERS[best[square]] if square in best else _NONE for square in maze.squares)
        return [{"p_cheese": result.p_cheese, "moves": moves}]


def outcomes_of(table: pd.DataFrame) -> dict[int, Outcome]:
    """The rows of `AgentOutcomes` by level seed."""
    return {int(row.seed): Outcome(float(row.p_cheese), _numbers(row.moves)) for row in table.itertuples(index=False)}


def _numbers(letters: str) -> NDArray[np.float64]:
    return np.array([np.nan if letter == _NONE else _LETTERS.index(letter) for letter in letters])
