"""Directions in a layer that move the represented cheese."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maze_interp import Maze, MazeInterpError
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.pixels import activation_pixel
from maze_interp.studies.probe.edits import PlaceProbes

BLOCK2, BLOCK3, FC = "embedder.block2.res1.resadd", "embedder.block3", "embedder.fc"


def test_directions_point_from_one_square_to_another(untrained: Impala) -> None:
    maze = Maze.from_seed(7, "easy")
    assert maze.cheese is not None
    random = np.random.default_rng(0)
    shape = (32, 16, 16)
    places = np.arange(15.0)
    x, y = random.normal(size=(2, 15, 32 * 256))
    probes = PlaceProbes(BLOCK2, shape, places, x, places, y, random.normal(size=32))
    a, b, pad = maze.cheese, maze.top_right, maze.padding
    expected = x[b[0] + pad] - x[a[0] + pad] + y[b[1] + pad] - y[a[1] + pad]
    assert probes.whole_layer(maze, a, b) == pytest.approx(expected.reshape(shape))
    pixels = probes.single_pixels(maze, a, b)
    for square, sign in ((a, -1), (b, 1)):
        row, column = activation_pixel(maze, square, BLOCK2)
        assert pixels[:, row, column] == pytest.approx(sign * probes.position)
    assert np.count_nonzero(pixels) == 64
    assert probes.knows(maze, a, b)
    narrow = replace(probes, x_classes=places[:3], x_weights=x[:3])
    assert not narrow.knows(maze, b)
    with pytest.raises(MazeInterpError, match="were fitted to no cheese whose x"):
        narrow.whole_layer(maze, a, b)
    assert repr(probes) != repr(replace(probes, position=2 * probes.position))
