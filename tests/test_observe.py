"""`observe` against procgen itself: one mouse drawn at a time, and a mouse that really walked there."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from maze_interp.environment import state as states
from maze_interp.environment.assets import MAZES_ONLY
from maze_interp.environment.levels import maze_from_seed, region_maze, state_of_maze
from maze_interp.environment.observe import FACINGS, Facing, cell_pixels, observe, observe_many
from maze_interp.environment.simulator import procgen_environment
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import DistributionMode, Maze, Square

MODES: tuple[DistributionMode, ...] = ("easy", "hard")
LEFT, DOWN, UP, RIGHT = 1, 3, 5, 7
ACTION = {(-1, 0): LEFT, (0, -1): DOWN, (0, 1): UP, (1, 0): RIGHT}


def random_maze(rng: np.random.Generator, mode: DistributionMode) -> Maze:
    """A level of procgen, its cheese, walls and padding edited at random, or left alone."""
    maze = maze_from_seed(int(rng.integers(2**31 - 1)), mode)
    kind = rng.integers(6)
    if kind == 0:
        return maze
    if kind == 1:
        return maze.with_cheese(None)
    if kind == 2:
        return region_maze(maze.seed, 5, mode)
    if kind == 3:
        return maze.padded().with_cheese(None).with_open((0, 0), True)
    for _ in range(8):
        x, y = (int(value) for value in rng.integers(maze.size, size=2))
        if (x, y) not in (maze.start, maze.cheese):
            maze = maze.with_open((x, y), bool(rng.integers(2)))
    free = [square for square in maze.squares if square != maze.start]
    return maze.with_cheese(free[rng.integers(len(free))]) if kind == 4 else maze


def drawn_by_procgen(env: Any, maze: Maze, square: Square, facing: str) -> NDArray[np.uint8]:
    """The slow way: put one mouse there and let procgen draw."""
    cell = (square[0] + maze.padding, square[1] + maze.padding)
    env.set_state([states.with_mice(state_of_maze(maze), [cell], mirrored=facing == "right")])
    picture: NDArray[np.uint8] = env.observe()[1]["rgb"][0]
    return picture


@pytest.mark.parametrize("mode", MODES)
def test_equal_to_procgen_on_random_squares(mode: DistributionMode) -> None:
    """500 random (maze, square, facing) in each mode, most of the mazes edited."""
    rng = np.random.default_rng(0)
    env = procgen_environment(1, mode)
    on_cheese = 0
    for _ in range(500):
        maze = random_maze(rng, mode)
        square = maze.squares[rng.integers(len(maze.squares))]
        if maze.cheese is not None and rng.random() < 0.05:
            square = maze.cheese
        facing = FACINGS[rng.integers(2)]
        expected = drawn_by_procgen(env, maze, square, facing)
        np.testing.assert_array_equal(observe(maze, [square], facing)[0], expected, f"{maze.seed} {square} {facing}")
        on_cheese += square == maze.cheese
    assert on_cheese > 5


@pytest.mark.parametrize("mode", MODES)
def test_equal_to_procgen_on_every_square(mode: DistributionMode) -> None:
    env = procgen_environment(1, mode)
    rng = np.random.default_rng(1)
    for _ in range(6):
        maze = random_maze(rng, mode)
        for facing in FACINGS:
            seen = observe(maze, facing=facing)
            assert seen.shape == (len(maze.squares), 64, 64, 3)
            assert seen.dtype == np.uint8
            for square, picture in zip(maze.squares, seen, strict=True):
                np.testing.assert_array_equal(picture, drawn_by_procgen(env, maze, square, facing))


def walk(env: Any, maze: Maze, goal: Square, rng: np.random.Generator) -> Facing:
    """Take the mouse from the start to `goal`, bumping into walls on the way; returns its facing."""
    facing: Facing = "left"
    path = maze.path(maze.start, goal)
    for (x, y), (to_x, to_y) in pairwise(path):
        bumps = [
            action
            for (dx, dy), action in ACTION.items()
            if not (0 <= x + dx < maze.size and 0 <= y + dy < maze.size and maze.open[y + dy, x + dx])
        ]
        bump = [bumps[rng.integers(len(bumps))]] if bumps and rng.random() < 0.3 else []
        for action in [*bump, ACTION[to_x - x, to_y - y]]:
            env.act(np.array([action]))
            facing = "left" if action == LEFT else "right" if action == RIGHT else facing
    return facing


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("edited", [False, True])
def test_equal_to_procgen_after_walking(mode: DistributionMode, edited: bool) -> None:
    """Played from the start in procgen's own level (no state set), or in an edited maze."""
    rng = np.random.default_rng(2)
    facings = set()
    for seed in range(40):
        env = procgen_environment(1, mode, start_level=seed, num_levels=1)
        maze = maze_from_seed(seed, mode)
        if edited:
            maze = maze.with_cheese(None)
            env.set_state([state_of_maze(maze)])
        reachable = [square for square in maze.squares if maze.cheese not in maze.path(maze.start, square)]
        goal = reachable[rng.integers(len(reachable))]
        if maze.steps(maze.start, goal) > 300:
            continue
        facing = walk(env, maze, goal, rng)
        facings.add(facing)
        np.testing.assert_array_equal(observe(maze, [goal], facing)[0], env.observe()[1]["rgb"][0])
    assert facings == set(FACINGS)


def test_many_mazes_follow_one_another() -> None:
    mazes = [maze_from_seed(0, "easy"), maze_from_seed(1, "hard"), maze_from_seed(2, "easy").with_cheese(None)]
    squares = [None, [(0, 0), (0, 0)], [(0, 0)]]
    together = observe_many(mazes, squares, "right")
    apart = [observe(maze, some, "right") for maze, some in zip(mazes, squares, strict=True)]
    np.testing.assert_array_equal(together, np.concatenate(apart))
    assert len(together) == len(mazes[0].squares) + 3


def test_squares_come_in_the_order_asked_for() -> None:
    maze = maze_from_seed(3)
    order = maze.squares[::-1] + maze.squares[:2]
    np.testing.assert_array_equal(observe(maze, order), observe(maze)[[*range(len(maze.squares) - 1, -1, -1), 0, 1]])
    with pytest.raises(MazeInterpError, match="squares is empty"):
        observe(maze, [])


@pytest.mark.parametrize("mode", MODES)
def test_mouse_changes_only_the_pixels_of_its_cell(mode: DistributionMode) -> None:
    for seed in range(10):
        maze = maze_from_seed(seed, mode)
        a, b = maze.squares[0], maze.squares[-1]
        here, there = observe(maze, [a, b])
        changed = (here != there).any(-1)
        inside = np.zeros((64, 64), bool)
        inside[cell_pixels(maze, a)] = inside[cell_pixels(maze, b)] = True
        assert changed.any()
        assert not (changed & ~inside).any()


@pytest.mark.parametrize("mode", MODES)
def test_facing_and_cheese_are_visible(mode: DistributionMode) -> None:
    """The cheese always is; the facing on most squares (a hard maze's sprite has few pixels)."""
    for seed in range(10):
        maze = maze_from_seed(seed, mode)
        left, right = (observe(maze, facing=facing) for facing in FACINGS)
        assert (left != right).any(axis=(1, 2, 3)).mean() > 0.5
        assert (left[:1] != observe(maze.with_cheese(None), [maze.start])).any()


def test_observations_are_the_callers_own() -> None:
    maze = maze_from_seed(4)
    first = observe(maze)
    first[:] = 0
    assert observe(maze).any(axis=(1, 2, 3)).all()


def test_bad_requests_are_refused() -> None:
    maze = maze_from_seed(5)
    x, y = (int(value) for value in np.argwhere(~maze.open)[0][::-1])
    with pytest.raises(MazeInterpError, match="is in a wall"):
        observe(maze, [(x, y)])
    with pytest.raises(MazeInterpError, match="is off the maze"):
        observe(maze, [(-1, 0)])
    with pytest.raises(MazeInterpError, match="unknown facing 'lefft': did you mean left"):
        observe(maze, facing="lefft")  # type: ignore[arg-type]


def test_pictures_are_the_same_without_the_backdrops_of_other_games() -> None:
    """The assets of our own worker processes: less memory, not one pixel changed."""
    program = (
        "import hashlib, maze_interp as mi\n"
        "digest = hashlib.sha256()\n"
        "for mode in ('easy', 'hard'):\n"
        "    for seed in range(150):\n"
        "        digest.update(mi.observe(mi.Maze.from_seed(seed, mode), [(0, 0)]).tobytes())\n"
        "print(digest.hexdigest())\n"
    )
    printed = set()
    for environment in ({}, {MAZES_ONLY: "1"}):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "Gym" not in done.stderr
        printed.add(done.stdout)
    assert len(printed) == 1
