"""Exact behaviour of a policy in a maze: where it gets to, how likely, how fast."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from torch import nn

from maze_interp.arguments import checked, each, number, whole
from maze_interp.arrays import SquareValues
from maze_interp.display import Displayed
from maze_interp.edits.base import Edits
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.features import REGION
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.chain import Chain, arrivals, make_chain, reach_ever, reach_within, stack
from maze_interp.measure.evaluate import Evaluation, evaluate, together
from maze_interp.measure.field import VectorField, field_of
from maze_interp.measure.reached import evaluate_reached
from maze_interp.policies.devices import device_of
from maze_interp.policies.references import Reference

HORIZON = 500
"""Moves in an episode of procgen's maze; a cheese reached by the last of them counts."""

Horizon = Annotated[int, whole(1, 10**6)]

TOLERANCE = 1e-9
"""What the states that are not evaluated may change of a figure."""


def _as_tolerance(value: Any, name: str) -> float:
    if (tolerance := number(value, name)) < 0:
        raise MazeInterpError(f"{name} is at least 0, not {tolerance}")
    return tolerance


Tolerance = Annotated[float, _as_tolerance]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FirstExit:
    """Where the mouse first goes from the decision square, given that it gets there in time.

    The three sum to 1, or to less for a policy that may stay there for ever. `other` is another branch or the way back.
    """

    cheese: float
    top_right: float
    other: float


@dataclass(frozen=True, eq=False, repr=False)
class Behaviour(Displayed):
    """What a policy that samples its actions does in a maze from its start; every figure exact.

    Attributes:
        maze: the maze.
        field: the vector field of the same policy, on the squares that were evaluated.
        horizon: moves allowed; 500 in procgen.
        p_cheese: probability of reaching the cheese within the horizon; 0 without one.
        p_top_right: of standing on the top-right square within the horizon, before the episode
            ends; 0 if an edit walled it.
        p_region: likewise on any square of the top-right 5×5.
        occupancy: float64 `[size, size]`, indexed `[y, x]`: expected number of the times
            0 … horizon − 1 at which the mouse is on the square with the episode still running.
        bound: no figure differs by more from that of all states; 0 if all that can be reached were evaluated.
    """

    maze: Maze
    field: VectorField
    horizon: int
    p_cheese: float
    p_top_right: float
    p_region: float
    occupancy: SquareValues
    bound: float
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
        return self._ever(self._states(square))

    @property
    def p_region_limit(self) -> float:
        """Probability of ever standing in the top-right 5×5, without a time limit."""
        return self._ever(self._chain.states(self.maze.region(REGION)))

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
        figures = f"P(cheese) {self.p_cheese:.3f}, P(corner) {self.p_top_right:.3f}"
        return f"<Behaviour: {figures}, {self.expected_steps:.1f} of {self.horizon} moves in {self.maze!r}>"

    def _ever(self, targets: NDArray[np.bool_]) -> float:
        if self.bound:
            raise MazeInterpError("a probability without a time limit needs every state: measure with tolerance=0")
        return reach_ever(self._chain.transitions, targets, self._chain.start)

    def _states(self, square: Square) -> NDArray[np.bool_]:
        return self._chain.states([self.maze.require_open(square, "square")])


@checked
def behaviour(
    policy: nn.Module, maze: Maze, edits: Edits = (), horizon: Horizon = HORIZON, tolerance: Tolerance = 0.0
) -> Behaviour:
    """The exact behaviour of `policy` in `maze`, by the Markov chain over (square, facing).

    Args:
        policy: any network from `[n, 3, 64, 64]` to (logits `[n, 15]`, value `[n]`); its actions
            are sampled from the softmax.
        maze: the maze; the mouse starts on its start, facing left.
        edits: changes to the network's activations, in force throughout.
        horizon: moves in an episode, at least 1.
        tolerance: as in `behaviours`; 0, the default, evaluates every state.

    Raises:
        MazeInterpError: a horizon below 1, or a negative tolerance.

    Examples:
        >>> import maze_interp as mi
        >>> maze = mi.Maze.from_seed(0, "easy")
        >>> mi.behaviour(mi.load_policy("reference:shortest-to-cheese"), maze).p_cheese
        1.0
    """
    return next(behaviours(policy, [maze], edits, horizon, tolerance))


@checked
def behaviours(
    policy: nn.Module,
    mazes: Annotated[Iterable[Maze], each(Maze)],
    edits: Edits = (),
    horizon: Horizon = HORIZON,
    tolerance: Tolerance = TOLERANCE,
) -> Iterator[Behaviour]:
    """`behaviour` over many mazes in order and bounded memory.

    States are evaluated in the order in which probability flows into them, until those left can change no figure by
    more than `tolerance`; `Behaviour.bound` is what they can change. The limits without a horizon and the whole vector
    field need every state: a tolerance of 0.
    """
    partly = tolerance > 0 and not isinstance(policy, Reference) and device_of(policy).type == "cpu"
    for group in together(mazes):
        if not partly:
            yield from behaviours_of(list(evaluate(policy, group, edits)), horizon)
            continue
        for result in behaviours_of(evaluate_reached(policy, group, edits, horizon, tolerance), horizon):
            enough = result.bound <= tolerance
            yield result if enough else behaviour(policy, result.maze, edits, horizon)


def behaviours_of(evaluations: Sequence[Evaluation], horizon: int = HORIZON) -> Iterator[Behaviour]:
    """The behaviour of policies evaluated on squares and facings, their chains stepped as one and cut apart."""
    chains = [make_chain(evaluation) for evaluation in evaluations]
    transitions = stack(chains)
    begin = np.concatenate([np.arange(one.cheese + 1) == one.start for one in chains])
    entered, spent = arrivals(transitions, begin.astype(float), np.concatenate([_sets(one) for one in chains]), horizon)
    known = np.concatenate([~np.isnan(np.append(one.probs[..., 0], 0.0)) for one in evaluations])
    leaving = spent * (transitions @ ~known)  # for states that were not evaluated
    ends = np.cumsum([one.cheese + 1 for one in chains])[:-1]
    for evaluation, one, *flows in zip(
        evaluations, chains, np.split(entered, ends), np.split(spent, ends), np.split(leaving, ends), strict=True
    ):
        yield _behaviour(evaluation, one, horizon, *flows)


def _behaviour(
    evaluation: Evaluation, chain: Chain, horizon: int, entered: Floats, spent: Floats, leaving: Floats
) -> Behaviour:
    grid = np.zeros(chain.maze.open.shape)
    x, y = np.array(chain.squares).T
    grid[y, x] = spent[:-1].reshape(len(chain.squares), -1).sum(axis=1)
    cheese, corner, region, arriving = np.minimum(entered.sum(axis=0), 1.0).tolist()
    missed = float(leaving.sum())
    return Behaviour(
        maze=chain.maze,
        field=field_of(evaluation),
        horizon=horizon,
        p_cheese=cheese,
        p_top_right=corner,
        p_region=region,
        occupancy=grid,
        bound=_bound(missed, horizon, arriving if chain.maze.decision_square and chain.maze.cheese else 1.0),
        _chain=chain,
        _arrivals=entered[chain.states(_decision(chain.maze)), 3],
    )


def _bound(missed: float, horizon: int, arrives: float) -> float:
    """What episodes of probability `missed` can change: any probability by that, moves by as many as there are.

    Shares of the arrivals at the decision square, of probability `arrives`, change by twice that over `arrives`.
    """
    if not missed:
        return 0.0
    return missed * max(horizon, 2 / arrives if arrives else np.inf)


def _decision(maze: Maze) -> list[Square]:
    return [] if maze.decision_square is None else [maze.decision_square]


def _sets(one: Chain) -> NDArray[np.bool_]:
    """The sets of states asked about, `[states, 4]`: cheese, top right, region, decision square."""
    maze = one.maze
    cheese = [maze.cheese] if maze.cheese else []
    sets = (cheese, [maze.top_right], maze.region(REGION), _decision(maze))
    return np.column_stack([one.states(squares) for squares in sets])
