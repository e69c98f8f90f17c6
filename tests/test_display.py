"""How things show themselves: pictures checked for what they show, and short lines."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle, Polygon, Rectangle
from matplotlib.quiver import Quiver

import maze_interp as mi
from maze_interp import edits
from maze_interp.errors import MazeInterpError
from maze_interp.policies.agents import agent_info
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
        with pytest.raises(MazeInterpError, match="ax should be of type Axes"):
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


def test_a_difference_of_fields_and_of_behaviours(result: Any, untrained: Impala) -> None:
    after = mi.behaviour(untrained, result.maze, edits.Zero(LAYER))
    axes = mi.plots.difference(result.field, after.field)
    (quiver,) = [artist for artist in axes.get_children() if isinstance(artist, Quiver)]
    np.testing.assert_allclose(np.stack([quiver.U, quiver.V], 1), after.field.vectors - result.field.vectors)
    x, y = result.field.squares[3]
    shown = np.asarray(axes.images[-1].get_array(), float)
    assert shown[y, x] == pytest.approx(np.abs(after.field.probs[3] - result.field.probs[3]).sum() / 2)
    axes = Figure().subplots()
    assert mi.plot.difference(result, after, ax=axes) is axes
    change = np.asarray(axes.images[-1].get_array(), float)
    np.testing.assert_allclose(change[result.maze.open], (after.occupancy - result.occupancy)[result.maze.open])
    other = mi.behaviour(untrained, MAZE.with_open((1, 1), True))
    for pair in ((result, result.field), (result.maze, result.maze), (result, other), (result.field, other.field)):
        with pytest.raises(MazeInterpError, match=r"difference is of two|compared only"):
            mi.plots.difference(*pair)


def test_activations_lie_over_the_squares_that_they_see(untrained: Impala) -> None:
    """One position set apart, over the square that `activation_pixel` finds it at."""
    square = (4, 2)
    values = torch.zeros(1, 8, 16, 16)
    values[0, 5][mi.activation_pixel(MAZE, square, LAYER)] = -2
    axes = mi.plots.activations(MAZE, values, channels=5)
    (image,) = axes.images
    left, right, bottom, top = image.get_extent()
    assert right - left == top - bottom == 15  # easy mode's world
    row = int((top - square[1]) / (top - bottom) * 16)
    column = int((square[0] - left) / (right - left) * 16)
    assert np.asarray(image.get_array())[row, column] == -2
    assert image.get_clim() == (-2, 2)
    (walls,) = [artist for artist in axes.collections if artist.get_label() == "walls"]
    lines = {tuple(map(tuple, segment.tolist())) for segment in walls.get_segments()}  # type: ignore[attr-defined]
    assert ((0.5, 0.5), (0.5, 1.5)) in lines  # between (0, 1) and the wall beside it
    assert ((0.5, -0.5), (0.5, 0.5)) not in lines
    assert counts(axes, Circle, Polygon) == [1, 1]
    several = mi.plots.activations(MAZE, values[0].numpy(), channels=[1, 5])
    assert [one.get_title(loc="left") for one in several] == ["channel 1", "channel 5"]
    assert "mean of 8 channels" in mi.plots.activations(MAZE, values).get_title(loc="left")
    for wrong, channels, ax in (
        (values[0, 0], None, None),
        (values[:, :, 0, 0], None, None),
        (values.expand(2, -1, -1, -1), None, None),
        (values, 8, None),
        (values, [1, 2], Figure().subplots()),
        (values, 1, "axes"),
        ("cache", 1, None),
    ):
        with pytest.raises(MazeInterpError):
            mi.plots.activations(MAZE, wrong, channels, ax)  # type: ignore[arg-type]


def test_every_public_object_is_a_short_line(result: Any, untrained: Impala, tmp_path: Path) -> None:
    recording = mi.Recording(untrained, "x" * 90, mi.LevelSet(range(3), "easy"), [LAYER, "embedder.fc"], squares=2)
    store = mi.record(recording, tmp_path)
    probe = mi.probes.fit(store, "embedder.fc", "cheese_x_world", probe="ridge")
    many = [7, *range(9, 2000, 3)]
    outcome = mi.studies.field(seed=1, mode="easy").run()
    policy = mi.load_policy("reference:right-wall")
    tabled: list[Any] = [
        *(study() for study in mi.studies.STUDIES.values()),
        mi.studies.ablate(seeds=many),
        *(untrained, recording, store, agent_info(mi.DEFAULT_AGENT), mi.LevelSet(many, "hard"), outcome, probe),
    ]
    for thing in tabled:
        assert thing._repr_html_().startswith("<")
    others = [store["embedder.fc"], result.first_exit, policy, untrained.run_with_cache(torch.zeros(1, 3, 64, 64))[2]]
    for thing in (*tabled, *others, mi.retarget(untrained, result.maze, channels=[3], value=1.0, layer=LAYER)):
        assert len(repr(thing)) < 400, thing
        assert "\n" not in repr(thing)
    assert repr(mi.LevelSet(many, "hard")) != repr(mi.LevelSet([*many, 2000], "hard"))
