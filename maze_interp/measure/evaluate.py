"""Run a policy on every state of many mazes: full batches across mazes, no observation twice."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maze_interp.edits.base import Edit, applied, bind
from maze_interp.environment.observe import FACINGS, PIXELS, Facing, MazeView
from maze_interp.mazes.maze import Maze, Square
from maze_interp.policies.moves import move_probabilities, to_input
from maze_interp.policies.references import Reference

BATCH = 32
"""Observations in one forward pass; larger batches outgrow a CPU's cache and are slower."""


@dataclass(frozen=True)
class Evaluation:
    """A policy on every square of a maze but the cheese's.

    Attributes:
        maze: the maze.
        squares: its n open squares without the cheese's.
        probs: float64 `[n, facings, 5]`, probabilities of the moves.
        value: float64 `[n, facings]`, output of the value head; NaN without one.
        shown: int `[n]`, the facing that stands for the square in a vector field; the first unless given.
    """

    maze: Maze
    squares: tuple[Square, ...]
    probs: NDArray[np.float64]
    value: NDArray[np.float64]
    shown: NDArray[np.intp] | None = None


def evaluate(
    policy: nn.Module, mazes: Iterable[Maze], edits: Sequence[Edit] = (), facings: Sequence[Facing] = FACINGS
) -> Iterator[Evaluation]:
    """Evaluate `policy` on every (square, facing) of each maze, in order.

    Observations that are pixel-equal (in hard mode the facing often changes nothing) share one
    forward pass. Batches run across mazes, so memory does not grow with their number. A reference
    policy is told the maze instead, and its facings are the states of its memory.
    """
    edits = bind(policy, edits)
    if isinstance(policy, Reference):
        yield from (_told(policy, maze) for maze in mazes)
        return
    buffer = np.empty((BATCH, PIXELS, PIXELS, 3), np.uint8)
    waiting: deque[tuple[Maze, tuple[Square, ...], NDArray[np.intp]]] = deque()
    outputs = np.empty((0, 6))
    filled = 0
    for maze in mazes:
        view = MazeView(maze)
        squares = tuple(square for square in maze.squares if square != maze.cheese)
        distinct, rows = distinct_states(view, squares, facings)
        waiting.append((maze, squares, rows))
        for square, facing in distinct:
            view.draw(buffer[filled], square, facing)
            filled += 1
            if filled == BATCH:
                outputs = np.concatenate([outputs, _forward(policy, buffer, edits)])
                filled = 0
        while waiting and len(outputs) > waiting[0][2].max():
            outputs, done = _take(outputs, *waiting.popleft())
            yield done
    if filled:
        outputs = np.concatenate([outputs, _forward(policy, buffer[:filled], edits)])
    while waiting:
        outputs, done = _take(outputs, *waiting.popleft())
        yield done


def _told(policy: Reference, maze: Maze) -> Evaluation:
    kept = [square != maze.cheese for square in maze.squares]
    squares = tuple(square for square in maze.squares if square != maze.cheese)
    probs, shown = policy.moves(maze)
    return Evaluation(maze, squares, probs[kept], np.full(probs[kept].shape[:2], np.nan), shown[kept])


def distinct_states(
    view: MazeView, squares: Sequence[Square], facings: Sequence[Facing]
) -> tuple[list[tuple[Square, Facing]], NDArray[np.intp]]:
    """The states to run, and for each (square, facing) the number of the one that looks like it.

    Returns:
        the states, and int `[squares, facings]`.
    """
    states: list[tuple[Square, Facing]] = []
    seen: dict[bytes, int] = {}
    rows = np.empty((len(squares), len(facings)), np.intp)
    for i, square in enumerate(squares):
        for j, facing in enumerate(facings):
            where, pixels = view.patch(square, facing)
            shows_mouse = not np.array_equal(pixels, view.empty[where])
            look = repr(where).encode() + pixels.tobytes() if shows_mouse else b"no mouse to be seen"
            if look not in seen:
                seen[look] = len(states)
                states.append((square, facing))
            rows[i, j] = seen[look]
    return states, rows


def _forward(policy: nn.Module, observations: NDArray[np.uint8], edits: Sequence[Edit]) -> NDArray[np.float64]:
    """Move probabilities and value, float64 `[n, 6]`."""
    with torch.inference_mode(), applied(policy, edits):
        return outputs_of(*policy(to_input(observations)))


def outputs_of(logits: Tensor, value: Tensor) -> NDArray[np.float64]:
    """Move probabilities and value of `[n, 15]` and `[n]`, float64 `[n, 6]`."""
    return torch.cat([move_probabilities(logits), value.double()[:, None]], dim=1).numpy()


def _take(
    outputs: NDArray[np.float64], maze: Maze, squares: tuple[Square, ...], rows: NDArray[np.intp]
) -> tuple[NDArray[np.float64], Evaluation]:
    results = outputs[rows]
    return outputs[rows.max() + 1 :], Evaluation(maze, squares, results[..., :5], results[..., 5])
