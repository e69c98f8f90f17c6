"""Pictures show the right marks at the right places, and repeat byte for byte."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle, Polygon, Rectangle
from matplotlib.quiver import Quiver

import maze_interp as mi
from maze_interp.environment.human_view import human_view
from maze_interp.environment.levels import maze_from_seed
from maze_interp.environment.observe import observe
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze
from maze_interp.measure.behaviour import behaviour
from maze_interp.measure.field import VectorField, vector_field
from maze_interp.plots.field import LEAST_OCCUPANCY, behaviour_figure, change_figure, draw_occupancy, field_figure
from maze_interp.plots.intervals import FEW, estimates_figure, shares_figure
from maze_interp.plots.maze import maze_figure
from maze_interp.plots.style import DPI, png, save
from maze_interp.policies.architectures.impala import Impala
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.studies.sweep.figures import distance_figure, distribution_figure, place_figure, size_figure
from maze_interp.studies.sweep.gallery import gallery_figure, surprises_figure
from maze_interp.studies.sweep.summary import exits
from maze_interp.sweeps.groups import by_place, groups, in_region, surprises
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.sweep import LevelSweep
from maze_interp.sweeps.sweep import sweep as swept

LEVELS = range(40)


@pytest.fixture(scope="module")
def level() -> Maze:
    """A level of procgen with a decision square."""
    mazes = (maze_from_seed(seed, "easy") for seed in LEVELS)
    return next(maze for maze in mazes if maze.size >= 9 and maze.decision_square)


@pytest.fixture(scope="module")
def field(untrained: Impala, level: Maze) -> VectorField:
    return vector_field(untrained, level)


@pytest.fixture(scope="module")
def sweep(untrained: Impala) -> LevelSweep:
    return LevelSweep(untrained, "untrained", LevelSet(LEVELS, "easy"))


@pytest.fixture(scope="module")
def levels(untrained: Impala) -> pd.DataFrame:
    return swept(untrained, LEVELS, "easy")


def drawn(axes: Any, kind: type[Any], label: str | None = None) -> list[Any]:
    """The artists of a kind, or those of them with a label."""
    found = [artist for artist in axes.get_children() if isinstance(artist, kind)]
    return [artist for artist in found if label is None or artist.get_label() == label]


def only(found: list[Any]) -> Any:
    assert len(found) == 1
    return found[0]


def centre(patch: Any) -> tuple[float, float]:
    """The middle of a patch, in squares; its figure must have been laid out."""
    box = patch.get_window_extent().transformed(patch.axes.transData.inverted()).get_points()
    x, y = np.round(box.mean(axis=0), 6)
    return float(x), float(y)


def filled(image: Any) -> Any:
    """The numbers of an image, masked ones as NaN."""
    return image.get_array().astype(float).filled(np.nan)


def heights(axes: Any) -> list[float]:
    return [bar.get_height() for bar in drawn(axes, Rectangle) if bar is not axes.patch]


def points(axes: Any) -> list[tuple[float, float]]:
    """The centres of the round markers."""
    return [tuple(xy) for line in axes.lines if line.get_marker() == "o" for xy in line.get_xydata()]


def whisker_ends(axes: Any) -> set[tuple[float, ...]]:
    """The x of both ends of every horizontal whisker."""
    return {tuple(np.round(segment[:, 0], 9)) for lines in axes.collections for segment in lines.get_segments()}


# Bytes.


def test_the_same_input_gives_the_same_bytes_whatever_the_settings(field: VectorField) -> None:
    first = png(field_figure(field))
    before = dict(mpl.rcParams)
    with mpl.rc_context({"font.size": 30, "savefig.bbox": "tight", "axes.facecolor": "red", "image.origin": "upper"}):
        second = png(field_figure(field))
    assert first == second
    assert dict(mpl.rcParams) == before


def test_a_file_holds_the_picture_and_nothing_else(field: VectorField, tmp_path: Path) -> None:
    figure = field_figure(field)
    path = save(figure, tmp_path / "new" / "field.png")
    content = path.read_bytes()
    assert content == png(figure)
    assert [path.name for path in path.parent.iterdir()] == ["field.png"]
    chunks, at = [], 8
    while at < len(content):
        length = struct.unpack_from(">I", content, at)[0]
        chunks.append(content[at + 4 : at + 8])
        at += 12 + length
    assert set(chunks) == {b"IHDR", b"pHYs", b"IDAT", b"IEND"}  # no text, no time
    width, height = struct.unpack_from(">II", content, 16)
    assert (width, height) == tuple(int(side * DPI) for side in figure.get_size_inches())


def test_pyplot_is_never_loaded() -> None:
    code = (
        "import sys, importlib, pkgutil, maze_interp.plots as plots\n"
        "for found in pkgutil.iter_modules(plots.__path__):\n"
        "    importlib.import_module(f'maze_interp.plots.{found.name}')\n"
        "from maze_interp.mazes.maze import Maze\n"
        "plots.style.png(plots.maze.maze_figure(Maze.from_ascii('..C\\n.##\\nM..')))\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Mazes.


def test_marks_of_a_maze_stand_on_their_squares(level: Maze) -> None:
    figure = maze_figure(level, region=3)
    png(figure)  # lays the figure out
    axes = figure.axes[0]
    image = only(drawn(axes, AxesImage))
    np.testing.assert_array_equal(image.get_array(), level.open)
    assert image.origin == "lower"
    assert centre(only(drawn(axes, Circle, "start"))) == level.start
    assert centre(only(drawn(axes, Polygon, "cheese"))) == level.cheese
    assert centre(only(drawn(axes, Rectangle, "decision square"))) == level.decision_square
    assert centre(only(drawn(axes, Rectangle, "region"))) == (level.size - 2, level.size - 2)
    assert axes.get_xlabel() == "x (squares)"
    assert axes.get_ylabel() == "y (squares)"


def test_the_legend_names_the_marks_that_are_drawn(level: Maze) -> None:
    def named(figure: Figure) -> list[str]:
        return [text.get_text() for text in figure.legends[0].get_texts()]

    assert named(maze_figure(level, region=3)) == ["start", "cheese", "decision square", "top-right 3×3"]
    without = maze_figure(level.with_cheese(None))
    assert named(without) == ["start"]
    assert not drawn(without.axes[0], Polygon, "cheese")


def test_a_maze_whose_loops_leave_the_decision_square_undefined_is_drawn_without_it() -> None:
    looped = Maze.from_ascii("C..\n...\nM..")
    assert looped.decision_square is None
    assert not drawn(maze_figure(looped).axes[0], Rectangle, "decision square")


def test_a_region_larger_than_the_maze_is_the_maze() -> None:
    figure = maze_figure(Maze.from_ascii("..C\n.##\nM.."), region=5)
    png(figure)
    region = only(drawn(figure.axes[0], Rectangle, "region"))
    assert (centre(region), region.get_width()) == ((1, 1), 3)


def test_views_are_procgens_own(level: Maze) -> None:
    _, human, agent = maze_figure(level, views=("human", "agent")).axes
    np.testing.assert_array_equal(only(drawn(agent, AxesImage)).get_array(), observe(level, [level.start])[0])
    np.testing.assert_array_equal(only(drawn(human, AxesImage)).get_array(), human_view(level))


def test_the_human_view_shows_the_cheese_where_it_lies(level: Maze) -> None:
    """Two views of one maze differ in the cells of the two cheeses and nowhere else."""
    other = level.with_cheese(level.top_right)
    assert level.cheese is not None
    assert level.cheese != level.top_right
    rows, columns = np.nonzero((human_view(level) != human_view(other)).any(axis=2))
    cells = {(int(x), int(y)) for x, y in zip(columns * 15 // 512, 14 - rows * 15 // 512, strict=True)}
    cheeses = {(x + level.padding, y + level.padding) for x, y in (level.cheese, level.top_right)}
    assert cheeses <= cells
    assert all(min(max(abs(x - a), abs(y - b)) for a, b in cheeses) <= 1 for x, y in cells)  # sprites overhang a little


# Fields.


def test_every_square_has_its_net_vector(field: VectorField) -> None:
    arrows = only(drawn(field_figure(field).axes[0], Quiver))
    np.testing.assert_array_equal(arrows.get_offsets(), field.squares)
    left, down, up, right, _ = field.probs.T
    np.testing.assert_allclose(arrows.U, right - left)
    np.testing.assert_allclose(arrows.V, up - down)
    assert (arrows.pivot, arrows.scale) == ("middle", 1 / 0.8)


def test_occupancy_is_shown_where_it_is_and_small_ones_are_blank(untrained: Impala, level: Maze) -> None:
    result = behaviour(untrained, level)
    figure = behaviour_figure(result)
    png(figure)
    image = drawn(figure.axes[1], AxesImage)[-1]
    shown = filled(image)
    np.testing.assert_array_equal(np.isnan(shown), ~level.open)
    seen = level.open & (result.occupancy >= LEAST_OCCUPANCY)
    np.testing.assert_allclose(shown[seen], result.occupancy[seen])
    colours = image.to_rgba(shown)
    assert (colours[level.open & ~seen] == 1).all()  # white
    assert not (colours[seen] == 1).all(axis=1).any()
    with pytest.raises(MazeInterpError, match="occupancy has shape"):
        draw_occupancy(figure.axes[0], level, result.occupancy[1:])


def test_a_change_is_after_less_before(untrained: Impala, field: VectorField) -> None:
    after = replace(field, probs=field.probs[:, ::-1])
    figure = change_figure(field, after)
    arrows = only(drawn(figure.axes[2], Quiver))
    np.testing.assert_allclose(np.stack([arrows.U, arrows.V], axis=1), after.vectors - field.vectors)
    heat = filled(drawn(figure.axes[2], AxesImage)[-1])
    x, y = field.squares[3]
    assert heat[y, x] == pytest.approx(np.abs(after.probs[3] - field.probs[3]).sum() / 2)
    with pytest.raises(MazeInterpError, match="same squares"):
        change_figure(field, vector_field(untrained, field.maze.with_cheese(None)))


# Sweeps.


def test_distances_show_the_mean_and_number_of_levels_of_each_bin(levels: pd.DataFrame) -> None:
    figure = distance_figure(levels)
    assert len(figure.subfigs) == 4
    means, counts = figure.subfigs[0].axes
    for low in range(0, 30, 2):
        some = levels[levels["euclidean_cheese_top_right"].between(low, low + 2, inclusive="left")]
        bars = [bar.get_height() for bar in drawn(counts, Rectangle) if bar.get_x() + bar.get_width() / 2 == low + 1]
        assert bars == ([len(some)] if len(some) else [])
        assert [y for x, y in points(means) if x == low + 1] == pytest.approx([some["p_cheese"].mean()] * len(bars))
    assert sum(heights(counts)) == len(levels)
    assert "corner" in counts.get_xlabel()


def test_bins_of_few_levels_are_hollow(levels: pd.DataFrame) -> None:
    some = pd.concat([levels, levels[levels["size"] == levels["size"].mode()[0]]] * 2).drop(index=range(10))
    means: Any = size_figure(some).axes[0]
    markers = [line for line in means.lines if line.get_marker() == "o"]
    hollow = {x: line.get_markerfacecolor() == "white" for line in markers for x in line.get_xdata()}
    assert hollow == {size: n < FEW for size, n in some["size"].value_counts().items()}
    assert set(hollow.values()) == {True, False}


def test_distances_that_no_level_has_are_left_out(levels: pd.DataFrame) -> None:
    undecided = levels[levels["decision_x"].isna()]
    assert [len(panel.axes) for panel in distance_figure(undecided).subfigs] == [2, 2]


def test_the_map_tells_empty_places_from_zeros(levels: pd.DataFrame) -> None:
    never = levels.assign(p_cheese=0.0)
    figure = place_figure(never, region=3)
    axes = figure.axes[0]
    grid = filled(only(drawn(axes, AxesImage)))
    places = by_place(never)
    assert (grid[places["down"], places["left"]] == 0).all()
    assert np.isnan(grid).sum() == grid.size - len(places)
    written = {text.get_position(): int(text.get_text()) for text in axes.texts}
    assert written == {(left, down): n for left, down, n in places[["left", "down", "n"]].itertuples(index=False)}
    assert sum(written.values()) == len(levels)
    x, y = axes.transAxes.inverted().transform(axes.transData.transform((0, 0)))
    assert min(x, y) > 1 - 1 / len(grid)  # the corner is at the top right


def test_a_distribution_counts_every_level_once(levels: pd.DataFrame) -> None:
    inside = in_region(levels, 3)
    left, right = distribution_figure({"in": levels[inside], "out": levels[~inside], "none": levels[:0]}).axes
    assert sum(heights(left)) == pytest.approx(2)  # shares of two parts; the empty one is left out
    assert len(right.lines) == 2
    curves: list[Any] = list(right.lines)
    for line, part in zip(curves, (levels[inside], levels[~inside]), strict=True):
        x, y = line.get_xydata().T
        assert y[x <= 0.5].max(initial=0) == pytest.approx((part["p_cheese"] <= 0.5).mean())


def test_shares_sum_to_one(levels: pd.DataFrame) -> None:
    parts = groups(levels, 3)
    figure = shares_figure(exits(parts), "first way out")
    bars: list[Any] = [bar for container in figure.axes[0].containers for bar in container]
    rows = {round(bar.get_y(), 3) for bar in bars}
    assert len(rows) == len(parts)
    for row in rows:
        assert sum(bar.get_width() for bar in bars if round(bar.get_y(), 3) == row) == pytest.approx(1)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[0] == f"all levels (n = {levels['exit_cheese'].notna().sum()})"


def test_estimates_have_their_interval() -> None:
    one = estimate([0.0, 0.25, 1.0])
    axes = estimates_figure({"three": one, "one": Estimate(1, 0.4, None, None), "none": estimate([])}, "p").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["three (n = 3)", "one (n = 1)"]
    assert whisker_ends(axes) == {(round(one.low or 0.0, 9), round(one.high or 0.0, 9)), (0.4, 0.4)}


def test_an_interval_that_begins_at_zero_is_drawn_down_to_it() -> None:
    axes = estimates_figure({"a": Estimate(20, 0.3, 0.0, 0.6)}, "p").axes[0]
    assert whisker_ends(axes) == {(0.0, 0.6)}


def test_the_gallery_shows_the_levels_that_surprise(sweep: LevelSweep, levels: pd.DataFrame) -> None:
    figure = surprises_figure(sweep, levels, count=2)
    least, most = surprises(levels, 2)
    shown = [[axes.get_title("left") for axes in band.axes] for band in figure.subfigs]
    for titles, rows in zip(shown, (least, most), strict=True):
        for title, (_, row) in zip(titles, rows.iterrows(), strict=True):
            assert title.startswith(f"level {row['seed']:.0f}, {row['size']:.0f}×{row['size']:.0f}\n")
            assert title.endswith(f"P(cheese) {row['p_cheese']:.1%}, usual {row['usual']:.1%}")
    assert all(len(drawn(axes, Quiver)) == 1 for band in figure.subfigs for axes in band.axes)


def test_usual_is_the_mean_of_the_other_levels_alike(levels: pd.DataFrame) -> None:
    least, most = surprises(levels, 5)
    for _, row in pd.concat([least, most]).iterrows():
        bin_ = row["euclidean_cheese_top_right"] // 2
        alike = levels[levels["decision_x"].notna() & (levels["euclidean_cheese_top_right"] // 2 == bin_)]
        others = alike[alike["seed"] != row["seed"]]
        assert row["usual"] == pytest.approx(others["p_cheese"].mean())


def test_levels_without_cheese_have_no_pictures_of_it() -> None:
    result = mi.studies.sweep(seeds=range(2), mode="easy", region="none", horizon=20).run()
    assert not result.pictures
    assert "2 levels without cheese" in result.statement


# Nothing to draw.


@pytest.mark.parametrize(
    "draw",
    [
        distance_figure,
        size_figure,
        place_figure,
        lambda none: distribution_figure({"none": none}),
        lambda none: estimates_figure({"none": estimate(none["p_cheese"])}, "p"),
        lambda none: shares_figure(exits({"none": none}), "p"),
        lambda none: gallery_figure({"none": []}),
    ],
)
def test_nothing_to_draw_is_an_error_that_says_so(levels: pd.DataFrame, draw: Callable[[pd.DataFrame], Figure]) -> None:
    with pytest.raises(MazeInterpError, match=r"no level|no levels|none of the groups"):
        draw(levels[:0])
