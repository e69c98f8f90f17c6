"""Vectors against two plain forward passes, and the place of a square in a layer's map against the picture."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import maze_interp as mi
from maze_interp import edits
from maze_interp.edits.vectors import with_corner_path
from maze_interp.environment.observe import cell_pixels
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import DistributionMode, Maze
from maze_interp.policies.architectures.impala import Impala

LAYER = "embedder.block2.res1.resadd"

SIDES = {
    "embedder.block1.conv": 64,
    "embedder.block1.maxpool": 32,
    "embedder.block1.res2.conv1": 32,
    "embedder.block1": 32,
    "embedder.block2.conv": 32,
    "embedder.block2.res1.resadd_out": 16,
    "embedder.block3.conv": 16,
    "embedder.block3.res2.resadd": 8,
    "embedder.relu3": 8,
}


def small_maze(mode: DistributionMode, size: int) -> Maze:
    """The first level of that size."""
    return next(maze for maze in (Maze.from_seed(seed, mode) for seed in range(100)) if maze.size == size)


def test_the_cheese_vector_is_what_the_cheese_adds(untrained: Impala) -> None:
    maze = Maze.from_seed(6)
    vector = mi.cheese_vector(untrained, maze, LAYER)
    x = mi.to_input(np.concatenate([mi.observe(one, [(0, 0)]) for one in (maze, maze.with_cheese(None))]))
    with_cheese, without = untrained.run_with_cache(x, [LAYER])[2][LAYER]
    torch.testing.assert_close(vector, with_cheese - without, rtol=0, atol=1e-5)
    assert vector.abs().max() > 0


def test_subtracting_the_cheese_vector_hides_the_cheese_from_the_start(published: Impala) -> None:
    maze = small_maze("easy", 11)
    hidden = mi.vector_field(published, maze.with_cheese(None))
    for layer in (LAYER, "embedder.block1.conv", "embedder.fc"):
        edit = edits.Add(layer, mi.cheese_vector(published, maze, layer), -1)
        edited = mi.vector_field(published, maze, edits=[edit])
        at_start = edited.probs[edited.squares.index(maze.start)], hidden.probs[hidden.squares.index(maze.start)]
        np.testing.assert_allclose(*at_start, atol=1e-4)


def test_the_mouse_of_a_vector_stands_on_the_start(untrained: Impala) -> None:
    maze = small_maze("easy", 9)
    elsewhere = maze.with_start((0, 2) if maze.open[2, 0] else (2, 0))
    assert not torch.equal(mi.cheese_vector(untrained, maze, LAYER), mi.cheese_vector(untrained, elsewhere, LAYER))


@pytest.mark.parametrize(("mode", "size"), [("easy", 5), ("easy", 13), ("hard", 9), ("hard", 23)])
def test_the_corner_path_is_an_l_from_the_maze_to_the_corner_of_the_world(mode: DistributionMode, size: int) -> None:
    maze = small_maze(mode, size)
    opened, plain = with_corner_path(maze), maze.padded()
    new = {(x, y) for x, y in opened.squares} - set(plain.squares)
    inner, edge = size - 1 + maze.padding, opened.size - 1
    assert new == {(inner, y) for y in range(inner + 1, edge + 1)} | {(x, edge) for x in range(inner, edge + 1)}
    assert len(new) == 2 * maze.padding
    assert opened.path(opened.start, opened.top_right)[: len(maze.path(maze.start, maze.top_right))] == tuple(
        (x + maze.padding, y + maze.padding) for x, y in maze.path(maze.start, maze.top_right)
    )


def test_the_top_right_vector_is_what_the_opened_path_adds(untrained: Impala) -> None:
    maze = small_maze("easy", 9)
    vector = mi.top_right_vector(untrained, maze, LAYER)
    opened = with_corner_path(maze)
    with_path = untrained.run_with_cache(mi.to_input(mi.observe(opened, [opened.start])), [LAYER])[2][LAYER]
    without = untrained.run_with_cache(mi.to_input(mi.observe(maze, [maze.start])), [LAYER])[2][LAYER]
    torch.testing.assert_close(vector, (with_path - without)[0], rtol=0, atol=1e-5)
    where = np.argwhere(vector.abs().amax(0).numpy() > 0)
    assert where[:, 1].max() == 15  # changes in the right-hand part of the map, up to its edge
    assert where[:, 1].min() > 4


def test_vectors_need_what_they_are_a_vector_of(untrained: Impala) -> None:
    with pytest.raises(MazeInterpError, match="a cheese vector needs a maze with cheese"):
        mi.cheese_vector(untrained, Maze.from_seed(0).with_cheese(None), LAYER)
    with pytest.raises(MazeInterpError, match="fills its world"):
        mi.top_right_vector(untrained, small_maze("easy", 15), LAYER)
    with pytest.raises(MazeInterpError, match="unknown layer 'resadd'"):
        mi.cheese_vector(untrained, Maze.from_seed(0), "resadd")


@pytest.mark.parametrize("size", [3, 13, 25])
def test_the_pixel_of_a_square_is_the_published_one(size: int) -> None:
    maze = small_maze("hard", size)
    for x in range(size):
        for y in range(size):
            world_x, world_y = x + maze.padding, y + maze.padding
            expected = tuple(math.floor((index + 0.5) * 2.56 / 4) for index in (24 - world_y, world_x))
            assert mi.activation_pixel(maze, (x, y), f"{LAYER}_out") == expected


@pytest.mark.parametrize("mode", ["easy", "hard"])
@pytest.mark.parametrize("layer", SIDES)
def test_the_pixel_of_a_square_holds_the_middle_of_its_cell(mode: DistributionMode, layer: str) -> None:
    maze, side = small_maze(mode, 7), SIDES[layer]
    for square in [(0, 0), (6, 6), (3, 1), (0, 5)]:
        row, column = mi.activation_pixel(maze, square, layer)
        world = 15 if mode == "easy" else 25
        centre_down = (world - (square[1] + maze.padding + 0.5)) * 64 / world
        centre_right = (square[0] + maze.padding + 0.5) * 64 / world
        assert row * 64 / side <= centre_down + 1e-9 < (row + 1) * 64 / side + 1e-6
        assert column * 64 / side <= centre_right + 1e-9 < (column + 1) * 64 / side + 1e-6
        rows, columns = cell_pixels(maze, square)
        assert rows.start * side // 64 <= row <= (rows.stop - 1) * side // 64
        assert columns.start * side // 64 <= column <= (columns.stop - 1) * side // 64


@pytest.mark.parametrize("mode", ["easy", "hard"])
def test_a_mouse_changes_the_pixel_of_its_square_most(untrained: Impala, mode: DistributionMode) -> None:
    maze = small_maze(mode, 9).with_cheese(None)
    layer = "embedder.block1.conv"
    activations = untrained.run_with_cache(mi.to_input(mi.observe(maze)), [layer])[2][layer]
    typical = activations.median(dim=0).values  # of the mouse elsewhere
    for square, activation in zip(maze.squares, activations, strict=True):
        change = (activation - typical).abs().sum(0)
        peak = np.array(np.unravel_index(int(change.argmax()), change.shape))
        assert np.abs(peak - mi.activation_pixel(maze, square, layer)).max() <= 64 / (15 if mode == "easy" else 25)


def test_a_square_has_a_pixel_only_in_a_map_and_on_the_maze() -> None:
    maze = small_maze("easy", 7)
    with pytest.raises(MazeInterpError, match=r"embedder\.fc has no map of positions"):
        mi.activation_pixel(maze, (0, 0), "embedder.fc_out")
    with pytest.raises(MazeInterpError, match=r"unknown layer 'embedder\.block4'"):
        mi.activation_pixel(maze, (0, 0), "embedder.block4")
    with pytest.raises(MazeInterpError, match=r"the square \(7, 0\) is off the maze, whose squares run from 0 to 6"):
        mi.activation_pixel(maze, (7, 0), LAYER)
    with pytest.raises(MazeInterpError, match=r"\(0, -1\) is off the maze"):
        mi.activation_pixel(maze, (0, -1), LAYER)


def test_asking_for_a_pixel_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    mi.activation_pixel(small_maze("easy", 7), (0, 0), LAYER)
    assert torch.equal(torch.get_rng_state(), before)
