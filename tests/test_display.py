"""How things show themselves: pictures checked for what they show, and short lines."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle, Polygon, Rectangle
from matplotlib.quiver import Quiver

import maze_interp as mi
from maze_interp import edits
from maze_interp.errors import MazeInterpError
from maze_interp.policies.architectures.impala import Impala

MAZE = mi.Maze.from_ascii("....C\n.####\n.....\n.####\nM....", "easy", seed=7)
LAYER = "embedder.block2.res1.resadd"


@pytest.fixture(scope="module")
def result(untrained: Impala) -> Any:
    return mi.behaviour(untrained, MAZE.with_cheese((4, 0)))


def counts(axes: Axes, *kinds: type) -> list[int]:
    artists = axes.get_children()
    return [sum(type(artist) is kind for artist in artists) for kind in kinds]


def test_a_maze_draws_its_squares_and_marks() -> None:
    axes = MAZE.with_cheese((4, 0)).plot()
    assert axes.get_title(loc="left") == "level 7, 5×5"
    assert axes.get_xlim() == axes.get_ylim() == (-0.5, 4.5)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x (squares)", "y (squares)")
    assert counts(axes, AxesImage, Circle, Polygon) == [1, 1, 1]
    np.testing.assert_array_equal(np.asarray(axes.images[0].get_array()), MAZE.open)
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["start", "cheese", "decision square"]


def test_a_field_draws_an_arrow_for_each_square(result: Any) -> None:
    axes = result.field.plot()
    (quiver,) = [artist for artist in axes.get_children() if isinstance(artist, Quiver)]
    assert len(result.field.squares) == quiver.N
    np.testing.assert_allclose(np.stack([quiver.U, quiver.V], 1), result.field.vectors)
    assert "net move" in axes.get_title(loc="left")


def test_a_behaviour_draws_where_it_spends_its_moves(result: Any) -> None:
    axes = result.plot()
    shown = axes.images[-1].get_array()
    x, y = result.maze.start
    assert shown[y, x] == pytest.approx(result.occupancy[y, x])
    assert np.isnan(np.asarray(shown, float)[1, 1])  # a wall
    assert f"{result.p_cheese:.3f}" in axes.get_title(loc="left")


def test_things_draw_on_given_axes_and_leave_settings_alone(result: Any) -> None:
    before = dict(matplotlib.rcParams)
    left, middle, right = Figure().subplots(1, 3)
    with ThreadPoolExecutor(3) as pool:
        drawn = pool.map(
            lambda thing, ax: thing.plot(ax=ax), (result.maze, result.field, result), (left, middle, right)
        )
        assert list(drawn) == [left, middle, right]
    assert all(counts(axes, Circle) == [1] for axes in (left, middle, right))
    assert dict(matplotlib.rcParams) == before
    for wrong in ("axes", Figure()):
        with pytest.raises(MazeInterpError, match="ax is of type Axes"):
            result.maze.plot(ax=wrong)


def test_a_notebook_gets_pictures_and_tables(result: Any) -> None:
    for thing in (result, result.field, result.maze):
        assert thing._repr_png_().startswith(b"\x89PNG")
        assert thing._repr_png_() == thing._repr_png_()
    table = edits.Zero("<a>", channels=[1, 2])._repr_html_()
    assert "<th>channels</th><td>(1, 2)</td>" in table
    assert "&lt;a&gt;" in table


def test_a_region_is_no_part_of_a_plain_maze() -> None:
    assert counts(MAZE.with_cheese(None).plot(), Polygon)[0] == 0
    assert not [p for p in MAZE.plot().patches if isinstance(p, Rectangle) and p.get_label() == "region"]


def test_lines_are_short_and_tell_things_apart(result: Any) -> None:
    many = edits.Observations(range(10_000), squares=[(0, 0), (0, 1)] * 40)
    things: list[Any] = [
        MAZE,
        result,
        result.field,
        many,
        edits.Zero(LAYER, range(128)),
        edits.Mean(LAYER, range(128), [(row, 0) for row in range(16)], source=many),
        edits.Add(LAYER, np.zeros((32, 16, 16))),
        edits.SetPixel(LAYER, range(32), (0, 0), 1.5),
        edits.Resample(LAYER, source=many, seed=4),
    ]
    for thing in things:
        assert len(repr(thing)) < 400
        assert "\n" not in repr(thing)
    assert repr(edits.Zero(LAYER, range(128))) != repr(edits.Zero(LAYER, range(127)))
    assert repr(edits.Mean(LAYER, source=many)) != repr(
        edits.Mean(LAYER, source=edits.Observations([*range(9_999), 0], squares=many.squares))
    )
    assert repr(edits.Add(LAYER, np.zeros((32, 16, 16)))) != repr(edits.Add(LAYER, np.zeros((32, 16, 15))))
    assert repr(copy.deepcopy(things[-1])) == repr(things[-1])
    assert repr(edits.Scale(LAYER, 3, factor=2)) == f"Scale(layer='{LAYER}', channels=(3,), positions=None, factor=2.0)"
