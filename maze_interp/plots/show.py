"""The picture of a thing that can be drawn: `maze.plot()`, `field.plot()`, `behaviour.plot()`, and notebooks' own."""

from __future__ import annotations

from functools import singledispatch

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from maze_interp.arguments import instance
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze
from maze_interp.measure.behaviour import Behaviour
from maze_interp.measure.field import VectorField
from maze_interp.plots.field import draw_change, draw_field, draw_occupancy, draw_occupancy_change
from maze_interp.plots.maze import draw_maze, maze_title
from maze_interp.plots.style import new_figure, own_figure, png, styled

_SIZE = (5.4, 6.0)  # inches


@styled
def plot(thing: object, ax: Axes | None = None) -> Axes:
    """Draw a maze, a vector field or a behaviour on `ax`, or on new axes of a figure of pyplot's.

    Raises:
        MazeInterpError: `ax` is no axes.
    """
    axes = new_axes(ax)
    _draw(thing, axes)
    return axes


@styled
def difference(before: VectorField | Behaviour, after: VectorField | Behaviour, ax: Axes | None = None) -> Axes:
    """Draw what an edit, another agent or another cheese changes on the squares of one maze.

    Of two vector fields: arrows for the change of the net moves, at half length, and each square coloured by the total
    variation between its move probabilities, 0 to 1. Of two behaviours: the change of the expected moves spent on it.

    Args:
        before: of the network as it is, say.
        after: likewise, of the same squares.
        ax: axes to draw on; new ones of a figure of pyplot's unless given.

    Raises:
        MazeInterpError: two that do not correspond.
    """
    if not isinstance(before, VectorField | Behaviour) or type(before) is not type(after):
        kinds = f"{type(before).__name__} and {type(after).__name__}"
        raise MazeInterpError(f"a difference is of two vector fields or of two behaviours, not of {kinds}")
    axes = new_axes(ax)
    if isinstance(before, VectorField) and isinstance(after, VectorField):
        image = draw_change(axes, before, after)
        title, label = "change of the net moves", "change in the move probabilities\n(total variation, 0 to 1)"
    elif isinstance(before, Behaviour) and isinstance(after, Behaviour):
        image = draw_occupancy_change(axes, before, after)
        title = f"P(cheese) {before.p_cheese:.3f} → {after.p_cheese:.3f}"
        label = "change in the expected moves spent on the square"
    axes.figure.colorbar(image, ax=axes, shrink=0.75).set_label(label)
    axes.set_title(f"{maze_title(before.maze)}: {title}")
    return axes


def new_axes(ax: Axes | None) -> Axes:
    """The axes given, or new ones of a figure of pyplot's.

    Raises:
        MazeInterpError: `ax` is no axes.
    """
    return own_figure(*_SIZE, square=True).subplots() if ax is None else instance(Axes)(ax, "ax")


def picture(thing: object) -> bytes:
    """The same as a PNG file."""
    figure = new_figure(*_SIZE, square=True)
    plot(thing, figure.subplots())
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
