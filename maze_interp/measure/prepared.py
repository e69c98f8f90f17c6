"""A policy on one maze under edits that change again and again: what lies before the first of them runs once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from maze_interp.edits.base import Bound, Edit, applied, bind, innermost_first
from maze_interp.environment.observe import FACINGS, PIXELS, Facing
from maze_interp.errors import unknown_name
from maze_interp.mazes.maze import Maze
from maze_interp.measure.evaluate import Evaluation, evaluate, first_part, outputs_of, outputs_on_host
from maze_interp.measure.states import states_of
from maze_interp.policies.devices import batch_size, device_of
from maze_interp.policies.hooks import activation_layers, resolve_layer, run_with_cache, without_hooks
from maze_interp.policies.moves import to_input
from maze_interp.policies.references import Reference
from maze_interp.policies.split import Crossing, Split, WholeNetwork, share, split
from maze_interp.policies.threads import one_thread

_LARGEST = 2**26  # bytes of activations that are kept
_RESULTS = 6  # combinations of edits whose outputs are kept
_TIMES = 2  # as many observations as in a batch of `evaluate`: calls would hold up the other thread
_EVEN, _LEAST = 4, 16  # of other lengths than multiples from 16 on, linear layers add in another order than `evaluate`
_THREADS = 2
_POOL = ThreadPoolExecutor(_THREADS, "prepared")  # batches run side by side; which is run where changes nothing


class PreparedMaze:
    """`evaluate` for one policy and one maze, called often.

    Outputs are kept for the last few combinations of edits, so that what asks for both facings after a vector
    field runs the other facing only; and what crosses the cut after the first edited layer, so that a change of
    an edit runs the rest of the network only.

    Args:
        policy: the network or reference policy; its weights must not change while this is in use.
        maze: the maze.
    """

    def __init__(self, policy: nn.Module, maze: Maze) -> None:
        self.policy, self.maze = policy, maze
        self._outputs: dict[tuple[Edit, ...], NDArray[np.float64]] = {}
        self._cut: tuple[str, Split, list[Crossing | None]] | None = None
        self._whole = isinstance(policy, Reference)
        if self._whole:
            return
        self._states = states_of([maze])
        with torch.inference_mode(), one_thread():
            self._shared = share(policy, to_input(self._states.pictures, device_of(policy)), ())
        # A network that cannot be cut gains nothing here.
        self._whole = self._shared is None and isinstance(split(policy, activation_layers(policy)[0]), WholeNetwork)
        if self._whole:
            return
        self._order = running_order(policy)
        (self._squares,), (self._rows,) = self._states.squares, self._states.rows
        left = np.unique(self._rows[:, 0])
        right = np.setdiff1d(np.arange(len(self._states)), left)
        size = _TIMES * batch_size(device_of(policy))
        self._parts = [part for some in (left, right) if len(some) for part in _parts(some, size)]

    def evaluation(self, edits: Sequence[Edit] = (), facings: Sequence[Facing] = FACINGS) -> Evaluation:
        """The policy under the edits on every square, as `evaluate` gives it up to rounding.

        Raises:
            MazeInterpError: an edit that does not fit the network.
        """
        edits = tuple(edits)
        if self._whole:
            return next(evaluate(self.policy, [self.maze], edits, facings))
        if edits not in self._outputs:
            while len(self._outputs) >= _RESULTS:
                del self._outputs[next(iter(self._outputs))]
            self._outputs[edits] = np.full((len(self._states), 6), np.nan)
        outputs = self._outputs[edits]
        rows = self._rows[:, [FACINGS.index(facing) for facing in facings]]
        wanted = [
            i for i, part in enumerate(self._parts) if np.isin(part, rows).any() and np.isnan(outputs[part[0], 0])
        ]
        if wanted:
            self._run(edits, wanted, outputs)
        return Evaluation(self.maze, self._squares, outputs[rows][..., :5], outputs[rows][..., 5])

    def _run(self, edits: tuple[Edit, ...], wanted: Sequence[int], outputs: NDArray[np.float64]) -> None:
        """Fill in the outputs of some of the parts."""
        changes = on_leaves(self.policy, edits)
        shared = self._shared
        first = min((self._order.index(each.layer) for each in changes), default=None)
        if first is None:
            first = self._order.index(shared.layer) if shared else 0
        elif shared and first < self._order.index(shared.layer):
            shared = None
        layer = self._order[first]
        cut, crossings = self._cut_after(layer)

        def run(i: int) -> NDArray[np.float64]:
            with torch.inference_mode(), one_thread():
                crossing = crossings[i]
                if crossing is None:
                    crossing = first_part(cut, self._states, self._parts[i], shared)
                    if self._room(crossing):
                        crossings[i] = crossing
                return _finish(self.policy, cut, layer, crossing, changes)

        results = map(run, wanted) if len(wanted) == 1 else _POOL.map(run, wanted)
        for i, result in zip(wanted, results, strict=True):
            outputs[self._parts[i]] = result

    def _cut_after(self, layer: str) -> tuple[Split, list[Crossing | None]]:
        """The network cut after a layer, and what crosses the cut by part; kept of one layer at a time."""
        if self._cut is None or self._cut[0] != layer:
            self._cut = layer, split(self.policy, layer), [None] * len(self._parts)
        return self._cut[1:]

    def _room(self, crossing: Crossing) -> bool:
        """Whether all parts of this size may be kept."""
        tensors = [crossing.activation, *crossing.kept.values()]
        return sum(each.nbytes for each in tensors) * len(self._parts) <= _LARGEST


def _parts(some: NDArray[np.intp], size: int) -> list[NDArray[np.intp]]:
    """Parts of one length, at most `size` and as many for each thread, the last filled up with its last number."""
    count = _THREADS * -(-len(some) // (_THREADS * size))
    length = max(_LEAST, _EVEN * -(-len(some) // (_EVEN * count)))
    return list(np.pad(some, (0, -len(some) % length), mode="edge").reshape(-1, length))


@lru_cache(maxsize=32)
def running_order(network: nn.Module) -> list[str]:
    """Module paths of the leaves in the order in which they run."""
    x = torch.zeros(1, 3, PIXELS, PIXELS, device=device_of(network))
    with without_hooks(), one_thread():
        return list(run_with_cache(network, x, activation_layers(network))[1])


def on_leaves(network: nn.Module, edits: Sequence[Edit]) -> list[Bound]:
    """The edits, bound, each of the leaf that puts out what its layer does; in the order in which hooks would fire."""
    return [Bound(leaf_of(network, each.layer), each.change) for each in innermost_first(bind(network, edits))]


def leaf_of(network: nn.Module, layer: str) -> str:
    """The leaf whose output is that of a layer.

    Raises:
        MazeInterpError: an unknown layer, or a container of a network whose way through it is not known.
    """
    leaf = split(network, layer).runs(resolve_layer(network, layer))
    if leaf not in running_order(network):
        raise unknown_name("layer that runs as one module", leaf, running_order(network))
    return leaf


def _finish(
    policy: nn.Module, cut: Split, layer: str, crossing: Crossing, changes: Sequence[Bound]
) -> NDArray[np.float64]:
    """The second part of the network: edits of the cut's own layer act on what crosses it, the others by hooks."""
    activation = crossing.activation
    for edit in changes:
        if edit.layer == layer:
            activation = edit.change(activation).to(activation.device, activation.dtype)
    later = [edit for edit in changes if edit.layer != layer]
    with applied(policy, later):
        return outputs_on_host(outputs_of(*cut.suffix(crossing.with_activation(activation))))
