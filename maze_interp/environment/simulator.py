"""One procgen environment per process and mode, kept and reused: creating the first costs seconds."""

from __future__ import annotations

import contextlib
import io
import os
from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from maze_interp.environment import state as states
from maze_interp.environment.assets import MAZES_ONLY, maze_assets
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.mazes.maze import WORLD_SIZE, DistributionMode

MAX_SEED = 2**31 - 2
"""Largest level seed that procgen can be asked for."""


def procgen_environment(num: int, distribution_mode: DistributionMode, **options: Any) -> Any:
    """A fresh `ProcgenGym3Env` of mazes (`num` side by side), without gym's notice on the terminal.

    Raises:
        MazeInterpError: procgen is not installed, or the mode is neither easy nor hard.
    """
    if distribution_mode not in WORLD_SIZE:
        raise unknown_name("distribution mode", distribution_mode, WORLD_SIZE)
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
    """A single procgen maze that makes level states and renders states."""

    def __init__(self, distribution_mode: DistributionMode) -> None:
        level = {"start_level": 0, "num_levels": 1}
        if os.environ.get(MAZES_ONLY):
            with maze_assets() as root:
                self._env = procgen_environment(1, distribution_mode, resource_root=root, **level)
        else:
            self._env = procgen_environment(1, distribution_mode, **level)
        self._template = self._state()

    def level(self, seed: int) -> bytes:
        """The state of level `seed` at its start, as procgen generates it."""
        if not 0 <= seed <= MAX_SEED:
            raise MazeInterpError(f"a level seed is 0 to {MAX_SEED}, not {seed}")
        self._env.set_state([states.with_next_level(self._template, seed)])
        self._env.act(np.array([-1]))
        return self._state()

    def render(self, state: bytes) -> NDArray[np.uint8]:
        """What the agent would see in `state`: uint8 `[64, 64, 3]`."""
        self._env.set_state([state])
        return cast(NDArray[np.uint8], self._env.observe()[1]["rgb"][0].copy())

    def _state(self) -> bytes:
        return cast(bytes, self._env.get_state()[0])


@cache
def simulator(distribution_mode: DistributionMode) -> Simulator:
    """This process's simulator for a mode, made on first use."""
    return Simulator(distribution_mode)
