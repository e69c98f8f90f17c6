"""Activation patching: a run on one maze with part of a layer's output taken from a run on another.

The mouse stands on the same square in both, so the donor's activation differs from square to square. Effects are on the
probabilities of the moves towards the two goals of a pair, and on the probability difference, P(towards the donor's
goal) − P(towards the recipient's goal): a patch that merely broke the policy would lower both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maze_interp.environment.observe import FACINGS, PIXELS, observe
from maze_interp.mazes.maze import WORLD_SIZE, Maze, Square
from maze_interp.measure.behaviour import HORIZON
from maze_interp.measure.chain import make_chain, reach_within
from maze_interp.measure.evaluate import Evaluation, evaluate, outputs_of, outputs_on_host
from maze_interp.measure.masked import run_masks
from maze_interp.measure.prepared import running_order
from maze_interp.policies.devices import batch_size, device_of
from maze_interp.policies.moves import move_probabilities, to_input
from maze_interp.policies.split import Crossing, Split, split
from maze_interp.studies.patch.pairs import Pair

PLACES = ("recipient_goal", "donor_goal", "mouse")
"""The two goals, and the mouse on the decision square."""

AROUND = 1.5
"""Squares, in either direction: a position of a layer's map is around a square if its centre is no farther."""


@dataclass(frozen=True)
class PairRun:
    """The runs on recipient and donor, cut after one layer.

    Attributes:
        cut: the network's two parts.
        recipient: what the second part needs of the n recipient observations.
        donor: likewise of the n donor observations.
        moves: int64 `[n, 2]`, the moves towards the recipient's goal and the donor's.
    """

    cut: Split
    recipient: Crossing
    donor: Crossing
    moves: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the layer's output for one observation."""
        return tuple(self.donor.activation.shape[1:])

    @property
    def activation_difference(self) -> Tensor:
        """Donor minus recipient, `[n, ...]`; on the host, where activations are ranked and put into sets."""
        return (self.donor.activation - self.recipient.activation).cpu()

    def outputs(self, masks: Tensor) -> NDArray[np.float64]:
        """Move probabilities and value under each of m masks, float64 `[m, n, 6]`; see `run_masks`."""
        return run_masks(self.cut, self.recipient, self.donor.activation, masks)

    def probabilities(self, masks: Tensor) -> NDArray[np.float64]:
        """Probabilities of the moves towards the two goals under each mask, recipient's first, float64 `[m, n, 2]`."""
        return self._of_moves(self.outputs(masks))

    @property
    def donor_probabilities(self) -> NDArray[np.float64]:
        """The same in the donor itself, float64 `[n, 2]`."""
        with torch.no_grad():
            return self._of_moves(outputs_on_host(outputs_of(*self.cut.suffix(self.donor)))[None])[0]

    def _of_moves(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.take_along_axis(outputs, self.moves.numpy()[None], axis=2)

    def probability_difference(self, masks: Tensor) -> NDArray[np.float64]:
        """The probability difference under each mask, mean over the n observations, float64 `[m]`."""
        recipient, donor = self.probabilities(masks).mean(axis=1).T
        difference: NDArray[np.float64] = donor - recipient
        return difference

    @property
    def unpatched(self) -> dict[str, float]:
        """The probability difference in the recipient and, on the first of the squares, in the donor itself."""
        recipient, donor = self.donor_probabilities[0].tolist()
        return {"recipient": self.probability_difference(self.none)[0], "donor": float(donor - recipient)}

    @cached_property
    def whole_effect(self) -> tuple[float, float]:
        """The probability difference without a patch, and with the whole layer patched."""
        before, whole = self.probability_difference(torch.cat([self.none, self.whole]))
        return before, whole

    def probability_difference_at(self, activation: Tensor) -> Tensor:
        """The probability difference of each observation for any output of the layer, differentiable, `[n]`."""
        logits, _ = self.cut.suffix(self.recipient.with_activation(activation))
        recipient, donor = move_probabilities(logits).gather(1, self.moves.to(logits.device)).T
        return donor - recipient

    @property
    def none(self) -> Tensor:
        """The mask that patches nothing, `[1, ...]`."""
        return torch.zeros(1, *self.shape, dtype=torch.bool)

    @property
    def whole(self) -> Tensor:
        """The mask that patches the whole layer, `[1, ...]`."""
        return torch.ones(1, *self.shape, dtype=torch.bool)


def run_pair(policy: nn.Module, pair: Pair, layer: str, squares: Sequence[Square] | None = None) -> PairRun:
    """Run both mazes of a pair up to a layer, the mouse facing left.

    Args:
        policy: the network.
        pair: the mazes.
        layer: a module path or published name (`_out`).
        squares: where the mouse stands; the pair's decision square unless given.

    Raises:
        MazeInterpError: an unknown layer, or a square in a wall.
    """
    cut = split(policy, layer)
    stands = [pair.square] if squares is None else list(squares)
    moves = torch.tensor([pair.moves(square) for square in stands])
    with torch.no_grad():
        recipient, donor = (cut.prefix(to_input(observe(maze, stands))) for maze in (pair.recipient, pair.donor))
    return PairRun(cut, recipient, donor, moves)


def channel_masks(shape: Sequence[int]) -> Tensor:
    """A mask per channel (or feature) of a layer's output, bool `[c, c, 1, 1]` (or `[c, c]`)."""
    return torch.eye(shape[0], dtype=torch.bool).reshape(shape[0], shape[0], *(1,) * (len(shape) - 1))


def position_masks(shape: Sequence[int]) -> Tensor:
    """A mask per position of a map, in reading order, bool `[h · w, 1, h, w]`."""
    _, height, width = shape
    return torch.eye(height * width, dtype=torch.bool).reshape(-1, 1, height, width)


def around(maze: Maze, square: Square, size: tuple[int, int]) -> Tensor:
    """The positions of a map of (rows, columns) around a square (see `AROUND`), bool `[rows, columns]`."""
    world = WORLD_SIZE[maze.distribution_mode]
    middle = world - 1 - square[1] - maze.padding + 0.5, square[0] + maze.padding + 0.5
    rows, columns = (
        ((torch.arange(side) + 0.5) * world / side - centre).abs() <= AROUND
        for side, centre in zip(size, middle, strict=True)
    )
    return rows[:, None] & columns[None]


def places(pair: Pair) -> dict[str, Square]:
    """The squares of the `PLACES`."""
    return dict(zip(PLACES, (pair.recipient_goal, pair.donor_goal, pair.square), strict=True))


def place_masks(pair: Pair, shape: Sequence[int]) -> dict[str, Tensor]:
    """Masks `[1, 1, h, w]` around each of the `PLACES`, and of the `"rest"`."""
    size = (shape[1], shape[2])
    masks = {name: around(pair.recipient, square, size)[None, None] for name, square in places(pair).items()}
    return {**masks, "rest": ~torch.stack(list(masks.values())).any(0)}


def unpatched_states(policy: nn.Module, pair: Pair) -> tuple[Evaluation, Evaluation]:
    """The policy on every (square, facing) of the recipient, and what it would do there if it saw the donor.

    On the square of the donor's cheese, where the donor's episode has ended, both are the recipient's.
    """
    recipient, donor = evaluate(policy, [pair.recipient, pair.donor])
    probs, value = recipient.probs.copy(), recipient.value.copy()
    for row, square in enumerate(recipient.squares):
        if square != pair.donor.cheese:
            seen = donor.squares.index(square)
            probs[row], value[row] = donor.probs[seen], donor.value[seen]
    return recipient, replace(recipient, probs=probs, value=value)


@dataclass(frozen=True)
class StateRuns:
    """The runs on recipient and donor on every (square, facing) of the recipient, cut after one layer.

    Attributes:
        maze: the recipient.
        squares: its n open squares but the cheese's.
        cut: the network's two parts.
        batches: what the second part needs of the recipient's observations and of the donor's; on the square of the
            donor's cheese the recipient's stands in for it.
        leaf: the module after whose output the network is cut.
    """

    maze: Maze
    squares: tuple[Square, ...]
    cut: Split
    batches: tuple[tuple[Crossing, Crossing], ...]
    leaf: str

    def patched(self, masks: Tensor) -> list[Evaluation]:
        """The policy in the recipient under each mask, in force on every square; see `PairRun.outputs`."""
        outputs = [run_masks(self.cut, recipient, donor.activation, masks) for recipient, donor in self.batches]
        results = np.concatenate(outputs, axis=1).reshape(len(masks), len(self.squares), len(FACINGS), 6)
        return [Evaluation(self.maze, self.squares, result[..., :5], result[..., 5]) for result in results]


@torch.no_grad()
def run_states(policy: nn.Module, pair: Pair, layer: str, done: StateRuns | None = None) -> StateRuns:
    """Run both mazes of a pair up to a layer on every state of the recipient.

    Where one output goes around the layer of runs `done` before, it goes on from there.
    """
    leaf = (cut := split(policy, layer)).runs(layer)
    if done is not None and _precede(policy, done, leaf):
        onward = tuple((_onward(cut, a), _onward(cut, b)) for a, b in done.batches)
        return replace(done, cut=cut, leaf=leaf, batches=onward)
    squares = tuple(square for square in pair.recipient.squares if square != pair.recipient.cheese)
    views = [
        np.stack([observe(maze, squares, facing) for facing in FACINGS], axis=1).reshape(-1, PIXELS, PIXELS, 3)
        for maze in (pair.recipient, pair.donor)
    ]
    over = np.repeat([square == pair.donor.cheese for square in squares], len(FACINGS))
    views[1][over] = views[0][over]
    batches, size = [], batch_size(device_of(policy))
    for first in range(0, len(over), size):
        recipient, donor = (cut.prefix(to_input(view[first : first + size])) for view in views)
        batches.append((recipient, donor))
    return StateRuns(pair.recipient, squares, cut, tuple(batches), leaf)


def _precede(policy: nn.Module, done: StateRuns, leaf: str) -> bool:
    """Whether runs up to a leaf can go on from others: they keep one output, and their leaf runs before."""
    order, kept = running_order(policy), done.batches[0][0].kept
    return len(kept) == 1 and {done.leaf, leaf} <= set(order) and order.index(done.leaf) < order.index(leaf)


def _onward(cut: Split, crossing: Crossing) -> Crossing:
    ((path, output),) = crossing.kept.items()
    return cut.prefix(output, path)


def arrivals(states: Evaluation, aim: Square, horizon: int = HORIZON) -> tuple[float, float]:
    """Exact probabilities of reaching the cheese, and of standing on `aim` before the episode ends."""
    chain = make_chain(states)
    goals = np.stack([np.arange(chain.cheese + 1) == chain.cheese, chain.states([aim])], axis=1)
    p_cheese, p_aim = reach_within(chain.transitions, goals, horizon)[chain.start].tolist()
    return p_cheese, p_aim
