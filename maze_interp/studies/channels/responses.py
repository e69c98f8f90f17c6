"""What the channels of a layer respond to in many mazes, beside untrained networks of the same shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze
from maze_interp.policies.hooks import DEFAULT_LAYER, resolve_layer
from maze_interp.policies.pixels import map_size
from maze_interp.policies.untrained import xavier_like
from maze_interp.studies.channels.tracking import (
    SIGNS,
    TARGETS,
    Maps,
    Placements,
    maps_of,
    peaks,
    place,
    track,
    value_at_cheese,
)
from maze_interp.sweeps.experiment import Experiment, Row


@dataclass(frozen=True)
class Responses(Experiment):
    """For each network, channel and sign: how well it tracks each target, and what excites it most.

    Network 0 is the agent's, the others are untrained.

    Attributes:
        layer: a layer with a map.
        placements: observations of each level, at most.
        untrained: number of untrained networks of the same shape, the seeds of their weights 1, 2, …

    Raises:
        MazeInterpError: an unknown layer or one without a map, or fewer than 2 placements.
    """

    name: ClassVar[str] = "responses"
    columns: ClassVar[Sequence[str]] = (
        *("network", "channel", "sign"),
        *(f"{target}_{what}" for target in TARGETS for what in ("share", "chance")),
        *("cheese_value", "peak", "row", "column", "mouse_x", "mouse_y", "cheese_x", "cheese_y"),
    )
    layer: str = DEFAULT_LAYER
    placements: int = 16
    untrained: int = 16

    def __post_init__(self) -> None:
        map_size(self.policy, self.layer)
        object.__setattr__(self, "layer", resolve_layer(self.policy, self.layer))
        if self.placements < 2:
            raise MazeInterpError(f"tracking shows over 2 placements or more, not {self.placements}")

    @cached_property
    def networks(self) -> tuple[nn.Module, ...]:
        """The agent's and the untrained ones."""
        return self.policy, *(xavier_like(self.policy, seed) for seed in range(1, self.untrained + 1))

    def rows(self, maze: Maze) -> Sequence[Row]:
        """See `Experiment`."""
        placements = place(maze, self.placements)
        observations = placements.observations()
        parts = []
        for number, network in enumerate(self.networks):
            maps = maps_of(network, self.layer, observations)
            numbers = np.full(maps.shape[1], number)
            parts += [{"network": numbers, **_columns(placements, maps, sign)} for sign in SIGNS]
        whole = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in self.columns})
        return whole.to_dict("records")


def _columns(placements: Placements, maps: Maps, sign: int) -> dict[str, NDArray[Any]]:
    """The columns of one network and sign, a value per channel."""
    peak, values = peaks(maps, sign), (sign * maps).max(axis=(2, 3))
    channel, most = np.arange(maps.shape[1]), values.argmax(axis=0)
    columns: dict[str, NDArray[Any]] = {"channel": channel, "sign": np.full_like(channel, sign)}
    for target, (share, chance) in track(placements, maps, sign).items():
        columns |= {f"{target}_share": share, f"{target}_chance": chance}
    columns["cheese_value"] = np.median(value_at_cheese(placements, maps, sign), axis=0)
    columns["peak"] = sign * values[most, channel]
    columns["row"], columns["column"] = peak[most, channel].T
    columns["mouse_x"], columns["mouse_y"] = np.array(placements.mice)[most].T
    columns["cheese_x"], columns["cheese_y"] = np.array(placements.cheeses)[most].T
    return columns


def strongest(table: pd.DataFrame, channel: int, sign: int, count: int) -> pd.DataFrame:
    """The agent's rows with a channel's highest (`sign` 1) or lowest values, one observation of each level."""
    rows = table[(table["network"] == 0) & (table["channel"] == channel) & (table["sign"] == sign)]
    return rows.loc[(sign * rows["peak"]).nlargest(count).index]
