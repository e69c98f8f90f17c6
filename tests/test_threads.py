"""Threads: the same bytes from 1, 2 and 4 of them, whatever they share."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from distributed import Client
from torch import Tensor

import maze_interp as mi
from maze_interp import edits
from maze_interp.environment.human_view import human_view
from maze_interp.environment.levels import _level_state, maze_from_seed, region_maze
from maze_interp.environment.vector_env import MazeVectorEnv
from maze_interp.policies.architectures.impala import Impala
from maze_interp.sweeps.experiment import Experiment, run_experiment

LAYER = "embedder.block2.res1.resadd"
SEEDS = range(16)


@pytest.fixture(autouse=True)
def _switch_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def in_threads(function: Callable[[int], Any], threads: int) -> list[Any]:
    _level_state.cache_clear()
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, SEEDS))


def mixed_levels(seed: int) -> mi.Maze:
    """Each mode, as it is and with the cheese moved."""
    maze = maze_from_seed(seed, "easy" if seed % 2 else "hard")
    return region_maze(seed, 5, maze.distribution_mode) if seed % 3 else maze


def episode(seed: int) -> Any:
    """Everything that an environment of a thread's own shows in forty steps."""
    env = MazeVectorEnv(2, "easy", levels=range(seed, seed + 3))
    shown = [env.reset(seed=seed)[0]]
    actions = np.random.default_rng(seed).integers(0, 15, (40, 2))
    shown += [env.step(action)[0] for action in actions]
    env.close()
    return np.stack(shown)


@pytest.mark.parametrize(
    "function",
    [
        mixed_levels,
        lambda seed: mi.observe(mixed_levels(seed), facing="right"),
        lambda seed: human_view(mixed_levels(seed)),
        lambda seed: mi.maze_features(mixed_levels(seed)),
        episode,
    ],
    ids=["levels", "observe", "human_view", "maze_features", "vector_env"],
)
def test_levels_and_pictures_do_not_depend_on_the_threads(function: Callable[[int], Any]) -> None:
    alone = [function(seed) for seed in SEEDS]
    for threads in (1, 2, 4):
        for a, b in zip(alone, in_threads(function, threads), strict=True):
            np.testing.assert_array_equal(a, b)


def test_measurements_with_different_edits_do_not_depend_on_the_threads(untrained: Impala) -> None:
    source = edits.Observations(range(3), "easy")
    choices = [(), edits.Zero(LAYER, [0, 5]), edits.Mean(LAYER, source=source), edits.Scale("embedder", factor=2)]

    def measure(seed: int) -> Any:
        edit: Any = choices[seed % len(choices)]
        return mi.vector_field(untrained, mi.Maze.from_seed(seed // 4, "easy"), edit).probs

    alone = [measure(seed) for seed in SEEDS]
    assert not np.allclose(alone[0], alone[1])
    for threads in (2, 4):
        for a, b in zip(alone, in_threads(measure, threads), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_figure_is_the_same_on_any_number_of_torchs_threads(untrained: Impala) -> None:
    maze = mi.Maze.from_seed(3, "easy")

    def measure(_: int) -> Any:
        before = torch.get_num_threads()
        result = mi.behaviour(untrained, maze, edits.Zero("embedder.fc", 3))
        targets = mi.retarget(untrained, maze, [maze.top_right], channels=[3], value=5.0, p_visit=False)
        assert torch.get_num_threads() == before
        return np.append(result.field.probs.ravel(), [result.p_cheese, *targets.path_probability])

    alone, found = measure(0), []
    for threads in (2, 4):
        torch.set_num_threads(threads)
        try:
            found += [measure(0)]
        finally:
            torch.set_num_threads(1)
    found += in_threads(measure, 4)
    for figures in found:
        np.testing.assert_array_equal(figures, alone)


MEASUREMENTS: dict[str, Callable[[Impala, mi.Maze], Any]] = {
    "vector_field": mi.vector_field,
    "behaviour": mi.behaviour,
    "behaviours": lambda policy, maze: list(mi.behaviours(policy, [maze, maze])),
    "retarget": lambda policy, maze: mi.retarget(policy, maze, [maze.top_right], channels=[3], value=5.0),
    "retarget_by_cheese": lambda policy, maze: mi.retarget_by_cheese(policy, maze, [maze.top_right], p_visit=False),
    "cheese_vector": lambda policy, maze: mi.cheese_vector(policy, maze, "embedder.fc"),
}


def fails(activation: Tensor, layer: str) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_one_thread_measures_and_the_caller_has_his_number_again(untrained: Impala, name: str) -> None:
    measure, maze, seen = MEASUREMENTS[name], maze_from_seed(3, "easy"), list[int]()
    torch.set_num_threads(2)
    try:
        with untrained.hooks({"embedder.fc": lambda activation, _: seen.append(torch.get_num_threads())}):
            measure(untrained, maze)
        assert set(seen) == {1}
        assert torch.get_num_threads() == 2
        with pytest.raises(ZeroDivisionError), untrained.hooks({"embedder.fc": fails}):
            measure(untrained, maze)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


@dataclass(frozen=True)
class Moves(Experiment):
    """Every square's moves, of levels one by one, under an edit that is measured when it is bound."""

    name: ClassVar[str] = "moves"
    columns: ClassVar[tuple[str, ...]] = ("x", "y", "left", "value", "look")

    def rows(self, maze: mi.Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        mean = edits.Mean(LAYER, [maze.seed], source=edits.Observations([maze.seed, 1], "easy"))
        field = mi.vector_field(self.policy, maze, mean)
        look = int(mi.observe(maze, field.squares).sum())
        return [
            {"x": x, "y": y, "left": field.prob((x, y), "left"), "value": value, "look": look}
            for (x, y), value in zip(field.squares, field.value, strict=True)
        ]


def test_the_same_bytes_for_any_number_of_threads_and_workers(untrained: Impala, tmp_path: Path) -> None:
    levels = mi.LevelSet(range(8), "easy")
    recording = mi.Recording(untrained, "a", levels, LAYER, squares=2, shard_bytes=1)

    def measured(out: Path, scheduler: str | None = None) -> dict[str, bytes]:
        run_experiment(Moves(untrained, "a", levels), out / "moves", 1, scheduler)
        mi.record(recording, out / "store", 1, scheduler)
        found = (path for path in sorted(out.rglob("*")) if path.is_file() and path.name != ".lock")
        return {str(path.relative_to(out)): path.read_bytes() for path in found}

    alone = measured(tmp_path / "alone")
    assert len(alone) == len(levels.seeds) + 4
    for workers, threads in itertools.product((1, 2), (1, 2, 4)):
        cluster: dict[str, Any] = {"n_workers": workers, "threads_per_worker": threads, "dashboard_address": None}
        _level_state.cache_clear()
        with Client(processes=False, **cluster) as client:
            out = tmp_path / f"{workers}-{threads}"
            assert measured(out, client.scheduler.address) == alone, out.name


def test_threads_may_share_an_environment() -> None:
    """Each step is one thread's whole: its rewards, seeds and pictures belong together."""
    env = MazeVectorEnv(3, "easy")
    env.reset(seed=0)
    snapshots = [env.snapshot()]
    for _ in range(3):
        env.step(np.full(3, 7))
        snapshots.append(env.snapshot())
    shown = [env.restore(one)[0] for one in snapshots]
    for index, picture in enumerate(in_threads(lambda seed: env.restore(snapshots[seed % 4])[0], 4)):
        np.testing.assert_array_equal(picture, shown[index % 4])
    env.close()


def coarse(name: str) -> None:
    torch.set_float32_matmul_precision(name)


cuda: Any = torch.backends.cuda
cudnn: Any = torch.backends.cudnn
mkldnn: Any = torch.backends.mkldnn
PRECISIONS: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
    "medium": (lambda: coarse("medium"), lambda: coarse("highest")),
    "high": (lambda: coarse("high"), lambda: coarse("highest")),
    "every operation": (
        lambda: setattr(torch.backends, "fp32_precision", "bf16"),
        lambda: setattr(torch.backends, "fp32_precision", "none"),
    ),
    "convolutions": (
        lambda: setattr(mkldnn.conv, "fp32_precision", "bf16"),
        lambda: setattr(mkldnn.conv, "fp32_precision", "none"),
    ),
    "on a GPU": (
        lambda: setattr(cudnn.conv, "fp32_precision", "ieee"),
        lambda: setattr(cudnn.conv, "fp32_precision", "none"),
    ),
}


def settings_of_torch() -> list[Any]:
    operations = [cudnn.conv, cudnn.rnn, mkldnn.conv, mkldnn.rnn, mkldnn.matmul, cuda.matmul]
    return [*(one.fp32_precision for one in operations), cudnn.enabled, cudnn.benchmark, cudnn.deterministic]


@pytest.mark.parametrize("name", PRECISIONS)
def test_float32_is_float32_whatever_torch_is_told(untrained: Impala, store: mi.ActivationStore, name: str) -> None:
    """And what torch was told stands afterwards."""
    maze = maze_from_seed(3, "easy")

    def figures() -> list[Any]:
        vector = mi.cheese_vector(untrained, maze, LAYER)
        probe = mi.probes.fit(store, store.layers[0], "cheese_x_world")
        return [mi.vector_field(untrained, maze).probs, mi.behaviour(untrained, maze).occupancy, vector, probe.coef]

    change, undo = PRECISIONS[name]
    alone = figures()
    change()
    try:
        before = settings_of_torch()
        for expected, found in zip(alone, figures(), strict=True):
            np.testing.assert_array_equal(found, expected)
        assert settings_of_torch() == before
    finally:
        undo()
