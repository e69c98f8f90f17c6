"""How well planted maps track cheese, mouse, corner and walls in one maze."""

from __future__ import annotations

import numpy as np
import pytest
from small_mazes import LAYER, MAZE, SIZE, level_of_size

from maze_interp.environment.observe import observe
from maze_interp.mazes.maze import Maze, Square
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.moves import to_input
from maze_interp.policies.pixels import pixel_in
from maze_interp.studies.channels.tracking import (
    SIGNS,
    Maps,
    Placements,
    hits_of_own,
    maps_of,
    mean_maps,
    place,
    track,
    value_at_cheese,
    wall_correlation,
)


def marking(placements: Placements, squares: list[Square], value: float) -> Maps:
    """Maps `[n, 1, 16, 16]`, 0 but for `value` on a square of each observation."""
    maps = np.zeros((len(squares), 1, *SIZE), np.float32)
    for one, square in zip(maps, squares, strict=True):
        one[0][pixel_in(placements.maze, square, SIZE)] = value
    return maps


def test_placements_move_both_and_repeat() -> None:
    placements = place(MAZE, 12)
    assert placements == place(MAZE, 12)
    assert len(set(placements.cheeses)) == len(set(placements.mice)) == 12
    assert all(cheese != mouse for cheese, mouse in zip(placements.cheeses, placements.mice, strict=True))
    assert MAZE.start not in placements.cheeses
    for maze in map(level_of_size, (3, 5)):
        assert len(place(maze, 100).cheeses) == len(maze.squares) - 1
    for i, observation in enumerate(placements.observations()):
        expected = observe(MAZE.with_cheese(placements.cheeses[i]), [placements.mice[i]])[0]
        np.testing.assert_array_equal(observation, expected)


@pytest.mark.parametrize("layer", [LAYER, "embedder.block1.conv"])
def test_maps_are_the_layers_output(untrained: Impala, layer: str) -> None:
    observations = place(MAZE, 40).observations()
    expected = untrained.run_with_cache(to_input(observations), [layer])[2][layer].numpy()
    np.testing.assert_allclose(maps_of(untrained, layer, observations), expected, atol=1e-5)
    assert len(observations) > 32
    np.testing.assert_allclose(mean_maps(untrained, layer, [MAZE], 40), expected.mean(axis=0), atol=1e-5)


def test_hits_against_brute_force() -> None:
    random = np.random.default_rng(0)
    peak, target = random.integers(0, 6, (7, 5, 2)), random.integers(0, 6, (7, 2))
    own, chance = hits_of_own(peak, target)
    for channel in range(5):
        hit = [[max(abs(peak[i, channel] - target[j])) <= 1 for j in range(7)] for i in range(7)]
        assert own[channel] == pytest.approx(np.mean([hit[i][i] for i in range(7)]))
        assert chance[channel] == pytest.approx(np.mean([hit[i][j] for i in range(7) for j in range(7) if i != j]))
    same = np.broadcast_to(peak[:1], peak.shape)
    own, chance = hits_of_own(same, target)
    np.testing.assert_allclose(own, chance)  # a liking for one place scores 0
    assert np.isnan(hits_of_own(peak[:1], target[:1])).all()


@pytest.mark.parametrize("sign", SIGNS)
def test_a_channel_that_marks_the_cheese_hits_it_alone(sign: int) -> None:
    placements = place(MAZE, 16)
    maps = marking(placements, list(placements.cheeses), 2.5 * sign)
    found = track(placements, maps, sign)
    assert found["cheese"][0] == 1
    assert found["cheese"][1] < 0.3
    assert found["mouse"][0] - found["mouse"][1] < 0.1
    np.testing.assert_allclose(value_at_cheese(placements, maps, sign), 2.5 * sign)
    np.testing.assert_allclose(value_at_cheese(placements, maps, -sign), 0)
    shifted = np.roll(maps, 1, axis=2)
    assert track(placements, shifted, sign)["cheese"][0] == 1
    assert track(placements, np.roll(maps, 2, axis=2), sign)["cheese"][0] == 0


def test_a_channel_that_marks_the_mouse_hits_it() -> None:
    placements = place(MAZE, 16)
    found = track(placements, marking(placements, list(placements.mice), 1), 1)
    assert found["mouse"][0] == 1
    assert found["cheese"][0] < 0.3


def test_the_corner_is_told_from_a_fixed_place() -> None:
    """A channel that marks the corner of every maze, beside one that marks where a 9×9 maze has it."""
    fixed, own = [], []
    row, column = pixel_in(MAZE, MAZE.top_right, SIZE)
    for size in (3, 5, 7, 9, 11, 13, 15):
        placements = place(level_of_size(size), 16)
        maps = marking(placements, [placements.maze.top_right] * len(placements.mice), 1)
        own.append(np.diff(track(placements, maps, 1)["corner"], axis=0).item())
        maps = np.zeros_like(maps)
        maps[:, :, row, column] = 1
        fixed.append(np.diff(track(placements, maps, 1)["corner"], axis=0).item())
    assert max(own) <= -2 / 3  # chance less share: of the six other sizes, two neighbours may be hit
    assert abs(np.mean(fixed)) < 0.15
    assert min(fixed) < 0 < max(fixed)


def test_observations_with_a_thing_near_the_corner_say_nothing_of_it() -> None:
    maze = level_of_size(15)
    edge = maze.top_right[0]
    beside = min((square for square in maze.squares if square != maze.top_right), key=lambda s: 2 * edge - sum(s))
    near = Placements(maze, (beside, (0, 2)), ((0, 0), beside))
    maps = marking(near, [maze.top_right] * 2, 1)
    assert np.isnan(track(near, maps, 1)["corner"]).all()
    far = Placements(maze, (beside, (0, 2)), ((0, 0), (2, 0)))
    assert track(far, maps, 1)["corner"][0] == 1


def test_walls_are_told_from_their_mirror_images() -> None:
    maze = level_of_size(15)
    walls = np.zeros(SIZE)
    for row, column in np.ndindex(SIZE):
        x, y = int((column + 0.5) * 15 / 16), 14 - int((row + 0.5) * 15 / 16)
        walls[row, column] = not maze.open[y, x]
    random = np.random.default_rng(0)
    maps = np.stack([walls, 3 - 2 * walls, np.ones(SIZE), walls[:, ::-1], random.random(SIZE)])[None]
    own, chance = wall_correlation(np.repeat(maps, 2, axis=0).astype(np.float32), maze)
    assert own[0] > 0.75  # a position covers parts of up to four squares
    assert own[1] == pytest.approx(-own[0])
    assert own[2] == chance[2] == 0
    assert chance[0] < own[0] - 0.3  # all mazes share the lattice
    assert own[3] < chance[3] + 0.2
    assert abs(own[4]) < 0.25
    found = track(place(maze, 2), np.repeat(maps, 2, axis=0).astype(np.float32), -1)["walls"]
    np.testing.assert_allclose(found, [-own, -chance])
    coarse = np.ones((1, 2, 4, 4), np.float32)  # no position of so coarse a map lies inside so small a maze
    assert np.isnan(wall_correlation(coarse, Maze.from_ascii("..C\n.#.\nM..", "hard"))).all()
