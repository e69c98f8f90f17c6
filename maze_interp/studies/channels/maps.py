"""Maps of channels beside the observations behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from torch import nn

from maze_interp.environment.observe import PIXELS, observe
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze, Square
from maze_interp.plots.style import BLACK, new_figure, styled
from maze_interp.policies.pixels import pixel_in
from maze_interp.studies.channels.responses import strongest
from maze_interp.studies.channels.tables import Mark
from maze_interp.studies.channels.tracking import NEAR, Maps, maps_of
from maze_interp.sweeps.levels import LevelSet

_HALO = [withStroke(linewidth=3, foreground="white")]
_MAP_COLOURS = "RdBu_r"
_TILE = PIXELS + 6  # from the left edge of one picture of a strip to that of the next
_WORDS = {1: "highest", -1: "lowest"}


@styled
def excitation_figure(
    policy: nn.Module,
    layer: str,
    levels: LevelSet,
    table: pd.DataFrame,
    mean: Maps,
    marks: Mapping[Mark, str],
    count: int = 4,
) -> Figure:
    """The observations that excite channels most, the peak's place and what it would hit boxed, and their mean maps.

    Args:
        policy: the network, `layer` one of its layers.
        layer: a module path.
        levels: of the table.
        table: of `Responses`.
        mean: each channel's mean map.
        marks: channels and signs, a row of the picture each, with a note for its heading.
        count: observations of each, from as many levels.

    Raises:
        MazeInterpError: there is no channel to show.
    """
    if not marks:
        raise MazeInterpError("there is no channel to show")
    figure = new_figure(10, 2.15 * len(marks))
    panels = figure.subplots(len(marks), 1, squeeze=False)[:, 0]
    for axes, ((channel, sign), note) in zip(panels, marks.items(), strict=True):
        rows = list(strongest(table, channel, sign, count).itertuples())
        seen = np.stack([_observation(levels, row) for row in rows])
        first = maps_of(policy, layer, seen[:1])[0, channel]
        titles = [f"level {row.seed}: {row.peak:.2f}" for row in rows]
        for name, values in (("map of the first", first), ("mean map", mean[channel])):
            titles.append(f"{name}: {values.min():.2f} to {values.max():.2f}")
        _strip(axes, [*seen, _coloured(first), _coloured(mean[channel])], titles)
        scale = PIXELS / len(first)
        for number, row in enumerate(rows):
            _box(axes, (row.row, row.column), len(first), NEAR, scale, number * _TILE)
        axes.set_title(f"channel {channel}, {_WORDS[sign]} values: {note}", fontsize=10, pad=14)
    return figure


@styled
def moved_figure(
    policy: nn.Module, layer: str, maze: Maze, cheeses: Sequence[Square], channels: Sequence[int]
) -> Figure:
    """Maps of channels (rows) in one maze with its cheese on some squares (columns), the cheese's position boxed.

    The mouse stands on the start.

    Raises:
        MazeInterpError: no square or no channel.
    """
    if not cheeses or not channels:
        raise MazeInterpError("the picture needs at least one square for the cheese and one channel")
    observations = np.concatenate([observe(maze.with_cheese(cheese), [maze.start]) for cheese in cheeses])
    maps = maps_of(policy, layer, observations)
    figure = new_figure(1.9 * len(cheeses) + 0.9, 2.0 * (len(channels) + 1), square=True)
    panels = figure.subplots(len(channels) + 1, len(cheeses), squeeze=False)
    for axes, cheese, observation in zip(panels[0], cheeses, observations, strict=True):
        axes.imshow(observation, interpolation="nearest")
        axes.set_title(f"cheese on {cheese}", fontsize=9)
    for row, channel in zip(panels[1:], channels, strict=True):
        limit = float(np.abs(maps[:, channel]).max())
        for axes, cheese, one in zip(row, cheeses, maps[:, channel], strict=True):
            image = axes.imshow(one, cmap=_MAP_COLOURS, vmin=-limit, vmax=limit, interpolation="nearest")
            _box(axes, pixel_in(maze, cheese, (one.shape[0], one.shape[1])), len(one))
        row[0].set_ylabel(f"channel {channel}")
        figure.colorbar(image, ax=row[-1], shrink=0.8, label="activation")
    for axes in panels.ravel():
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return figure


def _observation(levels: LevelSet, row: Any) -> NDArray[np.uint8]:
    """The observation of a row of `Responses`, `[64, 64, 3]`."""
    maze = levels.maze(row.seed).with_cheese((row.cheese_x, row.cheese_y))
    return observe(maze, [(row.mouse_x, row.mouse_y)])[0]


def _coloured(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A map in colours, white at 0, as large as an observation: `[64, 64, 3]`."""
    limit = float(np.abs(values).max()) or 1.0
    pixel = np.arange(PIXELS) * len(values) // PIXELS
    return colormaps[_MAP_COLOURS](values / (2 * limit) + 0.5, bytes=True)[np.ix_(pixel, pixel)][..., :3]


def _strip(axes: Axes, pictures: Sequence[NDArray[np.uint8]], titles: Sequence[str]) -> None:
    """Pictures `[64, 64, 3]` side by side, their left edges `_TILE` apart; one image, for many panels are slow."""
    strip = np.full((PIXELS, _TILE * len(pictures) - (_TILE - PIXELS), 3), 255, np.uint8)
    for number, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
        strip[:, number * _TILE : number * _TILE + PIXELS] = picture
        axes.text(number * _TILE, -2.5, title, fontsize=7)
    axes.imshow(strip, interpolation="nearest")
    axes.set_axis_off()


def _box(
    axes: Axes, position: tuple[int, int], size: int, around: int = 0, scale: float = 1.0, offset: float = 0.0
) -> None:
    """Outline a position (row, column) of a map of `size` rows and columns, and `around` more on every side.

    A position is `scale` wide as drawn, and the map's left edge lies at `offset`; the outline ends where the map does.
    """
    top, left = (max(one - around, 0) * scale for one in position)
    bottom, right = (min(one + around + 1, size) * scale for one in position)
    box = Rectangle((left + offset - 0.5, top - 0.5), right - left, bottom - top, fill=False, edgecolor=BLACK)
    box.set(linewidth=1.6, path_effects=_HALO, zorder=4)
    axes.add_patch(box)
