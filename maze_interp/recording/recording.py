"""What is recorded: the layers, the levels, the squares and facings in each, and how it is cut into shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Annotated, Any

import numpy as np
from torch import nn

from maze_interp.arguments import check_fields, choice, several, whole
from maze_interp.display import Tabled
from maze_interp.environment.observe import FACINGS, PIXELS, Facing
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import WORLD_SIZE, Maze, Square
from maze_interp.policies.hooks import resolve_layers, run_with_cache, without_hooks
from maze_interp.policies.moves import to_input
from maze_interp.recording.columns import Column, label_columns, row_bytes
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.provenance import provenance

DTYPES = ("float32", "float16")
SHARD_BYTES = 2**27
"""The size of a shard before compression: what a recorder holds in memory, compressed."""


def as_facings(value: Any, name: str) -> tuple[Facing, ...]:
    """One facing or both, each once."""
    one_facing = choice("facing", FACINGS)
    facings = several(one_facing, "facings")([value] if isinstance(value, str) else value, name)
    if len(set(facings)) < len(facings):
        raise MazeInterpError(f"the facings are left, right, or both, not {', '.join(facings)}")
    return facings


@dataclass(frozen=True, eq=False, repr=False)
class Recording(Tabled):
    """What to record.

    Attributes:
        policy: any network from `[n, 3, 64, 64]` to (logits `[n, 15]`, value `[n]`).
        agent: its name, for the record.
        levels: the levels.
        layers: module paths or published names (`_out`), one or several, or a function of module paths; kept as
            module paths.
        squares: k squares drawn from each level by its seed (all of them where there are fewer);
            None for every open square. The cheese's square, where no agent ever stands, never counts.
        facings: one or both of `"left"` and `"right"`.
        dtype: `"float32"` or `"float16"`, of the activations.
        shard_bytes: size of a shard before compression; a single level may exceed it.

    Raises:
        MazeInterpError: no layer, an unknown one, one that does not put out one row per
            observation, or one named like a label; k below 1; another facing or dtype.
    """

    policy: nn.Module
    agent: str
    levels: LevelSet
    layers: Sequence[str]
    squares: Annotated[int, whole(1)] | None = None
    facings: Annotated[Sequence[Facing], as_facings] = FACINGS
    dtype: Annotated[str, choice("dtype", DTYPES)] = "float32"
    shard_bytes: Annotated[int, whole(1)] = SHARD_BYTES

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "layers", tuple(resolve_layers(self.policy, self.layers)))
        for layer in self.layers:
            if layer in label_columns(self.levels.distribution_mode):
                raise MazeInterpError(f"a layer cannot be recorded under the name {layer!r}, which is that of a label")

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Everything recorded of an observation: the layers, then the labels."""
        probe = to_input(np.zeros((2, PIXELS, PIXELS, 3), np.uint8))
        with without_hooks():
            _, cache = run_with_cache(self.policy, probe, self.layers)
        for layer, activation in cache.items():
            if activation.ndim < 2 or len(activation) != len(probe):
                raise MazeInterpError(f"layer {layer} does not put out one row of activations for each observation")
        layers = {layer: Column(self.dtype, tuple(activation.shape[1:])) for layer, activation in cache.items()}
        return {**layers, **label_columns(self.levels.distribution_mode)}

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the content of the store, as plain JSON values."""
        found = provenance(self.policy, self.agent)
        found["versions"] |= {package: version(package) for package in ("h5py", "hdf5plugin")}
        return {
            "command": "record",
            **found,
            "seeds": self.levels.name,
            "mode": self.levels.distribution_mode,
            "cheese": self.levels.cheese,
            "filters": self.filters,
            "layers": list(self.layers),
            "columns": {name: {"dtype": column.dtype, "shape": column.shape} for name, column in self.columns.items()},
            "shards": len(self.shards),
            "levels_per_shard": len(self.shards[0]),
        }

    @property
    def filters(self) -> list[str]:
        """What was left out of the levels, in words."""
        left_out = ["the cheese's square"]
        if self.squares is not None:
            left_out.append(f"all but {self.squares} squares of each level, drawn by the level's seed")
        return left_out + [f"the facing {facing}" for facing in FACINGS if facing not in self.facings]

    @cached_property
    def shards(self) -> list[Sequence[int]]:
        """The level seeds of each shard: a level is never cut."""
        side = (WORLD_SIZE[self.levels.distribution_mode] + 1) // 2
        largest = 2 * side * side - 1  # squares of the largest maze, whose open squares form a tree
        rows = len(self.facings) * min(largest, self.squares or largest)
        together = max(1, self.shard_bytes // (rows * row_bytes(self.columns)))
        seeds = self.levels.seeds
        return [seeds[first : first + together] for first in range(0, len(seeds), together)]

    def states(self, maze: Maze) -> list[tuple[Square, Facing]]:
        """The (square, facing) of a level that are recorded, in order."""
        squares = [square for square in maze.squares if square != maze.cheese]
        if self.squares is not None:
            # Keyed apart from the generator that places a region's cheese, whose region is at least 1.
            order = np.random.default_rng([maze.seed, 0]).permutation(len(squares))
            squares = [squares[i] for i in sorted(order[: self.squares])]
        return [(square, facing) for square in squares for facing in self.facings]
