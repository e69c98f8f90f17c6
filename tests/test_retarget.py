"""Retargeting against one vector field and one exact behaviour per target, each computed for itself."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

import maze_interp as mi
from maze_interp import edits
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.field import VectorField, move_between
from maze_interp.policies.architectures.impala import Impala

LAYER = Impala.default_layer

# In hard mode 25 cells share 16 positions, so that some of these squares share theirs.
MAZES = [
    Maze.from_ascii("....C\n.####\n.....\n####.\n.....", "hard", seed=4),
    Maze.from_ascii(".....\n.#C##\n.#.##\n.#.#.\nM#...", "hard", seed=1),
    Maze.from_ascii("..#\n#.#\nM..", "easy", seed=2),
]
EDIT = {"channels": [3, 17], "value": 4.0}


@pytest.fixture(params=["untrained", "published"])
def policy(request: pytest.FixtureRequest) -> Impala:
    found: Impala = request.getfixturevalue(request.param)
    return found


def product_along(field: VectorField, path: tuple[Square, ...]) -> float:
    """The definition, one factor at a time."""
    if len(path) == 1:
        return field.prob(path[0], "noop")
    factors = [field.prob(a, move_between(a, b)) for a, b in pairwise(path) if a != field.maze.cheese]
    return math.prod(factors) ** (1 / len(factors))


def one_edit(maze: Maze, target: Square) -> list[edits.Edit]:
    return [edits.SetPixel(LAYER, pixel=mi.activation_pixel(maze, target, LAYER), **EDIT)]  # type: ignore[arg-type]


@pytest.mark.parametrize("maze", MAZES, ids=["corridor", "branches", "small"])
def test_every_target_is_as_if_measured_alone(policy: Impala, maze: Maze) -> None:
    result = mi.retarget(policy, maze, channels=[3, 17], value=4.0)
    plain = mi.behaviour(policy, maze)
    assert set(result.targets) == set(maze.squares)
    assert result.p_visit is not None
    assert result.p_visit_unedited is not None
    for i, target in enumerate(result.targets):
        path = maze.path(maze.start, target)
        alone = mi.behaviour(policy, maze, edits=one_edit(maze, target))
        assert result.path_probability[i] == pytest.approx(product_along(alone.field, path), abs=1e-5)
        assert result.path_probability_unedited[i] == pytest.approx(product_along(plain.field, path), abs=1e-5)
        assert result.p_visit[i] == pytest.approx(alone.p_visit(target), abs=1e-4)
        assert result.p_visit_unedited[i] == pytest.approx(plain.p_visit(target), abs=1e-4)
        assert result.ratio[i] == pytest.approx(result.path_probability[i] / result.path_probability_unedited[i])
    assert np.abs(result.ratio - 1).max() > 0.01


def test_squares_that_share_a_position_have_their_own_values(untrained: Impala) -> None:
    maze = MAZES[0]
    result = mi.retarget(untrained, maze, channels=[3, 17], value=4.0)
    shared: dict[tuple[int, int], list[int]] = {}
    for i, target in enumerate(result.targets):
        shared.setdefault(mi.activation_pixel(maze, target, LAYER), []).append(i)
    together = [some for some in shared.values() if len(some) > 1]
    assert together
    for some in together:
        assert len(set(result.path_probability[some])) == len(some)


@pytest.mark.parametrize("maze", MAZES, ids=["corridor", "branches", "small"])
def test_without_visits_the_paths_squares_give_the_same(policy: Impala, maze: Maze) -> None:
    full = mi.retarget(policy, maze, channels=[3, 17], value=4.0)
    part = mi.retarget(policy, maze, channels=[3, 17], value=4.0, p_visit=False)
    assert part.p_visit is None
    assert part.visit_ratio is None
    np.testing.assert_allclose(part.path_probability, full.path_probability, atol=1e-5)
    np.testing.assert_allclose(part.path_probability_unedited, full.path_probability_unedited, atol=1e-5)


def test_only_the_squares_that_matter_are_evaluated(untrained: Impala, rows_through: Any) -> None:
    maze = MAZES[0].with_cheese(None)
    target = (2, 0)
    mi.vector_field(untrained, maze)  # after which both ways of running it have been compared
    with rows_through(untrained, "embedder.block1.conv") as before, rows_through(untrained, "embedder.fc") as after:
        mi.retarget(untrained, maze, [target], channels=0, value=1.0, p_visit=False)
    looked_at_the_map, shared_picture = 1, 1
    assert after.rows - looked_at_the_map == 2 * maze.steps(maze.start, target)  # edited and unedited
    assert before.rows - looked_at_the_map - shared_picture <= len(maze.squares)


@pytest.mark.parametrize("visits", [True, False])
def test_the_cheese_itself_moved_to_each_target(policy: Impala, visits: bool) -> None:
    maze = MAZES[1]
    result = mi.retarget_by_cheese(policy, maze, p_visit=visits)
    plain = mi.behaviour(policy, maze)
    assert set(result.targets) == set(maze.squares) - {maze.start}
    for i, target in enumerate(result.targets):
        moved = mi.behaviour(policy, maze.with_cheese(target))
        path = maze.path(maze.start, target)
        assert result.path_probability[i] == pytest.approx(product_along(moved.field, path), abs=1e-5)
        assert result.path_probability_unedited[i] == pytest.approx(product_along(plain.field, path), abs=1e-5)
        if result.p_visit is not None and result.p_visit_unedited is not None:
            assert result.p_visit[i] == pytest.approx(moved.p_cheese, abs=1e-4)
            assert result.p_visit_unedited[i] == pytest.approx(plain.p_visit(target), abs=1e-4)
    assert (result.p_visit is not None) == visits


def test_a_path_over_the_cheese_leaves_its_square_out(untrained: Impala) -> None:
    maze = MAZES[0].with_cheese((4, 0))
    result = mi.retarget(untrained, maze, [(4, 2)], channels=0, value=0.0)
    field = mi.vector_field(
        untrained, maze, edits=[edits.SetPixel(LAYER, 0, mi.activation_pixel(maze, (4, 2), LAYER), 0)]
    )
    factors = [field.prob((x, 0), "right") for x in range(4)] + [field.prob((4, 1), "up")]
    assert result.path_probability[0] == pytest.approx(math.prod(factors) ** (1 / 5), abs=1e-5)
    assert result.p_visit is not None
    assert result.p_visit[0] == 0  # the episode ends on the cheese


def test_a_network_of_another_kind_is_retargeted_too(untrained: Impala) -> None:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = untrained

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            logits, value = self.inner(x)
            return logits, value

    expected = mi.retarget(untrained, MAZES[2], channels=[3], value=4.0)
    got = mi.retarget(Wrapped(), MAZES[2], channels=[3], value=4.0, layer=f"inner.{LAYER}")
    np.testing.assert_allclose(got.path_probability, expected.path_probability, atol=1e-5)


BESIDE = (
    edits.Scale("embedder.block1.res2.resadd", channels=[2], factor=0.5),
    edits.Zero(LAYER, channels=[1, 3]),  # set again by the edit for the target, which comes after it
    edits.Zero("embedder.block2", channels=[0, 9]),
    edits.Scale("embedder", factor=1.5),
)


def test_other_edits_hold_with_and_without_the_one_for_the_target(policy: Impala) -> None:
    maze = MAZES[1]
    result = mi.retarget(policy, maze, edits=BESIDE, **EDIT)  # type: ignore[arg-type]
    moved = mi.retarget_by_cheese(policy, maze, edits=BESIDE)
    quick = mi.retarget_by_cheese(policy, maze, edits=BESIDE, p_visit=False)
    np.testing.assert_allclose(quick.path_probability, moved.path_probability, atol=1e-5)
    plain = mi.vector_field(policy, maze, edits=BESIDE)
    for i, target in enumerate(result.targets):
        path = maze.path(maze.start, target)
        alone = mi.behaviour(policy, maze, edits=[*BESIDE, *one_edit(maze, target)])
        assert result.path_probability[i] == pytest.approx(product_along(alone.field, path), abs=1e-5)
        assert result.path_probability_unedited[i] == pytest.approx(product_along(plain, path), abs=1e-5)
        assert result.p_visit is not None
        assert result.p_visit[i] == pytest.approx(alone.p_visit(target), abs=1e-4)
    for i, target in enumerate(moved.targets):
        there = mi.behaviour(policy, maze.with_cheese(target), edits=BESIDE)
        path = maze.path(maze.start, target)
        assert moved.path_probability[i] == pytest.approx(product_along(there.field, path), abs=1e-5)
        assert moved.p_visit is not None
        assert moved.p_visit[i] == pytest.approx(there.p_cheese, abs=1e-4)
    assert np.abs(result.path_probability - mi.retarget(policy, maze, **EDIT).path_probability).max() > 1e-3  # type: ignore[arg-type]


def test_rows_and_grids_lay_the_figures_out(untrained: Impala) -> None:
    maze = MAZES[0]
    result = mi.retarget(untrained, maze, [(4, 2), (0, 4), (0, 0)], channels=[3, 17], value=4.0)
    rows = result.rows()
    assert [(row["x"], row["y"], row["steps"]) for row in rows] == [(4, 2, 6.0), (0, 4, 12.0), (0, 0, 0.0)]
    assert [row["top_right_path_distance"] for row in rows] == [0.0, 0.0, 0.0]
    assert rows[1]["path_probability"] == result.path_probability[1]
    assert rows[1]["visit_ratio"] == rows[1]["p_visit"] / rows[1]["p_visit_unedited"]
    grid = result.grid(result.ratio)
    assert grid[2, 4] == result.ratio[0]
    assert grid[4, 0] == result.ratio[1]
    assert np.isnan(grid).sum() == 25 - 3
    assert mi.retarget(untrained, maze, [(0, 0)], channels=0, value=1.0, p_visit=False).rows()[0]["p_visit"] is None


def test_distance_from_the_top_right_path_counts_the_squares_off_it(untrained: Impala) -> None:
    maze = Maze.from_ascii("....C\n.##.#\n.....\n.####\nM....", "hard").with_open((3, 3), False)
    result = mi.retarget(untrained, maze, [(4, 4), (0, 4), (4, 2), (3, 0)], channels=0, value=1.0, p_visit=False)
    assert result.top_right_path_distance.tolist() == [0, 0, 4, 3]
    walled = maze.with_cheese(None).with_open((4, 4), False)
    again = mi.retarget(untrained, walled, [(3, 0)], channels=0, value=1.0, p_visit=False)
    assert np.isnan(again.top_right_path_distance).all()


@pytest.mark.parametrize(
    ("targets", "options", "message"),
    [
        ([(1, 1)], {}, r"the target \(1, 1\) is in a wall"),
        ([(9, 0)], {}, r"the target \(9, 0\) is off the maze"),
        ([], {}, "targets is empty"),
        (None, {"channels": [32]}, "has channels 0 to 31, none is 32"),
        (None, {"channels": []}, "channels is empty"),
        (None, {"layer": "embedder.fc"}, "embedder.fc has no map of positions"),
        (None, {"layer": "embedder.block2.res1.resad"}, "unknown layer .*: did you mean embedder.block2.res1.resadd"),
        (None, {"value": math.nan}, "value is a finite number"),
        (None, {"horizon": 0}, "horizon is a whole number from 1 to 1000000, not 0"),
    ],
)
def test_what_makes_no_sense_is_refused(
    untrained: Impala, targets: list[Square] | None, options: dict[str, object], message: str
) -> None:
    with pytest.raises(MazeInterpError, match=message):
        mi.retarget(untrained, MAZES[0], targets, **{**EDIT, **options})  # type: ignore[arg-type]


def test_targets_that_cannot_be_reached_are_left_out_or_refused(untrained: Impala) -> None:
    maze = Maze.from_ascii("..#..\n.#.##\n.....\n.####\nM....", "hard").with_open((2, 3), False)
    result = mi.retarget(untrained, maze, channels=0, value=1.0, p_visit=False)
    assert (4, 4) not in result.targets
    with pytest.raises(MazeInterpError, match=r"there is no path from \(0, 0\) to \(4, 4\)"):
        mi.retarget(untrained, maze, [(4, 4)], channels=0, value=1.0)
