"""Run a policy on every state of many mazes, nothing twice: no observation, no part of a picture that they share."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maze_interp.edits.base import Bound, Edits, applied, bind, innermost_first
from maze_interp.environment.observe import FACINGS, Facing
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.states import States, states_of
from maze_interp.policies.devices import batch_size, device_of, on_host
from maze_interp.policies.moves import move_probabilities, to_input
from maze_interp.policies.references import Reference
from maze_interp.policies.split import Crossing, SharedPictures, Split, share, split
from maze_interp.policies.threads import one_thread

TOGETHER = 16
"""Mazes whose states share batches, and whose chains are stepped as one: enough to hide the cost of a call."""

_EVEN = 16  # batches are padded to a multiple of this: in smaller ones linear layers add in another order
_BATCH = 48  # observations run together where they share a picture: with 32 calls cost more, 64 take more memory
_NEAR = 2  # times as many observations are run together where they differ from their picture only


@dataclass(frozen=True)
class Evaluation:
    """A policy on every square of a maze but the cheese's.

    Attributes:
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

    Observations that are pixel-equal (in hard mode the facing often changes nothing) share one forward pass, and on a
    CPU all of a maze share what the network makes of the picture without a mouse. Batches hold states of several
    mazes; any other device is at work on one group of mazes while the next is drawn. A reference policy is given the
    maze instead, and its facings are the states of its memory.
    """
    edits = bind(policy, edits)
    if isinstance(policy, Reference):
        yield from (_of_reference(policy, maze) for maze in mazes)
        return
    ahead = int(device_of(policy).type != "cpu")
    under_way = deque[tuple[States, Tensor]]()
    for group in together(mazes):
        states = states_of(group, facings)
        under_way.append((states, Runner(policy, states, edits).launch(np.arange(len(states)))))
        if len(under_way) > ahead:
            yield from _evaluations(*under_way.popleft())
    for of_group in under_way:
        yield from _evaluations(*of_group)


def together(mazes: Iterable[Maze]) -> Iterator[list[Maze]]:
    """Successive mazes of one mode in groups of at most `TOGETHER`."""
    for _, alike in groupby(mazes, lambda maze: maze.distribution_mode):
        while group := list(islice(alike, TOGETHER)):
            yield group


def _evaluations(states: States, outputs: Tensor) -> Iterator[Evaluation]:
    return evaluations(states, outputs_on_host(outputs))


def evaluations(states: States, outputs: NDArray[np.float64]) -> Iterator[Evaluation]:
    """Outputs `[n, 6]` on the states of some mazes, maze by maze."""
    for maze, squares, rows in zip(states.mazes, states.squares, states.rows, strict=True):
        yield Evaluation(maze, squares, outputs[rows, :5], outputs[rows, 5])


def _of_reference(policy: Reference, maze: Maze) -> Evaluation:
    kept = [square != maze.cheese for square in maze.squares]
    squares = tuple(square for square in maze.squares if square != maze.cheese)
    probs, shown = policy.moves(maze)
    return Evaluation(maze, squares, probs[kept], np.full(probs[kept].shape[:2], np.nan), shown[kept])


class Runner:
    """A policy, whose weights do not change meanwhile, under edits on states whose shared part is computed once."""

    def __init__(self, policy: nn.Module, states: States, edits: Edits = ()) -> None:
        self._policy, self._states, self._edits = policy, states, list(bind(policy, edits))
        self._device = device_of(policy)
        with torch.inference_mode(), one_thread():
            pictures = to_input(states.pictures, self._device)
            self._shared = share(policy, pictures, [edit.layer for edit in self._edits])
        if self._shared is not None:
            self._cut = split(policy, self._shared.layer)
            # Of a container the leaf that puts out its output runs.
            edits = innermost_first(self._edits)
            self._edits = [Bound(self._cut.runs(edit.layer), edit.change) for edit in edits]

    def run(self, some: NDArray[np.intp]) -> NDArray[np.float64]:
        """Move probabilities and value on some of the states, by number, float64 `[k, 6]`."""
        return outputs_on_host(self.launch(some))

    def launch(self, some: NDArray[np.intp]) -> Tensor:
        """`run`, the outputs still on the device, which may be at work on them."""
        size = batch_size(self._device) if self._shared is None else _NEAR * _BATCH
        parts = (some[first : first + size] for first in range(0, len(some), size))
        with torch.inference_mode(), one_thread(), applied(self._policy, self._edits):
            return torch.cat([self._outputs(part)[: len(part)] for part in parts])

    def _outputs(self, some: NDArray[np.intp]) -> Tensor:
        if self._shared is None:
            return outputs_of(*self._policy(to_input(self._states.observations(some), self._device)))
        padded = np.pad(some, (0, -len(some) % _EVEN), mode="edge")
        near = torch.split(self._shared.differing(self._states.patches(padded)), _BATCH)
        return torch.cat([outputs_of(*self._cut.suffix(self._cut.prefix(part, self._shared.layer))) for part in near])


def first_part(
    cut: Split,
    states: States,
    some: NDArray[np.intp],
    shared: SharedPictures | None,
    device: torch.device | str = "cpu",
) -> Crossing:
    """What crosses a cut for some of the states, from what their mazes share if that is given."""
    if shared is None:
        return cut.prefix(to_input(states.observations(some), device))
    return cut.prefix(shared.differing(states.patches(some)), shared.layer)


def outputs_of(logits: Tensor, value: Tensor) -> Tensor:
    """Move probabilities and value of `[n, 15]` and `[n]`, float64 `[n, 6]`, where they are.

    A probability that is no number is infinite: NaN is what was not evaluated.
    """
    probs = move_probabilities(logits).nan_to_num(nan=torch.inf)
    return torch.cat([probs, value.double()[:, None]], dim=1)


def outputs_on_host(outputs: Tensor | Sequence[Tensor]) -> NDArray[np.float64]:
    """What `outputs_of` made, one tensor or several of them one after another, as an array `[..., 6]`.

    Raises:
        MazeInterpError: the network puts out NaN.
    """
    array = on_host(outputs)
    if np.isinf(array[..., 0]).any():
        raise MazeInterpError("the network puts out NaN: its weights, or its activations under the edits, overflow")
    return array
