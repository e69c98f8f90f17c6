"""A maze with its marks, by itself or beside procgen's pictures of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Polygon, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from maze_interp.environment.human_view import human_view
from maze_interp.environment.observe import observe
from maze_interp.mazes.maze import Maze, Square
from maze_interp.plots.style import BLACK, BLUE, GREEN, OPEN, ORANGE, VERMILLION, WALL, new_figure, styled

View = Literal["human", "agent"]
_VIEW_TITLES = {"human": "procgen's picture for people", "agent": "what the agent sees, 64×64 pixels"}


@styled
def maze_figure(maze: Maze, region: int | None = None, views: Sequence[View] = (), title: str = "") -> Figure:
    """Draw a maze, labelled, with a legend.

    Args:
        maze: the maze.
        region: outline the top-right n×n.
        views: pictures of the same level to set beside it: `"human"` (procgen's, 512×512) or
            `"agent"` (the observation, 64×64).
        title: above the maze; its level and size unless given.

    Raises:
        MazeInterpError: a view needs procgen, which is not installed.
    """
    figure = new_figure(3.6 * (1 + len(views)), 4.3 if views else 4.4, square=True)
    first, *others = figure.subplots(1, 1 + len(views), squeeze=False)[0]
    marks = draw_maze(first, maze, region)
    first.set_title(title or maze_title(maze))
    for axes, view in zip(others, views, strict=True):
        axes.imshow(human_view(maze) if view == "human" else observe(maze, [maze.start])[0], interpolation="nearest")
        axes.set_title(_VIEW_TITLES[view])
        axes.set_axis_off()
    figure.legend(handles=marks, loc="outside lower left", ncols=4 if views else 2)
    return figure


def maze_title(maze: Maze) -> str:
    """Level and size, in words."""
    return f"level {maze.seed}, {maze.size}×{maze.size}"


def draw_maze(axes: Axes, maze: Maze, region: int | None = None, labels: bool = True) -> list[Artist]:
    """Draw walls, open squares, and the marks that the maze has; (x, y) is centred on the point (x, y).

    The top-right n×n is outlined if `region` is given.

    Returns:
        legend handles of the marks drawn.
    """
    axes.imshow(maze.open, cmap=ListedColormap([WALL, OPEN]), vmin=0, vmax=1, origin="lower", interpolation="nearest")
    axes.set(xlim=(-0.5, maze.size - 0.5), ylim=(-0.5, maze.size - 0.5))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=3))
    for spine in axes.spines.values():
        spine.set(visible=True, color=WALL, linewidth=3)
    if labels:
        axes.set(xlabel="x (squares)", ylabel="y (squares)")
    return draw_marks(axes, maze, region)


def draw_marks(axes: Axes, maze: Maze, region: int | None = None) -> list[Artist]:
    """Draw start, cheese, decision square and region where there is one; returns legend handles."""
    outline: dict[str, Any] = {"fill": False, "linewidth": 2.0, "zorder": 4}
    outline["path_effects"] = [withStroke(linewidth=4, foreground=OPEN)]  # so that it shows on dark heat too
    axes.add_patch(Circle(maze.start, 0.36, edgecolor=GREEN, label="start", **outline))
    handles: list[Artist] = [_handle("start", "o", GREEN, hollow=True)]
    if maze.cheese is not None:
        axes.add_patch(_cheese(maze.cheese))
        handles.append(_handle("cheese", "^", ORANGE))
    decision = maze.decision_square
    if decision is not None:
        corner = (decision[0] - 0.42, decision[1] - 0.42)
        axes.add_patch(Rectangle(corner, 0.84, 0.84, edgecolor=BLUE, label="decision square", **outline))
        handles.append(_handle("decision square", "s", BLUE, hollow=True))
    if region is not None:
        side = min(region, maze.size)
        edge = maze.size - side - 0.5
        dashed: dict[str, Any] = {"edgecolor": VERMILLION, "linestyle": "--", "linewidth": 2.0, "clip_on": False}
        axes.add_patch(Rectangle((edge, edge), side, side, fill=False, zorder=3, label="region", **dashed))
        handles.append(Line2D([], [], color=VERMILLION, linestyle="--", label=f"top-right {side}×{side}"))
    return handles


def _cheese(square: Square) -> Polygon:
    x, y = square
    corners = [(x - 0.36, y - 0.33), (x + 0.36, y - 0.33), (x, y + 0.33)]
    return Polygon(corners, facecolor=ORANGE, edgecolor=BLACK, linewidth=0.8, zorder=4, label="cheese")


def _handle(label: str, marker: str, colour: str, hollow: bool = False) -> Line2D:
    fill: dict[str, Any] = {"markerfacecolor": "none", "markeredgewidth": 2} if hollow else {"markeredgecolor": BLACK}
    return Line2D([], [], linestyle="none", marker=marker, markersize=8, color=colour, label=label, **fill)
