"""The finite Markov chain that a memoryless policy makes of a maze.

The only hidden state of an observation is which way the mouse faces, so the states are the pairs
(square, facing) and the cheese, where the chain ends. Of k facings a network has 2, left and right; a
wall follower has 4, the moves it may have made last; a rule without memory has 1. States are numbered
`k · square + facing` over the open squares without the cheese's, then the cheese last. Several mazes'
chains stand side by side in one block-diagonal matrix: one sparse product steps them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.evaluate import Evaluation
from maze_interp.policies.moves import STEPS

# Facing after each move, by facing before, for each number of facings. Of two: left clears the
# mirrored sprite, right sets it, also when a wall blocks the move; the others keep it.
_FACING_AFTER = {
    1: np.zeros((5, 1), int),
    2: np.array([(0, 0), (0, 1), (0, 1), (1, 1), (0, 1)]),
    4: np.array([(0,) * 4, (1,) * 4, (2,) * 4, (3,) * 4, (0, 1, 2, 3)]),
}


_STATES = 2**14  # stepped as one: enough to hide the cost of a call, few enough for a CPU's cache


@dataclass(frozen=True)
class Chain:
    """Transitions of one maze.

    Attributes:
        squares: its n open squares without the cheese's.
        transitions: float64 sparse `[kn + 1, kn + 1]`; the cheese's row is empty.
        facings: the k.
    """

    maze: Maze
    squares: tuple[Square, ...]
    transitions: csr_array
    facings: int = 2

    @cached_property
    def start(self) -> int:
        """Number of the state in which episodes begin: on the start, facing left."""
        return self.facings * self.squares.index(self.maze.start)

    @property
    def cheese(self) -> int:
        """Number of the state in which episodes end (out of reach if there is no cheese)."""
        return self.facings * len(self.squares)

    def states(self, squares: Iterable[Square]) -> NDArray[np.bool_]:
        """bool `[kn + 1]`: the states in which the mouse is on one of `squares`."""
        wanted = set(squares)
        on = np.repeat([square in wanted for square in self.squares], self.facings)
        return np.append(on, self.maze.cheese in wanted)


def make_chain(evaluation: Evaluation) -> Chain:
    """The chain of a policy evaluated on the (square, facing) of a maze; states that are not evaluated are ends."""
    maze, squares, facings = evaluation.maze, evaluation.squares, evaluation.probs.shape[1]
    after = successors(maze, squares, facings)
    n = after.shape[0]
    pointers = np.append(np.arange(n + 1) * 5, n * 5)
    probs = np.nan_to_num(evaluation.probs.reshape(n * 5))
    transitions = csr_array((probs, after.ravel(), pointers), shape=(n + 1, n + 1))
    return Chain(maze, squares, transitions, facings)


def successors(maze: Maze, squares: Sequence[Square], facings: int = 2) -> NDArray[np.intp]:
    """int `[kn, 5]`: the state that each move leads to; a wall leaves the mouse where it is."""
    number = np.full((maze.size + 2, maze.size + 2), -1)  # with a border, so that no step leaves the array
    places = np.array(squares) + 1
    number[places[:, 1], places[:, 0]] = np.arange(len(squares))
    if maze.cheese is not None:
        number[maze.cheese[1] + 1, maze.cheese[0] + 1] = len(squares)
    x, y = (places[:, None, :] + STEPS[None]).transpose(2, 0, 1)
    reached = number[y, x]
    reached = np.where(reached < 0, np.arange(len(squares))[:, None], reached)
    state = facings * reached[:, None, :] + _FACING_AFTER[facings].T[None]
    end = facings * len(squares)
    return np.minimum(state, end).reshape(end, 5)


def stack(chains: Sequence[Chain]) -> csr_array:
    """The chains' transitions as one block-diagonal matrix."""
    parts = [one.transitions for one in chains]
    first = np.cumsum([0, *(part.shape[0] for part in parts)])
    entries = np.cumsum([0, *(part.nnz for part in parts)])
    columns = np.concatenate([part.indices + offset for part, offset in zip(parts, first[:-1], strict=True)])
    pointers = np.concatenate([[0], *(part.indptr[1:] + n for part, n in zip(parts, entries[:-1], strict=True))])
    return csr_array((np.concatenate([part.data for part in parts]), columns, pointers), shape=(first[-1], first[-1]))


def reach_within(
    transitions: csr_array, targets: NDArray[np.bool_], horizon: int, stops: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Probability of having been in a target after at most `horizon` moves, from every state.

    Args:
        transitions: `[s, s]`.
        targets: bool `[s, k]`, k sets of states.
        horizon: moves allowed.
        stops: bool `[s, k]`, states after which the set no longer counts; disjoint from `targets`.

    Returns:
        float64 `[s, k]`.
    """
    reached = targets.astype(np.float64)
    kept = np.flatnonzero(targets if stops is None else targets | stops)
    values = reached.ravel()[kept]
    for _ in range(horizon):
        reached = transitions @ reached
        reached.ravel()[kept] = values
    return np.minimum(reached, 1.0)  # sums of products may overshoot by a rounding


def reach_cheese(
    maze: Maze, squares: Sequence[Square], probs: NDArray[np.float64], horizon: int
) -> NDArray[np.float64]:
    """Probability of reaching the cheese within the horizon from the start, for each of k policies: float64 `[k]`.

    The policies' chains differ in their probabilities alone, so many are stepped as one. The n squares are all that the
    mouse can stand on before it reaches the cheese; `probs` are float64 `[k, n, 2, 5]`, by square and facing.
    """
    after, size = successors(maze, squares), 2 * len(squares) + 1
    goal = np.arange(size) == size - 1
    start = 2 * tuple(squares).index(maze.start)
    pointers = np.arange(size) * 5
    reached = []
    for some in np.array_split(probs, -(-len(probs) * size // _STATES)):
        block = np.arange(len(some))[:, None]
        columns = (block * size + after.ravel()).ravel()
        rows = np.append(block * after.size + pointers, len(some) * after.size)
        transitions = csr_array((some.ravel(), columns, rows), shape=(len(some) * size, len(some) * size))
        found = reach_within(transitions, np.tile(goal, len(some))[:, None], horizon)
        reached.append(found.reshape(len(some), size)[:, start])
    return np.concatenate(reached)


def arrivals(
    transitions: csr_array, start: NDArray[np.float64], sets: NDArray[np.bool_], horizon: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First arrivals in each of some sets of states, and the time spent in each state.

    Args:
        transitions: `[s, s]`.
        start: `[s]`, probability of beginning in each state.
        sets: bool `[s, k]`.
        horizon: moves allowed.

    Returns:
        float64 `[s, k]`, probability that the set is first entered in this state, and `occupancy`.
    """
    backwards = csr_array(transitions.T)
    now = np.column_stack([start, np.repeat(start[:, None], sets.shape[1], axis=1)])
    inside = np.flatnonzero(np.column_stack([np.zeros_like(start, bool), sets]))
    total, arrived = np.zeros_like(start), np.zeros(len(inside))
    for _ in range(horizon):
        arrived += now.ravel()[inside]
        now.ravel()[inside] = 0
        total += now[:, 0]
        now = backwards @ now
    arrived += now.ravel()[inside]
    entered = np.zeros(now.shape)
    entered.ravel()[inside] = np.minimum(arrived, 1.0)  # sums of products may overshoot by a rounding
    return entered[:, 1:], total


def occupancy(transitions: csr_array, start: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    """Expected number of the times 0 … horizon − 1 spent in each state, float64 `[s]`."""
    backwards = csr_array(transitions.T)
    now, total = start, np.zeros_like(start)
    for _ in range(horizon):
        total += now
        now = backwards @ now
    return total


def reach_ever(transitions: csr_array, targets: NDArray[np.bool_], start: int) -> float:
    """Probability of ever being in a target, from state `start`; states with an empty row are ends.

    Eliminates one state after another, its visits passed on to where it leads (Grassmann, Taksar and
    Heyman 1985). Nothing is subtracted, so the answer is right even where groups of states are left
    once in 10³⁰ moves, as a confident policy's are; solving the linear system loses every digit there.

    Args:
        transitions: `[s, s]`.
        targets: bool `[s]`.
        start: a state's number.
    """
    if targets[start]:
        return 1.0
    ends = ~targets & (np.diff(transitions.indptr) == 0)
    passing = np.flatnonzero(~targets & ~ends & (np.arange(len(targets)) != start))
    passing = np.append(passing, start)
    rows = transitions[passing]
    into = [np.asarray(rows[:, np.flatnonzero(some)].sum(axis=1)).ravel() for some in (targets, ends)]
    flow = np.column_stack([rows[:, passing].toarray(), *into])  # [p, p + 2]: to each other, to targets, to ends
    for state in range(len(passing) - 1):
        before, onward = flow[state + 1 :, state], flow[state, state + 1 :]
        sources, sinks = (state + 1 + some.nonzero()[0] for some in (before, onward))
        leaving = onward.sum()
        if leaving == 0:  # a trap: whoever enters it never arrives
            flow[sources, -1] += flow[sources, state]
            continue
        flow[sources[:, None], sinks] += flow[sources, state, None] * (flow[state, sinks] / leaving)
    arriving, ending = flow[-1, -2:]
    return float(arriving / (arriving + ending)) if arriving else 0.0
