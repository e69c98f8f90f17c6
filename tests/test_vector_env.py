"""The vector environment against the rules of play written out in Python, and against itself."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from maze_interp.environment import state as states
from maze_interp.environment.levels import maze_from_seed, maze_from_state, region_maze
from maze_interp.environment.observe import Facing, observe
from maze_interp.environment.vector_env import ACTIONS, MazeVectorEnv
from maze_interp.mazes.maze import MAX_SEED, DistributionMode, Maze, Square

LEFT, DOWN, NOOP, UP, RIGHT = 1, 3, 4, 5, 7
EFFECT: dict[int, Square] = {
    **dict.fromkeys((0, 1, 2), (-1, 0)),
    DOWN: (0, -1),
    UP: (0, 1),
    **dict.fromkeys((6, 7, 8), (1, 0)),
    **dict.fromkeys((4, 9, 10, 11, 12, 13, 14), (0, 0)),
}
CORRIDOR = "...\n.##\nM.C"


class Play:
    """One episode by the rules, without procgen."""

    def __init__(self, maze: Maze) -> None:
        self.maze, self.square, self.time = maze, maze.start, 0
        self.facing: Facing = "left"

    def step(self, action: int) -> tuple[float, bool, bool]:
        dx, dy = EFFECT[action]
        x, y = self.square[0] + dx, self.square[1] + dy
        self.facing = "left" if dx < 0 else "right" if dx > 0 else self.facing
        if 0 <= x < self.maze.size and 0 <= y < self.maze.size and self.maze.open[y, x]:
            self.square = (x, y)
        self.time += 1
        found = self.square == self.maze.cheese
        return 10.0 * found, found, self.time == 500 and not found


def procgen_state(snapshot: bytes) -> bytes:
    """A snapshot without the 16 bytes that name its episode."""
    return snapshot[16:]


def mazes_in(env: MazeVectorEnv) -> list[Maze]:
    """The mazes in play, read from procgen's states."""
    return [maze_from_state(procgen_state(snapshot)) for snapshot in env.snapshot()]


def way_to_cheese(maze: Maze) -> list[int]:
    assert maze.cheese is not None
    path = maze.path(maze.start, maze.cheese)
    action = {(-1, 0): LEFT, (0, -1): DOWN, (0, 1): UP, (1, 0): RIGHT}
    return [action[b[0] - a[0], b[1] - a[1]] for a, b in pairwise(path)]


def roll(env: MazeVectorEnv, actions: NDArray[np.int64]) -> list[tuple[Any, ...]]:
    """Everything that `step` returns for each row of actions, as comparable values."""
    result = []
    for row in actions:
        pictures, rewards, terminations, truncations, info = env.step(row)
        result.append((pictures.tobytes(), *(x.tolist() for x in (rewards, terminations, truncations))))
        result[-1] += (info["level_seed"].tolist(), "final_info" in info)
    return result


def random_actions(steps: int, num: int, seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, ACTIONS, (steps, num))


def solve(env: MazeVectorEnv, episodes: int, others: int = NOOP) -> list[int]:
    """Take environment 0 to the cheese so many times; the levels it played."""
    played = []
    for _ in range(episodes):
        maze = mazes_in(env)[0]
        played.append(maze.seed)
        for action in way_to_cheese(maze):
            _, rewards, *_ = env.step([action] + [others] * (env.num_envs - 1))
        assert rewards[0] == 10
    return played


@pytest.mark.parametrize(
    ("mode", "region", "level"),
    [
        ("easy", "anywhere", lambda seed: maze_from_seed(seed, "easy")),
        ("hard", 5, lambda seed: region_maze(seed, 5, "hard")),
    ],
)
def test_100_000_random_steps_follow_the_rules(
    mode: DistributionMode, region: Any, level: Callable[[int], Maze]
) -> None:
    """Position, facing, clock, reward and end of episode in 64 environments × 782 steps per mode."""
    env = MazeVectorEnv(64, mode, region)
    pictures, info = env.reset(seed=1)
    plays = [Play(level(int(seed))) for seed in info["level_seed"]]
    ends = np.zeros(2, int)
    for step, actions in enumerate(random_actions(782, 64)):
        pictures, rewards, terminations, truncations, info = env.step(actions)
        outcomes = [play.step(int(action)) for play, action in zip(plays, actions, strict=True)]
        assert list(zip(rewards, terminations, truncations, strict=True)) == outcomes
        ends += terminations.sum(), truncations.sum()
        for slot in np.flatnonzero(terminations | truncations):
            assert info["final_info"]["level_seed"][slot] == plays[slot].maze.seed
            plays[slot] = Play(level(int(info["level_seed"][slot])))
        for play, snapshot in zip(plays, env.snapshot(), strict=True):
            state, padding = procgen_state(snapshot), play.maze.padding
            cell = (play.square[0] + padding, play.square[1] + padding)
            assert states.read_mouse(state) == (cell, play.facing == "right")
            assert states.read_time(state) == play.time
        if step % 100 == 99:
            expected = [observe(play.maze, [play.square], play.facing)[0] for play in plays]
            np.testing.assert_array_equal(pictures, expected)
    assert (ends > 10).all()


def test_an_episode_has_exactly_500_actions_and_the_last_one_counts() -> None:
    maze = Maze.from_ascii(CORRIDOR)
    env = MazeVectorEnv(3)
    env.reset(seed=0, options={"mazes": [maze] * 3})
    env.step([NOOP, RIGHT, NOOP])
    for _ in range(498):
        _, rewards, terminations, truncations, _ = env.step([NOOP, NOOP, NOOP])
        assert not np.any([rewards, terminations, truncations])
    # Action 500 takes the second mouse onto the cheese, the third one short of it.
    _, rewards, terminations, truncations, _ = env.step([NOOP, RIGHT, RIGHT])
    assert rewards.tolist() == [0, 10, 0]
    assert terminations.tolist() == [False, True, False]
    assert truncations.tolist() == [True, False, True]
    assert [states.read_time(procgen_state(snapshot)) for snapshot in env.snapshot()] == [0, 0, 0]


def test_a_seed_names_the_whole_run() -> None:
    actions = random_actions(520, 6)
    runs = []
    for seed in (5, 5, 6):
        env = MazeVectorEnv(6, "easy")
        pictures, info = env.reset(seed=seed)
        runs.append([(pictures.tobytes(), info["level_seed"].tolist()), *roll(env, actions)])
        env.close()
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[2][0]
    assert any(end for *_, end in runs[0][1:])


def test_an_environments_levels_do_not_depend_on_the_others() -> None:
    alone = MazeVectorEnv(1, "easy")
    alone.reset(seed=3)
    levels = solve(alone, 12)
    assert len(set(levels)) == 12
    for num, others in ((2, RIGHT), (7, UP)):
        crowd = MazeVectorEnv(num, "easy")
        _, info = crowd.reset(seed=3)
        assert len(set(info["level_seed"])) == num
        assert solve(crowd, 12, others) == levels


def test_reset_without_a_seed_goes_on() -> None:
    env = MazeVectorEnv(1, "easy")
    env.reset(seed=3)
    levels = solve(env, 3)
    _, info = env.reset(seed=3)
    resets = [int(info["level_seed"][0])] + [int(env.reset()[1]["level_seed"][0]) for _ in range(2)]
    assert resets == levels
    assert env.reset(seed=3)[1]["level_seed"][0] == levels[0]


def test_first_reset_without_a_seed_is_random() -> None:
    first, second = (MazeVectorEnv(4).reset()[1]["level_seed"].tolist() for _ in range(2))
    assert first != second


@pytest.mark.parametrize("mode", ["easy", "hard"])
def test_restore_goes_on_exactly(mode: DistributionMode) -> None:
    env = MazeVectorEnv(6, mode, 3)
    env.reset(seed=8, options={"mazes": [Maze.from_ascii(CORRIDOR, mode)] * 6})
    roll(env, random_actions(130, 6))
    saved = env.snapshot()
    now = env.step([NOOP] * 6)[0]
    env.restore(saved)
    future = random_actions(800, 6, seed=1)
    expected = roll(env, future)
    assert sum(end for *_, end in expected) > 6

    pictures, info = env.restore(saved)
    np.testing.assert_array_equal(pictures, now)
    assert info["level_seed"].tolist() == [maze.seed for maze in mazes_in(env)]
    assert env.snapshot() == saved
    assert roll(env, future) == expected

    fresh = MazeVectorEnv(6, mode, 3)
    fresh.restore(saved)
    assert roll(fresh, future) == expected


def test_snapshots_may_change_places() -> None:
    env = MazeVectorEnv(4, "easy")
    env.reset(seed=2)
    roll(env, random_actions(50, 4))
    saved = env.snapshot()
    actions = random_actions(600, 4, seed=1)
    roll(env, actions)
    straight = env.snapshot()
    env.restore(saved[::-1])
    roll(env, actions[:, ::-1])
    assert env.snapshot() == straight[::-1]


@pytest.mark.parametrize("mode", ["easy", "hard"])
def test_cheese_lies_where_it_was_asked_for(mode: DistributionMode) -> None:
    for region in (1, 4, "anywhere", "none"):
        env = MazeVectorEnv(24, mode, region)
        _, info = env.reset(seed=0)
        for maze, seed in zip(mazes_in(env), info["level_seed"], strict=True):
            plain = maze_from_seed(int(seed), mode)
            assert maze.with_cheese(None) == plain.with_cheese(None)
            if isinstance(region, int):
                assert maze.cheese in maze.region(region)
                assert maze == region_maze(int(seed), region, mode)
            else:
                assert maze.cheese == (plain.cheese if region == "anywhere" else None)


def test_without_cheese_every_episode_runs_out_of_time() -> None:
    env = MazeVectorEnv(8, "easy", "none")
    env.reset(seed=0)
    ends = [
        (terminations.sum(), truncations.sum())
        for _, _, terminations, truncations, _ in map(env.step, random_actions(1000, 8))
    ]
    assert ends[499] == ends[999] == (0, 8)
    assert sum(map(sum, ends)) == 16


def test_levels_are_drawn_uniformly_from_the_range() -> None:
    env = MazeVectorEnv(64, "easy", levels=range(100, 110))
    seen = np.concatenate([env.reset(seed=0)[1]["level_seed"]] + [env.reset()[1]["level_seed"] for _ in range(9)])
    counts = np.bincount(seen - 100, minlength=10)
    assert counts.sum() == 640
    assert len(counts) == 10
    assert counts.min() > 30
    one = MazeVectorEnv(3, "hard", levels=range(MAX_SEED, MAX_SEED + 1))
    assert one.reset(seed=0)[1]["level_seed"].tolist() == [MAX_SEED] * 3


def test_given_mazes_are_played_as_they_are() -> None:
    mazes = [
        maze_from_seed(3),
        Maze.from_ascii(CORRIDOR, seed=9),
        maze_from_seed(4).with_cheese(None).padded(),
        Maze.from_ascii("C....\n.....\n.....\n.....\n....M", seed=5),
    ]
    env = MazeVectorEnv(4, region=5)
    pictures, info = env.reset(seed=7, options={"mazes": mazes})
    assert info["level_seed"].tolist() == [3, 9, 4, 5]
    np.testing.assert_array_equal(pictures, [observe(maze, [maze.start])[0] for maze in mazes])
    # The last maze has no walls: along the bottom, then up to the cheese.
    outcomes = [env.step([NOOP, RIGHT, NOOP, action]) for action in (LEFT, 0, 2, LEFT, UP, UP, UP, UP)]
    assert [bool(outcome[2][1]) for outcome in outcomes[:2]] == [False, True]
    assert [outcome[1][3] for outcome in outcomes] == [0] * 7 + [10]
    assert outcomes[1][4]["final_info"]["level_seed"].tolist() == [0, 9, 0, 0]


def test_episodes_after_given_mazes_are_drawn_as_always() -> None:
    env = MazeVectorEnv(2, "easy", 3)
    env.reset(seed=7)
    drawn = env.reset()[1]["level_seed"]
    env.reset(seed=7, options={"mazes": [Maze.from_ascii(CORRIDOR, "easy")] * 2})
    env.step([RIGHT, RIGHT])
    _, _, terminations, _, info = env.step([RIGHT, RIGHT])
    assert terminations.all()
    assert info["level_seed"].tolist() == drawn.tolist()
    assert mazes_in(env) == [region_maze(int(seed), 3, "easy") for seed in drawn]


def test_what_step_returns_is_the_callers_own() -> None:
    env = MazeVectorEnv(3, "easy")
    pictures, info = env.reset(seed=0)
    before, seeds = pictures.copy(), info["level_seed"].copy()
    for row in random_actions(600, 3):
        env.step(row)
    np.testing.assert_array_equal(pictures, before)
    np.testing.assert_array_equal(info["level_seed"], seeds)
