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
from maze_interp.policies.devices import batch_size, device_of, on_host
from maze_interp.policies.moves import move_probabilities, to_input
from maze_interp.policies.references import Reference
from maze_interp.policies.split import SharedPicture, share, split
from maze_interp.policies.threads import one_thread


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
    forward pass, and on a CPU all of a maze share what the network makes of the picture without a mouse; any other
    device runs several mazes in a batch. A reference policy is given the maze instead, and its facings are the states
    of its memory.
    """
    edits = bind(policy, edits)
    if isinstance(policy, Reference):
        yield from (_told(policy, maze) for maze in mazes)
        return
    states = (_states(maze, facings) for maze in mazes)
    device = device_of(policy)
    if device.type == "cpu":
        for one in states:
            yield one.evaluation(run_observations(policy, one.view, one.observations, edits))
    else:
        yield from _run_together(policy, states, edits, batch_size(device))


@dataclass(frozen=True)
class _States:
    """The distinct states of a maze, and for each (square, facing) the number of the one that looks like it."""

    view: MazeView
    squares: tuple[Square, ...]
    observations: NDArray[np.uint8]
    rows: NDArray[np.intp]

    def evaluation(self, outputs: NDArray[np.float64]) -> Evaluation:
        results = outputs[self.rows]
        return Evaluation(self.view.maze, self.squares, results[..., :5], results[..., 5])


def _states(maze: Maze, facings: Sequence[Facing]) -> _States:
    view = MazeView(maze)
    squares = tuple(square for square in maze.squares if square != maze.cheese)
    states, rows = distinct_states(view, squares, facings)
    return _States(view, squares, draw_states(view, states), rows)


def _run_together(policy: nn.Module, states: Iterator[_States], edits: Edits, least: int) -> Iterator[Evaluation]:
    """Batches of at least so many observations, mazes whole; each is drawn while the device is at work on the last."""
    under_way: tuple[list[_States], Tensor] | None = None
    while True:
        group: list[_States] = []
        while sum(len(one.observations) for one in group) < least and (one := next(states, None)) is not None:
            group.append(one)
        outputs = _launch(policy, group, edits) if group else None
        if under_way is not None:
            yield from _evaluations(*under_way)
        if outputs is None:
            return
        under_way = group, outputs


def _launch(policy: nn.Module, group: Sequence[_States], edits: Edits) -> Tensor:
    """Outputs `[n, 6]` of all their observations in turn, still on the device."""
    with torch.inference_mode(), one_thread(), applied(policy, edits):
        return _run(policy, np.concatenate([one.observations for one in group]), device_of(policy))


def _evaluations(group: Sequence[_States], outputs: Tensor) -> Iterator[Evaluation]:
    ends = np.cumsum([len(one.observations) for one in group])[:-1]
    for one, own in zip(group, np.split(on_host(outputs), ends), strict=True):
        yield one.evaluation(own)


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
            return on_host(_run(run, observations, device_of(policy)))


def _run(
    run: Callable[[Tensor], tuple[Tensor, Tensor]], observations: NDArray[np.uint8], device: torch.device
) -> Tensor:
    size = batch_size(device)
    parts = (observations[first : first + size] for first in range(0, len(observations), size))
    return torch.cat([outputs_of(*run(to_input(part, device))) for part in parts])


def shared_picture(policy: nn.Module, view: MazeView, layers: Sequence[str]) -> SharedPicture | None:
    """What a maze's observations share, if it comes before all of these layers; see `policies.split.share`."""
    return share(policy, to_input(view.empty[None], device_of(policy)), layers)


def _depth(edit: Edit) -> int:
    return edit.layer.count(".")


def outputs_of(logits: Tensor, value: Tensor) -> Tensor:
    """Move probabilities and value of `[n, 15]` and `[n]`, float64 `[n, 6]`, where they are."""
    return torch.cat([move_probabilities(logits), value.double()[:, None]], dim=1)
