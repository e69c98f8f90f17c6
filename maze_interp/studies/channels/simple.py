"""Which channels show one plain feature of the picture: how much of a channel's map it explains by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from maze_interp.environment.observe import observe
from maze_interp.mazes.maze import WORLD_SIZE, Maze
from maze_interp.policies.devices import on_host
from maze_interp.policies.hooks import resolve_layer, run_with_cache, without_hooks
from maze_interp.policies.moves import to_input
from maze_interp.policies.untrained import xavier_like
from maze_interp.sweeps.experiment import Experiment

Grid = NDArray[np.float64]

FEATURES = (
    *("wall", "open", "cheese", "mouse", "outside"),
    *("wall_left", "wall_right", "wall_above", "wall_below", "dead_end", "junction"),
)
"""Plain features of a square of procgen's world: a wall of the maze; open; the cheese; the mouse; outside the maze;
a wall or the outside on the next square in some direction; open with one way out, or with three or more."""

NETWORKS = ("agent", "untrained")
_SUMS = ("a", "aa", "f", "ff", "af")  # of activations a and a feature f over places


def feature_maps(maze: Maze) -> dict[str, Grid]:
    """Each of `FEATURES` as 0 and 1 on procgen's world, `[world, world]`, rows from the top; the mouse on the start."""
    world, pad, size = WORLD_SIZE[maze.distribution_mode], maze.padding, maze.size
    open_ = np.zeros((world, world), bool)
    open_[pad : pad + size, pad : pad + size] = maze.open
    inside = np.zeros_like(open_)
    inside[pad : pad + size, pad : pad + size] = True
    edged = np.pad(~open_, 1, constant_values=True)
    beside = {"left": edged[1:-1, :-2], "right": edged[1:-1, 2:], "above": edged[2:, 1:-1], "below": edged[:-2, 1:-1]}
    ways = 4 - sum(one.astype(int) for one in beside.values())
    marks = {}
    for name, square in {"cheese": maze.cheese, "mouse": maze.start}.items():
        marks[name] = np.zeros_like(open_)
        if square is not None:
            marks[name][square[1] + pad, square[0] + pad] = True
    maps = {
        "wall": inside & ~open_,
        "open": open_,
        **marks,
        "outside": ~inside,
        **{f"wall_{name}": one for name, one in beside.items()},
        "dead_end": open_ & (ways == 1),
        "junction": open_ & (ways >= 3),
    }
    return {name: maps[name][::-1].astype(float) for name in FEATURES}


@dataclass(frozen=True)
class SimpleChannels(Experiment):
    """Sums over the places of a level from which follows how well a feature explains a channel.

    A row per network, channel and feature. A place is a square of procgen's world, its activation that at
    the position of the map that holds its centre; the mouse stands on the start.

    Attributes:
        layer: a layer with a map.
        features: of `FEATURES`.
    """

    name: ClassVar[str] = "simple_channels"
    columns: ClassVar[Sequence[str]] = ("network", "channel", "feature", "n", *_SUMS)

    layer: str
    features: tuple[str, ...] = FEATURES

    def __post_init__(self) -> None:
        object.__setattr__(self, "layer", resolve_layer(self.policy, self.layer))

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        maps = feature_maps(maze)
        f = np.array([maps[name].ravel() for name in self.features])
        x = to_input(observe(maze, [maze.start]))
        rows = []
        for network, policy in zip(NETWORKS, (self.policy, xavier_like(self.policy, 1)), strict=True):
            with without_hooks():
                _, seen = run_with_cache(policy, x, [self.layer])
            a = _at_squares(on_host(seen[self.layer][0]).astype(float), WORLD_SIZE[maze.distribution_mode])
            products = a @ f.T
            for channel, feature in np.ndindex(products.shape):
                own, other = a[channel], f[feature]
                sums = (own.sum(), own @ own, other.sum(), other @ other, products[channel, feature])
                rows.append(
                    {
                        **{"network": network, "channel": channel, "feature": self.features[feature]},
                        "n": len(own),
                        **{name: float(value) for name, value in zip(_SUMS, sums, strict=True)},
                    }
                )
        return rows


def explained(rows: pd.DataFrame) -> pd.DataFrame:
    """R² of each channel (rows) on each feature (columns) over all places; 0 where either never varies."""
    total = rows.groupby(["channel", "feature"])[["n", *_SUMS]].sum()
    n = total["n"]
    own, other = total["aa"] - total["a"] ** 2 / n, total["ff"] - total["f"] ** 2 / n
    both = total["af"] - total["a"] * total["f"] / n
    varies = (own > 1e-9 * total["aa"].clip(1e-12)) & (other > 0)
    r2 = (both**2 / (own * other).where(varies)).fillna(0.0)
    return r2.unstack("feature")


def _at_squares(maps: Grid, world: int) -> Grid:
    """A channel's values at the centres of the world's squares, `[channels, world²]`, rows from the top."""
    places = [((2 * np.arange(world) + 1) * size) // (2 * world) for size in maps.shape[1:]]
    return maps[:, places[0][:, None], places[1]].reshape(len(maps), -1)
