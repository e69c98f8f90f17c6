"""Vector fields: what the policy would do from every square."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np
from torch import nn

from maze_interp.arguments import checked, choice, each
from maze_interp.arrays import MoveProbabilities, Values, Vectors
from maze_interp.display import Displayed
from maze_interp.edits.base import Edits
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.evaluate import Evaluation, evaluate
from maze_interp.policies.moves import MOVES, STEPS


@dataclass(frozen=True, eq=False, repr=False)
class VectorField(Displayed):
    """Move probabilities with the mouse placed on every open square but the cheese's, un-mirrored.

    Of a wall follower, which also goes by its heading, the move on its first arrival from the start.

    Attributes:
        maze: the maze.
        squares: the n squares.
        probs: float64 `[n, 5]`, in the order left, down, up, right, noop.
        value: float64 `[n]`, output of the value head; NaN without one.
    """

    maze: Maze
    squares: tuple[Square, ...]
    probs: MoveProbabilities
    value: Values

    def prob(self, square: Square, move: str) -> float:
        """Probability of `move` on `square`.

        Raises:
            MazeInterpError: an unknown move, a wall, or the cheese's square.
        """
        return float(self.probs[self._row(square), MOVES.index(_as_move(move, "move"))])

    @property
    def vectors(self) -> Vectors:
        """Net moves `[n, 2]`, which are (p_right − p_left, p_up − p_down) as in the published study."""
        return self.probs @ STEPS

    @property
    def p_cheese(self) -> float | None:
        """Probability at the decision square of the move along the path to the cheese."""
        return None if self._choices is None else self._choices[0]

    @property
    def p_top_right(self) -> float | None:
        """Probability at the decision square of the move along the path to the top-right corner."""
        return None if self._choices is None else self._choices[1]

    @property
    def p_other(self) -> float | None:
        """Probability at the decision square of all other moves."""
        return None if self._choices is None else 1 - sum(self._choices)

    @cached_property
    def _choices(self) -> tuple[float, float] | None:
        square = self.maze.decision_square
        if square is None or self.maze.cheese is None:
            return None
        goals = (self.maze.cheese, self.maze.top_right)
        cheese, corner = (self.prob(square, move_between(square, self.maze.path(square, goal)[1])) for goal in goals)
        return cheese, corner

    def __repr__(self) -> str:
        at = "" if self._choices is None else f", P(towards cheese) {self.p_cheese:.3f} at {self.maze.decision_square}"
        return f"<VectorField: {len(self.squares)} squares of {self.maze!r}{at}>"

    def _row(self, square: Square) -> int:
        wanted = self.maze.require_open(square, "square")
        if wanted == self.maze.cheese:
            raise MazeInterpError(f"the field has no vector on the cheese {wanted}, where an episode ends")
        if wanted not in self.squares:
            raise MazeInterpError(f"square {wanted} was not evaluated, being hardly reached: measure with tolerance=0")
        return self.squares.index(wanted)


_as_move = choice("move", MOVES)


def move_between(a: Square, b: Square) -> str:
    """The move that leads from `a` to its neighbour `b`."""
    return MOVES[[tuple(step) for step in STEPS].index((b[0] - a[0], b[1] - a[1]))]


@checked
def vector_field(policy: nn.Module, maze: Maze, edits: Edits = ()) -> VectorField:
    """The vector field of `policy` in `maze`, one forward pass per distinct observation.

    Args:
        policy: any network from `[n, 3, 64, 64]` to (logits `[n, 15]`, value `[n]`).
        maze: the maze.
        edits: changes to the network's activations, in force throughout.

    Examples:
        >>> import maze_interp as mi
        >>> maze = mi.Maze.from_seed(0, "easy")
        >>> field = mi.vector_field(mi.load_policy("rand_region_5"), maze)
        >>> field.probs.shape  # the squares but the cheese's, and the five moves
        (6, 5)
    """
    return next(vector_fields(policy, [maze], edits))


@checked
def vector_fields(
    policy: nn.Module, mazes: Annotated[Iterable[Maze], each(Maze)], edits: Edits = ()
) -> Iterator[VectorField]:
    """`vector_field` over many mazes in order."""
    for result in evaluate(policy, mazes, edits, facings=("left",)):
        yield field_of(result)


def field_of(result: Evaluation) -> VectorField:
    """The vector field of an evaluated policy, on the squares on which it was evaluated."""
    rows = np.arange(len(result.squares))
    shown = np.zeros_like(rows) if result.shown is None else result.shown
    rows = np.flatnonzero(~np.isnan(result.probs[rows, shown, 0]))
    squares = tuple(result.squares[row] for row in rows)
    return VectorField(result.maze, squares, result.probs[rows, shown[rows]], result.value[rows, shown[rows]])
