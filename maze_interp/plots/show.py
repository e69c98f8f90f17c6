"""The picture of a thing that can be drawn: `maze.plot()`, `field.plot()`, `behaviour.plot()`, and notebooks' own."""

from __future__ import annotations

from functools import singledispatch

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from maze_interp.arguments import instance
from maze_interp.mazes.maze import Maze
from maze_interp.measure.behaviour import Behaviour
from maze_interp.measure.field import VectorField
from maze_interp.plots.field import draw_field, draw_occupancy
from maze_interp.plots.maze import draw_maze, maze_title
from maze_interp.plots.style import new_figure, png, styled


@styled
def plot(thing: object, ax: Axes | None = None) -> Axes:
    """Draw a maze, a vector field or a behaviour on `ax`, or on new axes of a figure of their own.

    A figure made here is not one of pyplot's: a notebook shows the thing itself, and `ax.figure.savefig` writes it.

    Raises:
        MazeInterpError: `ax` is no axes.
    """
    axes = new_figure(5.4, 6, square=True).subplots() if ax is None else instance(Axes)(ax, "ax")
    _draw(thing, axes)
    return axes


def picture(thing: object) -> bytes:
    """The same as a PNG file."""
    figure = plot(thing).figure
    assert isinstance(figure, Figure)
    return png(figure)


@singledispatch
def _draw(thing: object, axes: Axes) -> None:
    raise TypeError(f"there is no picture of a {type(thing).__name__}")


@_draw.register
def _(thing: Maze, axes: Axes) -> None:
    _legend(axes, draw_maze(axes, thing))
    axes.set_title(maze_title(thing))


@_draw.register
def _(thing: VectorField, axes: Axes) -> None:
    _legend(axes, draw_field(axes, thing))
    axes.set_title(f"{maze_title(thing.maze)}: net move from each square")


@_draw.register
def _(thing: Behaviour, axes: Axes) -> None:
    image = draw_occupancy(axes, thing.maze, thing.occupancy)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.75, extend="min")
    bar.set_label("expected moves spent on the square (log scale)")
    axes.set_title(f"{maze_title(thing.maze)}: P(cheese) = {thing.p_cheese:.3f}")


def _legend(axes: Axes, handles: list[Artist]) -> None:
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, -0.12), ncols=2)
