"""A stated set of observations, and what a network makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from typing import Annotated, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from maze_interp.arguments import as_whole, check_fields, pair, several, whole, word_or
from maze_interp.display import Tabled
from maze_interp.environment.levels import level_maze, maze_from_seed
from maze_interp.environment.observe import observe
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import MAX_SEED, DistributionMode, Maze, Square
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.policies.hooks import resolve_layer, run_with_cache, without_hooks
from maze_interp.policies.identity import beyond_record, structure_hash
from maze_interp.policies.moves import to_input
from maze_interp.policies.threads import one_thread

_BATCH = 64
_MEANS_KEPT = 64  # per network; each is one layer's output, at most 4 MB


_as_squares = word_or(several(pair("(x, y)"), "squares (x, y)"), "squares", ("start", "all"))


def _place(value: Any, name: str) -> Any:
    """A square (x, y), or the n of the top-right n×n."""
    return (whole(1) if as_whole(value) is not None else pair("(x, y) or the n of the top-right n×n"))(value, name)


@dataclass(frozen=True, repr=False)
class Observations(Tabled):
    """Observations named by plain data, the mouse un-mirrored.

    Attributes:
        levels: procgen level seeds, kept as a tuple, repetitions included.
        distribution_mode: `"easy"` or `"hard"`.
        squares: where the mouse stands: `"start"`, `"all"` (every open square but the cheese's), or
            squares `(x, y)` that are open in every level.
        cheese: `"anywhere"` (where procgen puts it), `"none"`, a square `(x, y)`, or the n of a
            random square of the top-right n×n as in training.

    Raises:
        MazeInterpError: no level or square, or a value of another kind.
    """

    levels: Annotated[Sequence[int], several(whole(0, MAX_SEED), "level seeds")]
    distribution_mode: DistributionMode = "hard"
    squares: Annotated[str | Sequence[Square], _as_squares] = "start"
    cheese: Annotated[str | int | Square, word_or(_place, "cheese", ("anywhere", "none"))] = "anywhere"

    def __post_init__(self) -> None:
        check_fields(self)

    def maze(self, level: int) -> Maze:
        """The maze of one of the levels.

        Raises:
            MazeInterpError: the level has a wall or the start where the cheese should lie.
        """
        if isinstance(self.cheese, int | str):
            return level_maze(level, self.distribution_mode, self.cheese)
        try:
            return maze_from_seed(level, self.distribution_mode).with_cheese(self.cheese)
        except MazeInterpError as error:
            raise MazeInterpError(f"level {level}: {error}") from error

    def places(self, maze: Maze) -> Sequence[Square]:
        """Where the mouse stands in `maze`."""
        if self.squares == "start":
            return [maze.start]
        if self.squares == "all":
            return [square for square in maze.squares if square != maze.cheese]
        return [maze.require_open(square, f"square of level {maze.seed},") for square in self.squares]  # type: ignore[arg-type]

    def draw(self, seed: int) -> Tensor:
        """One of them, `[1, 3, 64, 64]`: a level drawn evenly, then one of its squares.

        The draw depends on `seed` and the set alone.
        """
        random = np.random.default_rng(seed)
        maze = self.maze(self.levels[random.integers(len(self.levels))])
        places = self.places(maze)
        return to_input(observe(maze, [places[random.integers(len(places))]]))

    def batches(self) -> Iterator[Tensor]:
        """All of them in order, `[n, 3, 64, 64]`, n at most 64."""
        mazes = (self.maze(level) for level in self.levels)
        each = (observation for maze in mazes for observation in observe(maze, self.places(maze)))
        while batch := list(islice(each, _BATCH)):
            yield to_input(np.stack(batch))


def activation_of(network: nn.Module, layer: str, x: Tensor) -> Tensor:
    """The output of `layer` in the network without edits or hooks, `[n, ...]`.

    It is free of inference mode, so it can take part in a computation of gradients.
    """
    return activations_of(network, [layer], x)[layer]


def activations_of(network: nn.Module, layers: Sequence[str], x: Tensor) -> Mapping[str, Tensor]:
    """`activation_of` several layers, by name, in one pass."""
    with without_hooks(), one_thread(), torch.inference_mode(False):
        return run_with_cache(network, x.clone(), layers)[1]


_lock = Lock()  # threads share the means
_means: WeakKeyDictionary[nn.Module, dict[tuple[object, ...], Tensor]] = WeakKeyDictionary()


def mean_activation(network: nn.Module, layer: str, observations: Observations) -> Tensor:
    """Mean output of `layer` over the observations, without the batch axis; kept until the network changes."""
    return mean_activations(network, [layer], observations)[layer]


def mean_activations(network: nn.Module, layers: Sequence[str], observations: Observations) -> dict[str, Tensor]:
    """`mean_activation` of several layers, by name, in one pass."""
    of_network = (agent_hash(network), structure_hash(network), observations)
    keys = {layer: (*of_network, resolve_layer(network, layer)) for layer in layers}
    with without_hooks():
        known = beyond_record(network) is None
    if not known:  # it may change without a sign
        return _means_of(network, layers, observations)
    with _lock:
        kept = _means.setdefault(network, {})
        means = {layer: kept[key] for layer, key in keys.items() if key in kept}
    if missing := [layer for layer in layers if layer not in means]:
        means |= _means_of(network, missing, observations)
    with _lock:
        kept |= {keys[layer]: means[layer] for layer in missing}
        while len(kept) > _MEANS_KEPT:
            del kept[next(iter(kept))]
    return means


@torch.inference_mode(False)
def _means_of(network: nn.Module, layers: Sequence[str], observations: Observations) -> dict[str, Tensor]:
    totals, count = dict.fromkeys(layers, torch.zeros((), dtype=torch.float64, device="cpu")), 0
    for batch in observations.batches():
        seen = activations_of(network, layers, batch)
        totals = {layer: total + _sum(seen[layer]) for layer, total in totals.items()}
        count += len(batch)
    return {layer: (total / count).float() for layer, total in totals.items()}


def _sum(batch: Tensor) -> Tensor:
    """Of a batch, in float64: on a CPU NumPy adds several times as fast as PyTorch, to the same bits."""
    if batch.device.type == "cpu" and batch.dtype == torch.float32:
        return torch.from_numpy(batch.numpy().sum(0, dtype=np.float64))
    return batch.sum(0, dtype=torch.float64)
