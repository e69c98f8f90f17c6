"""Vector fields: one, one beside where the mouse spends its time, or two and their difference."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, SymLogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.quiver import Quiver
from numpy.typing import NDArray

from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze
from maze_interp.measure.behaviour import Behaviour
from maze_interp.measure.field import VectorField
from maze_interp.plots.maze import draw_maze, maze_title
from maze_interp.plots.style import BLACK, DIVERGING, HEAT, new_figure, styled

LEAST_OCCUPANCY = 0.01
"""Expected moves on a square below which the heat map leaves it blank."""

_REACH = 0.8  # squares that an arrow of length 1 spans


@styled
def field_figure(field: VectorField, region: int | None = None, title: str = "") -> Figure:
    """Draw a vector field: an arrow per square, a full-length one for a certain move; the top-right n×n outlined."""
    figure = new_figure(5.4, 6, square=True)
    axes = figure.subplots()
    marks = draw_field(axes, field, region)
    axes.set_title(title or maze_title(field.maze))
    figure.legend(handles=marks, loc="outside lower left", ncols=3)
    return figure


@styled
def behaviour_figure(result: Behaviour, region: int | None = None) -> Figure:
    """The vector field, and beside it the expected number of moves spent on every square."""
    figure = new_figure(10, 5.1, square=True)
    left, right = figure.subplots(1, 2)
    marks = draw_field(left, result.field, region)
    left.set_title(f"{maze_title(result.maze)}: net move from each square")
    image = draw_occupancy(right, result.maze, result.occupancy)
    right.set_title("where it spends its moves")
    bar = figure.colorbar(image, ax=right, shrink=0.75, extend="min")
    bar.set_label("expected moves spent on the square (log scale)")
    figure.legend(handles=marks, loc="outside lower left", ncols=5)
    return figure


@styled
def change_figure(before: VectorField, after: VectorField, region: int | None = None) -> Figure:
    """Two fields of one maze, such as without and with an edit, and the change between them.

    Raises:
        MazeInterpError: the two are not on the same squares.
    """
    figure = new_figure(13, 4.6, square=True)
    panels = figure.subplots(1, 3)
    marks = draw_field(panels[0], before, region)
    draw_field(panels[1], after, region)
    image = draw_change(panels[2], before, after)
    titles = (f"{maze_title(before.maze)}: before", "after", "after − before (arrows at half length)")
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title)
    bar = figure.colorbar(image, ax=panels[2], shrink=0.75)
    bar.set_label("change in the move probabilities\n(total variation, 0 to 1)")
    figure.legend(handles=marks, loc="outside lower left", ncols=5)
    return figure


def draw_field(axes: Axes, field: VectorField, region: int | None = None, labels: bool = True) -> list[Artist]:
    """Draw the maze and one arrow per square, centred on it; returns the legend handles.

    An arrow spans 0.8 squares times the length of the net vector, at most 1; one too short to have a head is a dot.
    """
    handles = draw_maze(axes, field.maze, region, labels)
    _arrows(axes, field, field.vectors, _REACH)
    arrow = Line2D([], [], linestyle="none", marker=r"$\rightarrow$", markersize=12, color=BLACK, label="net move")
    return [arrow, *handles]


def draw_change(axes: Axes, before: VectorField, after: VectorField) -> AxesImage:
    """Draw the difference of two fields: arrows at half length, squares coloured by total variation.

    Raises:
        MazeInterpError: the two are not on the same squares.
    """
    if before.squares != after.squares:
        raise MazeInterpError("two vector fields can be compared only on the same squares of one maze")
    draw_maze(axes, before.maze)
    moved = np.abs(after.probs - before.probs).sum(axis=1) / 2
    grid = np.full(before.maze.open.shape, np.nan)
    x, y = np.array(before.squares).T
    grid[y, x] = moved
    image = axes.imshow(grid, cmap="Blues", vmin=0, vmax=1, origin="lower", interpolation="nearest")
    _arrows(axes, before, after.vectors - before.vectors, _REACH / 2)
    return image


def draw_occupancy(axes: Axes, maze: Maze, occupancy: NDArray[np.float64]) -> AxesImage:
    """Draw the expected moves spent on each square on a log scale from `LEAST_OCCUPANCY` up.

    Raises:
        MazeInterpError: the array is not `[size, size]`.
    """
    if occupancy.shape != maze.open.shape:
        raise MazeInterpError(f"the occupancy has shape {occupancy.shape}, the maze {maze.open.shape}")
    draw_maze(axes, maze)
    scale = LogNorm(LEAST_OCCUPANCY, max(1.0, float(occupancy.max())))
    colours = colormaps[HEAT].with_extremes(under="white")
    shown = np.where(maze.open, np.maximum(occupancy, LEAST_OCCUPANCY / 2), np.nan)  # walls stay as drawn
    return axes.imshow(shown, cmap=colours, norm=scale, origin="lower", interpolation="nearest")


def draw_occupancy_change(axes: Axes, before: Behaviour, after: Behaviour) -> AxesImage:
    """Draw by how much the expected moves spent on each square change, on a scale that is linear up to 1 and then log.

    Raises:
        MazeInterpError: the two are not of mazes with the same open squares.
    """
    if not np.array_equal(before.maze.open, after.maze.open):
        raise MazeInterpError("two behaviours can be compared only in mazes with the same open squares")
    draw_maze(axes, before.maze)
    change = np.where(before.maze.open, after.occupancy - before.occupancy, np.nan)
    most = max(1.0, float(np.nanmax(np.abs(change))))
    scale = SymLogNorm(1, vmin=-most, vmax=most)
    return axes.imshow(change, cmap=DIVERGING, norm=scale, origin="lower", interpolation="nearest")


def _arrows(axes: Axes, field: VectorField, vectors: NDArray[np.float64], reach: float) -> Quiver:
    x, y = np.array(field.squares).T
    return axes.quiver(
        x, y, *vectors.T, angles="xy", scale_units="xy", scale=1 / reach, units="xy", pivot="middle",
        width=0.09, headwidth=4, headlength=4, headaxislength=3.6, color=BLACK, zorder=5,
    )  # fmt: skip
