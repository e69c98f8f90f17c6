"""Exact behaviour of a policy in a maze: where it gets to, how likely, how fast."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from torch import nn

from maze_interp.arguments import checked, each, whole
from maze_interp.arrays import SquareValues
from maze_interp.display import Displayed
from maze_interp.edits.base import Edits
from maze_interp.mazes.features import REGION
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.chain import Chain, make_chain, occupancy, reach_ever, reach_within, stack
from maze_interp.measure.evaluate import Evaluation, evaluate
from maze_interp.measure.field import VectorField, field_of

HORIZON = 500
"""Moves in an episode of procgen's maze; a cheese reached by the last of them counts."""

Horizon = Annotated[int, whole(1, 10**6)]

_TOGETHER = 16  # mazes whose chains are stepped as one: enough to hide the cost of a call


@dataclass(frozen=True)
class FirstExit:
    """Where the mouse first goes from the decision square, given that it gets there in time.

    The three sum to 1, or to less for a policy that may stay there for ever. `other` is another
    branch or the way back. Leaving may take any time.
    """

    cheese: float
    top_right: float
    other: float


@dataclass(frozen=True, eq=False, repr=False)
class Behaviour(Displayed):
    """What a policy that samples its actions does in a maze from its start; every figure exact.

    Attributes:
        maze: the maze.
        field: the vector field of the same policy.
        horizon: moves allowed; 500 in procgen.
        p_cheese: probability of reaching the cheese within the horizon; 0 without one.
        p_top_right: of standing on the top-right square within the horizon, before the episode
            ends; 0 if an edit walled it.
        p_region: likewise on any square of the top-right 5×5.
        occupancy: float64 `[size, size]`, indexed `[y, x]`: expected number of the times
            0 … horizon − 1 at which the mouse is on the square with the episode still running.
    """

    maze: Maze
    field: VectorField
    horizon: int
    p_cheese: float
    p_top_right: float
    p_region: float
    occupancy: SquareValues
    _chain: Chain = dataclasses.field(repr=False)
    _arrivals: NDArray[np.float64] = dataclasses.field(repr=False)  # at the decision square, by facing

    @property
    def expected_steps(self) -> float:
        """Expected length of the episode in moves, at most the horizon."""
        return float(self.occupancy.sum())

    @property
    def p_cheese_limit(self) -> float:
        """Probability of ever reaching the cheese, without a time limit."""
        return 0.0 if self.maze.cheese is None else self.p_visit_limit(self.maze.cheese)

    def p_visit(self, square: Square) -> float:
        """Probability of standing on `square` within the horizon, before the episode ends.

        Raises:
            MazeInterpError: the square is in a wall or off the maze.
        """
        reached = reach_within(self._chain.transitions, self._states(square)[:, None], self.horizon)
        return float(reached[self._chain.start, 0])

    def p_visit_limit(self, square: Square) -> float:
        """Probability of ever standing on `square`, without a time limit."""
        return reach_ever(self._chain.transitions, self._states(square), self._chain.start)

    @property
    def p_region_limit(self) -> float:
        """Probability of ever standing in the top-right 5×5, without a time limit."""
        region = self._chain.states(self.maze.region(REGION))
        return reach_ever(self._chain.transitions, region, self._chain.start)

    @property
    def first_exit(self) -> FirstExit | None:
        """Choices on first leaving the decision square; None without one or if it is never reached."""
        square = self.maze.decision_square
        if square is None or self.maze.cheese is None or not self._arrivals.any():
            return None
        here = self._states(square)
        one_stay = csr_array(diags_array(here.astype(float)) @ self._chain.transitions)
        onward = [self._states(self.maze.path(square, goal)[1]) for goal in (self.maze.cheese, self.maze.top_right)]
        weights = self._arrivals / self._arrivals.sum()
        ways = [*onward, ~(here | onward[0] | onward[1])]
        chances = [[reach_ever(one_stay, way, facing) for facing in np.flatnonzero(here)] for way in ways]
        return FirstExit(*(float(weights @ chance) for chance in chances))

    def __repr__(self) -> str:
        figures = f"P(cheese) {self.p_cheese:.3f}, P(top right) {self.p_top_right:.3f}"
        return f"<Behaviour: {figures}, {self.expected_steps:.1f} of {self.horizon} moves in {self.maze!r}>"

    def _states(self, square: Square) -> NDArray[np.bool_]:
        return self._chain.states([self.maze.require_open(square, "square")])


@checked
def behaviour(policy: nn.Module, maze: Maze, edits: Edits = (), horizon: Horizon = HORIZON) -> Behaviour:
    """The exact behaviour of `policy` in `maze`, by the Markov chain over (square, facing).

    Args:
        policy: any network from `[n, 3, 64, 64]` to (logits `[n, 15]`, value `[n]`); its actions
            are sampled from the softmax.
        maze: the maze; the mouse starts on its start, facing left.
        edits: changes to the network's activations, in force throughout.
        horizon: moves in an episode, at least 1.

    Raises:
        MazeInterpError: a horizon below 1.
    """
    return next(behaviours(policy, [maze], edits, horizon))


@checked
def behaviours(
    policy: nn.Module, mazes: Annotated[Iterable[Maze], each(Maze)], edits: Edits = (), horizon: Horizon = HORIZON
) -> Iterator[Behaviour]:
    """`behaviour` over many mazes in order and bounded memory."""
    evaluations = evaluate(policy, mazes, edits)
    while together := list(islice(evaluations, _TOGETHER)):
        yield from behaviours_of(together, horizon)


def behaviours_of(evaluations: Sequence[Evaluation], horizon: int = HORIZON) -> Iterator[Behaviour]:
    """The behaviour of policies evaluated on all squares and facings, their chains stepped as one and cut apart."""
    chains = [make_chain(evaluation) for evaluation in evaluations]
    transitions = stack(chains)
    goals = [_goals(one) for one in chains]
    reached = reach_within(
        transitions, np.concatenate([reach for reach, _ in goals]), horizon, np.concatenate([stop for _, stop in goals])
    )
    begin = np.concatenate([np.arange(len(reach)) == one.start for one, (reach, _) in zip(chains, goals, strict=True)])
    spent = occupancy(transitions, begin.astype(float), horizon)
    ends = np.cumsum([len(reach) for reach, _ in goals])[:-1]
    for evaluation, one, p, time in zip(
        evaluations, chains, np.split(reached, ends), np.split(spent, ends), strict=True
    ):
        grid = np.zeros(one.maze.open.shape)
        x, y = np.array(one.squares).T
        grid[y, x] = time[:-1].reshape(len(one.squares), -1).sum(axis=1)
        cheese, corner, region, *arriving = p[one.start].tolist()
        yield Behaviour(
            maze=one.maze,
            field=field_of(evaluation),
            horizon=horizon,
            p_cheese=cheese,
            p_top_right=corner,
            p_region=region,
            occupancy=grid,
            _chain=one,
            _arrivals=np.array(arriving),
        )


def arrivals(one: Chain, square: Square) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """First arrivals at a square: bool `[states, facings]`, the square with each facing, and with any other."""
    here = one.states([square])
    reach = np.zeros((len(here), one.facings), bool)
    reach[np.flatnonzero(here), range(one.facings)] = True
    return reach, here[:, None] & ~reach


def _goals(one: Chain) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The sets of states asked about, `[states, 3 + facings]`, and for each where to stop counting.

    Cheese, top right, region; then first arrival at the decision square with each facing, of which
    the other facings are the stop.
    """
    maze = one.maze
    sets = [[maze.cheese] if maze.cheese else [], [maze.top_right], maze.region(REGION)]
    reach = np.zeros((one.cheese + 1, len(sets) + one.facings), bool)
    stop = np.zeros_like(reach)
    for column, squares in enumerate(sets):
        reach[:, column] = one.states(squares)
    if maze.decision_square is not None:
        reach[:, len(sets) :], stop[:, len(sets) :] = arrivals(one, maze.decision_square)
    return reach, stop
