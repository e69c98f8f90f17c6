"""Run a policy on every state of many mazes, nothing twice: no observation, no part of a picture that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maze_interp.edits.base import Bound, Edit, Edits, applied, bind
from maze_interp.environment.observe import FACINGS, PIXELS, Facing, MazeView
from maze_interp.mazes.maze import Maze, Square
from maze_interp.policies.moves import move_probabilities, to_input
from maze_interp.policies.references import Reference
from maze_interp.policies.split import SharedPicture, share, split
from maze_interp.policies.threads import one_thread

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
    policy: nn.Module, mazes: Iterable[Maze], edits: Edits = (), facings: Sequence[Facing] = FACINGS
) -> Iterator[Evaluation]:
    """Evaluate `policy` on every (square, facing) of each maze, in order.

    Observations that are pixel-equal (in hard mode the facing often changes nothing) share one
    forward pass, and all of a maze share what the network makes of the picture without a mouse. A reference
    policy is told the maze instead, and its facings are the states of its memory.
    """
    edits = bind(policy, edits)
    for maze in mazes:
        if isinstance(policy, Reference):
            yield _told(policy, maze)
            continue
        view = MazeView(maze)
        squares = tuple(square for square in maze.squares if square != maze.cheese)
        states, rows = distinct_states(view, squares, facings)
        results = run_observations(policy, view, draw_states(view, states), edits)[rows]
        yield Evaluation(maze, squares, results[..., :5], results[..., 5])


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


def draw_states(view: MazeView, states: Sequence[tuple[Square, Facing]]) -> NDArray[np.uint8]:
    """Observations of a maze's states, uint8 `[n, 64, 64, 3]`."""
    observations = np.empty((len(states), PIXELS, PIXELS, 3), np.uint8)
    for out, (square, facing) in zip(observations, states, strict=True):
        view.draw(out, square, facing)
    return observations


def run_observations(
    policy: nn.Module, view: MazeView, observations: NDArray[np.uint8], edits: Edits = ()
) -> NDArray[np.float64]:
    """Move probabilities and value on observations `[n, 64, 64, 3]` of one maze, float64 `[n, 6]`."""
    edits = bind(policy, edits)
    with torch.inference_mode(), one_thread():
        run: Callable[[Tensor], tuple[Tensor, Tensor]] = policy
        if (shared := shared_picture(policy, view, [edit.layer for edit in edits])) is not None:
            cut, picture = split(policy, shared.layer), shared
            run = lambda x: cut.suffix(cut.prefix(x, picture))  # noqa: E731
            # Of a container the leaf that puts out its output runs; hooks of leaves fire first.
            edits = [Bound(cut.runs(edit.layer), edit.change) for edit in sorted(edits, key=_depth, reverse=True)]
        with applied(policy, edits):
            parts = range(0, len(observations), BATCH)
            return np.concatenate([outputs_of(*run(to_input(observations[i : i + BATCH]))) for i in parts])


def shared_picture(policy: nn.Module, view: MazeView, layers: Sequence[str]) -> SharedPicture | None:
    """What a maze's observations share, if it comes before all of these layers; see `policies.split.share`."""
    return share(policy, to_input(view.empty[None]), layers)


def _depth(edit: Edit) -> int:
    return edit.layer.count(".")


def outputs_of(logits: Tensor, value: Tensor) -> NDArray[np.float64]:
    """Move probabilities and value of `[n, 15]` and `[n]`, float64 `[n, 6]`."""
    return torch.cat([move_probabilities(logits), value.double()[:, None]], dim=1).cpu().numpy()
