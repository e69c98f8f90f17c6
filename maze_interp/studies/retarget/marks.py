"""What is written at a target's position, and what it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from maze_interp.edits.kinds import SetPixel
from maze_interp.environment.observe import observe
from maze_interp.policies.hooks import run_with_cache
from maze_interp.policies.moves import to_input
from maze_interp.policies.pixels import map_size, pixel_in
from maze_interp.sweeps.levels import LevelSet

MULTIPLES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Values tried, in natural peaks."""


@dataclass(frozen=True)
class Mark:
    """What is written for a target: `value` at its position in `channels`.

    Attributes:
        channels: channel numbers.
        value: the same for all of them.
        fill: what the rest of these channels is set to; None to leave it.
    """

    name: str
    channels: tuple[int, ...]
    value: float
    fill: float | None = None

    def edit(self, layer: str, pixel: tuple[int, int]) -> SetPixel:
        """The edit that writes it at one position of a layer."""
        return SetPixel(layer, self.channels, pixel, self.value, self.fill)

    def activations(self, size: tuple[int, int]) -> int:
        """How many activations it writes, on maps of (rows, columns)."""
        return len(self.channels) * (1 if self.fill is None else size[0] * size[1])


def natural_peak(policy: nn.Module, layer: str, levels: LevelSet) -> float:
    """What the channel that marks the cheese most holds at its position: the highest channel's mean over levels.

    The mouse is on the start. Levels without cheese are left out.
    """
    size = map_size(policy, layer)
    mazes = [maze for maze in map(levels.maze, levels.seeds) if maze.cheese is not None]
    values = []
    for maze in mazes:
        _, seen = run_with_cache(policy, to_input(observe(maze, [maze.start])), [layer])
        row, column = pixel_in(maze, maze.cheese or maze.start, size)
        values.append(seen[layer][0, :, row, column])
    return float(torch.stack(values).mean(0).max())


def random_sets(channels: Sequence[int], size: int, draws: int) -> dict[str, tuple[int, ...]]:
    """Sets `"random_0"` … of `size` of the channels, or of all if they are fewer; none of none."""
    drawn = [np.random.default_rng(draw).permutation(channels)[:size] for draw in range(draws if channels else 0)]
    return {f"random_{draw}": tuple(sorted(some.tolist())) for draw, some in enumerate(drawn)}
