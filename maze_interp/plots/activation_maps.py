"""Maps of a layer's channels, the maze's squares drawn over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray
from torch import Tensor

from maze_interp.arguments import as_whole, instance
from maze_interp.arrays import Activations
from maze_interp.edits.where import Channels, as_channels, index_of
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import WORLD_SIZE, Maze
from maze_interp.plots.maze import draw_marks, maze_title
from maze_interp.plots.style import BLACK, DIVERGING, own_figure, styled
from maze_interp.policies.devices import on_host
from maze_interp.results.numbers import counted

_IN_A_ROW = 4


@overload
def activations(  # noqa: D418
    maze: Maze, activation: Tensor | Activations, channels: int | None = None, ax: Axes | None = None
) -> Axes:
    """One channel, or the mean over channels: one map."""


@overload
def activations(  # noqa: D418
    maze: Maze, activation: Tensor | Activations, channels: Iterable[int], ax: Sequence[Axes] | None = None
) -> list[Axes]:
    """Several channels: a map for each."""


@styled
def activations(
    maze: Maze, activation: Tensor | Activations, channels: Channels = None, ax: Axes | Sequence[Axes] | None = None
) -> Axes | list[Axes]:
    """Draw what a convolutional layer puts out for one observation, over the squares of the maze.

    Purple is below 0, white 0, orange above. Outside the maze lies procgen's padding, which the network sees too.

    Args:
        maze: the maze.
        activation: `[channels, rows, columns]`, such as `cache[layer][0]`, or `[1, channels, rows, columns]`.
        channels: one channel; several, each on axes of its own; or None for the mean over channels.
        ax: axes to draw on, one for each of several channels; new ones of a figure of pyplot's unless given.

    Returns:
        the axes; of several channels a list of them.

    Raises:
        MazeInterpError: no map, more than one observation, a channel that the layer has not, or other axes.
    """
    maps = _maps(activation)
    one_map = channels is None or as_whole(channels) is not None
    chosen = as_channels(channels)
    index_of(torch.from_numpy(maps)[None], "the layer", chosen, None)  # refuses channels that are not there
    panels = _panels(ax, 1 if chosen is None else len(chosen), one_map)
    mean = f"mean of {counted(len(maps), 'channel')}"
    titles = [mean] if chosen is None else [f"channel {number}" for number in chosen]
    drawn = [maps.mean(0)] if chosen is None else [maps[number] for number in chosen]
    for axes, values, title in zip(panels, drawn, titles, strict=True):
        _draw(axes, instance(Maze)(maze, "maze"), values)
        axes.set_title(f"{maze_title(maze)}: {title}" if one_map else title)
    return panels[0] if one_map else panels


def _maps(activation: object) -> NDArray[np.float64]:
    values = on_host(activation) if isinstance(activation, Tensor) else np.asarray(activation)
    if values.ndim == 4 and len(values) == 1:
        values = values[0]
    if values.ndim == 4:
        raise MazeInterpError(f"activations of {len(values)} observations; choose one, such as cache[layer][0]")
    if values.ndim != 3 or values.dtype.kind not in "fiu":
        raise MazeInterpError(
            f"activations to draw are [channels, rows, columns], not {list(values.shape)}: a layer without a map of "
            "positions has no picture"
        )
    return values.astype(np.float64)


def _panels(ax: object, count: int, one_map: bool) -> list[Axes]:
    if ax is None:
        rows = -(-count // _IN_A_ROW)
        width = min(count, _IN_A_ROW)
        figure = own_figure(5.4, 5) if one_map else own_figure(2.8 * width, 2.9 * rows, square=True)
        grid = figure.subplots(rows, width, squeeze=False).ravel()
        for unused in grid[count:]:
            unused.remove()
        return list(grid[:count])
    given = [ax] if one_map or isinstance(ax, Axes) else list(np.ravel(np.asarray(ax, dtype=object)))
    if len(given) != count:
        raise MazeInterpError(f"{count} channels need as many axes, not {len(given)}")
    return [instance(Axes)(one, "ax") for one in given]


def _draw(axes: Axes, maze: Maze, values: NDArray[np.float64]) -> None:
    """A map covers procgen's whole picture: the maze and the padding around it."""
    first = -maze.padding - 0.5
    last = first + WORLD_SIZE[maze.distribution_mode]
    most = float(np.abs(values).max()) or 1.0
    image = axes.imshow(values, cmap=DIVERGING, vmin=-most, vmax=most, extent=(first, last, first, last))
    axes.add_collection(LineCollection(_walls(maze), colors=BLACK, linewidths=0.8, label="walls"))
    draw_marks(axes, maze)
    axes.set(xlabel="x (squares)", ylabel="y (squares)")
    axes.figure.colorbar(image, ax=axes, shrink=0.75).set_label("value")


def _walls(maze: Maze) -> list[NDArray[np.float64]]:
    """Lines between open squares and what is not open, each `[2, 2]`."""
    grid = np.pad(maze.open, 1)
    lines = []
    for y, x in np.argwhere(grid[:, 1:] != grid[:, :-1]):
        lines.append(np.array([(x - 0.5, y - 1.5), (x - 0.5, y - 0.5)]))
    for y, x in np.argwhere(grid[1:] != grid[:-1]):
        lines.append(np.array([(x - 1.5, y - 0.5), (x - 0.5, y - 0.5)]))
    return lines
