"""The vector environment as Gymnasium's tools and careless callers see it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.utils import env_checker, passive_env_checker
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics

from maze_interp.environment.levels import maze_from_seed
from maze_interp.environment.vector_env import MazeVectorEnv
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import MAX_SEED, Maze


def test_gymnasiums_checks_pass() -> None:
    """Those that do not insist on a single environment's plain floats and bools."""
    env: Any = MazeVectorEnv(4, "easy")
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    passive_env_checker.check_space(env.observation_space, "observation", lambda space: None)
    passive_env_checker.check_space(env.action_space, "action", lambda space: None)
    passive_env_checker.check_obs(env.reset(seed=0)[0], env.observation_space, "reset")
    env_checker.check_reset_return_type(env)
    env_checker.check_reset_seed_determinism(env)
    first, second = (env.step(env.action_space.sample()) for _ in range(2))
    assert not passive_env_checker.data_shares_objects(first, second)
    pictures, rewards, terminations, truncations, _ = second
    assert env.observation_space.contains(pictures)
    assert (rewards.dtype, terminations.dtype, truncations.dtype) == (np.float64, bool, bool)
    assert rewards.shape == terminations.shape == truncations.shape == (4,)


def test_gymnasiums_wrappers_understand_the_episodes() -> None:
    mazes = [Maze.from_ascii("...\n.##\nM.C"), maze_from_seed(0).with_cheese(None)]
    env = DictInfoToList(RecordEpisodeStatistics(MazeVectorEnv(2)))
    _, infos = env.reset(seed=0, options={"mazes": mazes})
    assert [list(info) for info in infos] == [["level_seed"], ["level_seed"]]
    for _ in range(2):
        *_, infos = env.step(np.array([7, 4]))
    assert (infos[0]["episode"]["r"], infos[0]["episode"]["l"]) == (10, 2)
    assert infos[0]["final_info"] == {"level_seed": 0}
    assert list(infos[1]) == ["level_seed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_envs": 0}, "num_envs is a whole number from 1 to 65536, not 0"),
        ({"distribution_mode": "memory"}, "unknown distribution mode 'memory'"),
        ({"region": "anywere"}, "unknown region 'anywere': did you mean anywhere"),
        ({"region": None}, r"region is a whole number from 1, not None \(or 'anywhere', 'none'\)"),
        ({"region": 0}, "region is a whole number from 1, not 0"),
        ({"levels": range(5, 5)}, r"a range of level seeds, 0 to 2147483646, not range\(5, 5\)"),
        ({"levels": range(-1, 5)}, r"not range\(-1, 5\)"),
        ({"levels": range(MAX_SEED + 2)}, r"not range\(0, 2147483648\)"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(MazeInterpError, match=message):
        MazeVectorEnv(**{"num_envs": 2, "distribution_mode": "easy", **arguments})


def test_bad_options_are_refused() -> None:
    env = MazeVectorEnv(2)
    maze = maze_from_seed(0)
    for mazes in ([], [maze], [maze] * 3):
        with pytest.raises(MazeInterpError, match="2 environments need as many mazes"):
            env.reset(options={"mazes": mazes})
    with pytest.raises(MazeInterpError, match="the maze is of easy mode, the environment of hard mode"):
        env.reset(options={"mazes": [maze, maze_from_seed(0, "easy")]})
    with pytest.raises(MazeInterpError, match="unknown reset option 'maze': did you mean mazes"):
        env.reset(options={"maze": [maze, maze]})


def test_bad_actions_are_refused_and_change_nothing() -> None:
    env = MazeVectorEnv(2)
    for method in (lambda: env.step([0, 0]), env.snapshot):
        with pytest.raises(MazeInterpError, match="call reset first"):
            method()
    env.reset(seed=0)
    before = env.snapshot()
    for actions in ([0], [0, 0, 0], [0.0, 1.0], 3, [[0, 1]], ["left", "up"]):
        with pytest.raises(MazeInterpError, match="actions are 2 integers, not"):
            env.step(actions)
    for outside in ([0, 15], [-1, 0], [0, 2**40]):
        with pytest.raises(MazeInterpError, match="an action is 0 to 14, not"):
            env.step(outside)
    assert env.snapshot() == before


def test_bad_snapshots_are_refused_and_change_nothing() -> None:
    env = MazeVectorEnv(2)
    env.reset(seed=0)
    env.step([7, 5])
    before = env.snapshot()
    other = MazeVectorEnv(1, "easy")
    other.reset(seed=0)
    bad = [b"", b"\0" * 16, before[1][:-1], before[1] + b"\0", before[1][16:], *other.snapshot()]
    for snapshot in bad:
        with pytest.raises(MazeInterpError):
            env.restore([before[1], snapshot])
        assert env.snapshot() == before
    with pytest.raises(MazeInterpError, match="2 environments need as many snapshots, not 1"):
        env.restore(before[:1])
