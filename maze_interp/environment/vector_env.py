"""Many mazes side by side as a Gymnasium vector environment, stepped by procgen itself.

`streams` says which level every episode plays.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import wraps
from threading import RLock
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from maze_interp.arguments import checked, each, instance, several, whole
from maze_interp.environment import state as states
from maze_interp.environment.levels import state_of_maze
from maze_interp.environment.simulator import procgen_environment
from maze_interp.environment.streams import Region, as_level_range, draw_level, stream_of
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.mazes.maze import MAX_SEED, WORLD_SIZE, DistributionMode, Maze

ACTIONS = 15
"""procgen's actions: 0–2 left, 3 down, 5 up, 6–8 right, 4 and 9–14 nothing."""

_EPISODE = struct.Struct("=2Q")  # what a snapshot holds before procgen's state: stream and episode

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

Step = tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]


def _alone(method: Callable[Concatenate[Any, Parameters], Result]) -> Callable[Concatenate[Any, Parameters], Result]:
    """One thread at a time: what a call returns belongs to the step that it took."""

    @wraps(method)
    def run(env: Any, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        with env._lock:
            return method(env, *args, **kwargs)

    return run


class MazeVectorEnv(VectorEnv[NDArray[np.uint8], ArrayLike, NDArray[Any]]):
    """`num_envs` procgen mazes, observations uint8 `[num_envs, 64, 64, 3]`, 15 actions each.

    Reaching the cheese gives reward 10 and terminates the episode. Without it the episode is
    truncated after its 500th action; cheese reached by that very action terminates instead.

    An episode that ends is followed by the next one in the same step (`AutoresetMode.SAME_STEP`).
    The observation returned is then the new level's first, `info["level_seed"]` its seed, and
    `info["final_info"]["level_seed"]` that of the level that ended. There is no `final_obs`:
    procgen builds the next level before it draws, so no picture of the end exists.

    Args:
        num_envs: how many.
        distribution_mode: `"easy"` or `"hard"`.
        region: where the cheese of each level lies: n for a random square of the top-right n×n (as
            `levels.region_maze` draws it), `"anywhere"` for where procgen puts it, `"none"` for no
            cheese at all.
        levels: the level seeds to draw from, uniformly and independently for each episode.

    Raises:
        MazeInterpError: an argument out of its range, or procgen is not installed.
    """

    @checked
    def __init__(
        self,
        num_envs: Annotated[int, whole(1, 2**16)],
        distribution_mode: DistributionMode = "hard",
        region: Region = "anywhere",
        levels: Annotated[range, as_level_range] = range(MAX_SEED + 1),
    ) -> None:
        self._lock = RLock()
        self.metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}
        self.num_envs = num_envs
        self.distribution_mode: DistributionMode = distribution_mode
        self.region = region
        self.levels = levels
        self.single_observation_space = gymnasium.spaces.Box(0, 255, (64, 64, 3), np.uint8)
        self.single_action_space = gymnasium.spaces.Discrete(ACTIONS)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._procgen = procgen_environment(num_envs, distribution_mode)
        self._streams: list[int] = []
        self._episodes = [0] * num_envs
        self._level_seeds = np.zeros(num_envs, np.int64)

    @_alone
    @checked
    def reset(
        self, *, seed: Annotated[int, whole(0)] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Begin a new episode everywhere.

        Args:
            seed: begin the sequence of levels that it names; None goes on with the present one
                (on the first reset: begins a random one).
            options: `{"mazes": [...]}` plays the given mazes in this episode, one per environment,
                just as they are; the episodes after it are drawn again.

        Returns:
            Observations and `info`: `level_seed`, int64 `[num_envs]` (of a given maze, the level
            that lends it its looks).

        Raises:
            MazeInterpError: another option, or mazes of another number or mode.
        """
        super().reset(seed=seed)
        mazes = self._given_mazes({} if options is None else instance(dict)(options, "options"))
        if seed is not None or not self._streams:
            self._streams = [stream_of(self.np_random_seed, slot) for slot in range(self.num_envs)]
            self._episodes = [-1] * self.num_envs
        for slot in range(self.num_envs):
            self._begin_episode(slot, mazes[slot] if mazes else None)
        return self._observe(), self._info()

    @_alone
    def step(self, actions: ArrayLike) -> Step:
        """Take one action, 0 to 14, in each environment.

        Returns:
            Observations, rewards (0 or 10), terminations, truncations, `info`.

        Raises:
            MazeInterpError: actions of another number or out of range, or no reset came before.
        """
        self._procgen.act(self._require_actions(actions))
        rewards, observations, ended = self._procgen.observe()
        terminations = rewards > 0
        info: dict[str, Any] = {}
        pictures: NDArray[np.uint8] = observations["rgb"]
        if ended.any():
            final = {"level_seed": np.where(ended, self._level_seeds, 0), "_level_seed": ended.copy()}
            info = {"final_info": final, "_final_info": ended.copy()}
            for slot in np.flatnonzero(ended):
                self._begin_episode(int(slot))
            pictures = self._observe()
        return pictures, rewards.astype(np.float64), terminations, ended & ~terminations, info | self._info()

    @_alone
    def snapshot(self) -> list[bytes]:
        """Every environment's whole state, the levels of its later episodes included.

        One `bytes` of about 23 kB per environment; `restore` takes them in any order and in any
        `MazeVectorEnv` of the same mode, region and levels.
        """
        self._require_reset()
        return [
            _EPISODE.pack(stream, episode) + state
            for stream, episode, state in zip(self._streams, self._episodes, self._procgen.get_state(), strict=True)
        ]

    @_alone
    @checked
    def restore(
        self, snapshots: Annotated[Sequence[bytes], several(instance(bytes), "snapshots")]
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Go on exactly where each of `snapshots`, one per environment, was taken.

        Returns:
            Observations and `info`, as `reset`.

        Raises:
            MazeInterpError: another number of snapshots, or bytes that are none or of another mode.
                Nothing has changed then.
        """
        if len(snapshots) != self.num_envs:
            raise MazeInterpError(f"{self.num_envs} environments need as many snapshots, not {len(snapshots)}")
        for snapshot in snapshots:
            world = states.layout(snapshot[_EPISODE.size :]).world
            if world != WORLD_SIZE[self.distribution_mode]:
                raise MazeInterpError(f"the snapshot of a world of {world} cells is not {self.distribution_mode} mode")
        episodes = [_EPISODE.unpack_from(snapshot) for snapshot in snapshots]
        self._streams = [stream for stream, _ in episodes]
        self._episodes = [episode for _, episode in episodes]
        for slot, snapshot in enumerate(snapshots):
            self._put(slot, snapshot[_EPISODE.size :])
        return self._observe(), self._info()

    @_alone
    def close_extras(self) -> None:
        """Free procgen's side."""
        self._procgen.close()

    def _begin_episode(self, slot: int, maze: Maze | None = None) -> None:
        """Overwrite whatever procgen plays in `slot` with the start of `maze`, or of a level drawn."""
        self._episodes[slot] += 1
        if maze is None:
            episode = self._streams[slot], self._episodes[slot]
            maze = draw_level(*episode, self.levels, self.region, self.distribution_mode)
        self._put(slot, state_of_maze(maze))

    def _put(self, slot: int, state: bytes) -> None:
        self._procgen.call_c_func("set_state", slot, state, len(state))
        self._level_seeds[slot] = states.read_level_seed(state)

    def _observe(self) -> NDArray[np.uint8]:
        pictures: NDArray[np.uint8] = self._procgen.observe()[1]["rgb"]
        return pictures

    def _info(self) -> dict[str, Any]:
        return {"level_seed": self._level_seeds.copy(), "_level_seed": np.ones(self.num_envs, bool)}

    def _require_reset(self) -> None:
        if not self._streams:
            raise MazeInterpError("the environment has no episode yet: call reset first")

    def _require_actions(self, actions: ArrayLike) -> NDArray[np.integer[Any]]:
        self._require_reset()
        given = np.asarray(actions)
        if given.shape != (self.num_envs,) or not np.issubdtype(given.dtype, np.integer):
            raise MazeInterpError(f"actions are {self.num_envs} integers, not {given.dtype} {given.shape}")
        if given.min() < 0 or given.max() >= ACTIONS:
            raise MazeInterpError(f"an action is 0 to {ACTIONS - 1}, not {given.min()} or {given.max()}")
        return given

    def _given_mazes(self, options: dict[str, Any]) -> Sequence[Maze]:
        for name in options.keys() - {"mazes"}:
            raise unknown_name("reset option", str(name), ["mazes"])
        if "mazes" not in options:
            return []
        mazes = list(each(Maze)(options["mazes"], "mazes"))
        if len(mazes) != self.num_envs:
            raise MazeInterpError(f"{self.num_envs} environments need as many mazes, not {len(mazes)}")
        for maze in mazes:
            if maze.distribution_mode != self.distribution_mode:
                raise MazeInterpError(
                    f"the maze is of {maze.distribution_mode} mode, the environment of {self.distribution_mode} mode"
                )
        return mazes
