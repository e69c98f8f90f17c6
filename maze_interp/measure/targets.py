"""How well a policy gets to given squares of a maze: along the path, and at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from maze_interp.arguments import pair, several
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.chain import make_chain, reach_within, stack
from maze_interp.measure.evaluate import Evaluation
from maze_interp.policies.moves import MOVES, STEPS

Floats = NDArray[np.float64]

_as_squares = several(pair("(x, y)"), "squares (x, y)")

_TOGETHER = 16  # chains stepped as one


def paths_to(maze: Maze, targets: Iterable[Square] | None) -> dict[Square, tuple[Square, ...]]:
    """Path from the start to each target, each target once; None for every square within reach.

    Raises:
        MazeInterpError: no target, or one in a wall, out of reach, or reached in several ways.
    """
    if targets is None:
        near = maze.distances(maze.start)
        targets = [square for square in maze.squares if np.isfinite(near[square[1], square[0]])]
    wanted = [maze.require_open(target, "target") for target in _as_squares(targets, "targets")]
    return {target: maze.path(maze.start, target) for target in wanted}


def path_probability(probs: Floats, squares: Sequence[Square], path: Sequence[Square], cheese: Square | None) -> float:
    """Normalised path probability of the last square of `path` (arXiv 2310.08043).

    The geometric mean, over the squares of the path but the last, of the probability of the move to the next, from
    `probs` `[n, 5]` on n squares. The cheese's square, where an episode ends, is skipped; for a path of one square it
    is the no-op's probability there.
    """
    row = {square: i for i, square in enumerate(squares)}
    if len(path) == 1:
        return float(probs[row[path[0]], MOVES.index("noop")])
    moves = (np.diff(path, axis=0)[:, None] == STEPS).all(axis=2).argmax(axis=1)
    taken = [probs[row[square], move] for square, move in zip(path[:-1], moves, strict=True) if square != cheese]
    with np.errstate(divide="ignore"):
        return float(np.exp(np.log(taken).mean()))


def visits(evaluations: Sequence[Evaluation], number: Sequence[int], targets: Sequence[Square], horizon: int) -> Floats:
    """Probability of standing on each of t targets within the horizon, before the episode ends: float64 `[t]`.

    `evaluations` are of one maze, with both facings; `number` says for each target which of them to take.
    """
    wanted: dict[int, list[int]] = {}
    for i, one in enumerate(number):
        wanted.setdefault(one, []).append(i)
    reached_by = np.empty(len(targets))
    groups = iter(wanted.items())
    while group := list(islice(groups, _TOGETHER)):
        chains = [make_chain(evaluations[one]) for one, _ in group]
        goals = np.zeros((len(chains), chains[0].cheese + 1, max(len(mine) for _, mine in group)), bool)
        for goal, chain, (_, mine) in zip(goals, chains, group, strict=True):
            for column, i in enumerate(mine):
                goal[:, column] = chain.states([targets[i]])
        reached = reach_within(stack(chains), goals.reshape(-1, goals.shape[2]), horizon).reshape(goals.shape)
        for result, chain, (_, mine) in zip(reached, chains, group, strict=True):
            reached_by[mine] = result[chain.start, : len(mine)]
    return reached_by
