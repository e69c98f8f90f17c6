"""One procgen environment per process and mode, kept and reused: creating the first costs seconds."""

from __future__ import annotations

import contextlib
import io
import os
from functools import cache
from threading import RLock
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from maze_interp.arguments import checked
from maze_interp.environment import state as states
from maze_interp.environment.assets import MAZES_ONLY, maze_assets
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import DistributionMode, LevelSeed

_CREATING = RLock()  # importing procgen swaps stderr, and its first environment fills what all share


@checked
def procgen_environment(num: int, distribution_mode: DistributionMode, **options: Any) -> Any:
    """A fresh `ProcgenGym3Env` of mazes (`num` side by side), without gym's notice on the terminal.

    Raises:
        MazeInterpError: procgen is not installed, or the mode is neither easy nor hard.
    """
    with _CREATING:
        try:
            # gym, which procgen imports and never needs for this, prints an advertisement.
            with contextlib.redirect_stderr(io.StringIO()):
                from procgen import ProcgenGym3Env
        except ImportError as error:
            raise MazeInterpError(
                "levels and observations come from the package procgen, which is not installed here "
                "(it exists for Linux on x86-64 only); analysis of recorded results works without it"
            ) from error
        return ProcgenGym3Env(
            num=num, env_name="maze", distribution_mode=distribution_mode, num_threads=0, rand_seed=0, **options
        )


class Simulator:
    """A single procgen maze that makes level states and renders states; threads may share it.

    Every method sets the whole state that it needs and takes its result under one lock, so that no thread sees
    another's maze.
    """

    def __init__(self, distribution_mode: DistributionMode, **options: Any) -> None:
        self._lock = RLock()
        options |= {"start_level": 0, "num_levels": 1}
        if os.environ.get(MAZES_ONLY):
            with maze_assets() as root:
                self._env = procgen_environment(1, distribution_mode, resource_root=root, **options)
        else:
            self._env = procgen_environment(1, distribution_mode, **options)
        self._template = self._state()

    @checked
    def level(self, seed: LevelSeed) -> bytes:
        """The state of level `seed` at its start, as procgen generates it."""
        with self._lock:
            self._env.set_state([states.with_next_level(self._template, seed)])
            self._env.act(np.array([-1]))
            return self._state()

    def render(self, state: bytes) -> NDArray[np.uint8]:
        """What the agent would see in `state`: uint8 `[64, 64, 3]`."""
        with self._lock:
            self._env.set_state([state])
            return cast(NDArray[np.uint8], self._env.observe()[1]["rgb"][0].copy())

    def render_for_people(self, state: bytes) -> NDArray[np.uint8]:
        """procgen's picture of `state` for people, uint8 `[512, 512, 3]`; of a simulator made to draw it."""
        with self._lock:
            self._env.set_state([state])
            return cast(NDArray[np.uint8], self._env.get_info()[0]["rgb"].copy())

    def _state(self) -> bytes:
        return cast(bytes, self._env.get_state()[0])


def simulator(distribution_mode: DistributionMode, for_people: bool = False) -> Simulator:
    """This process's simulator for a mode, made on first use.

    The one `for_people` also draws pictures for people, which makes it slower.
    """
    with _CREATING:
        return _simulator(distribution_mode, for_people)


@cache
def _simulator(distribution_mode: DistributionMode, for_people: bool) -> Simulator:
    return Simulator(distribution_mode, **({"render_mode": "rgb_array"} if for_people else {}))
