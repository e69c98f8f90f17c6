"""Speed and memory, as ratios measured in one run: each cost beside the forward passes it needs.

    python scripts/benchmark.py

A ratio is the median over pairs of (time of the whole) / (time of its floor), the two timed in turn on one thread, so
that a busy machine slows both. Beside it stands the figure kept in `benchmark.json`, which `--keep` writes: so what
became slower shows. Timings decide no test.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import torch

import maze_interp as mi
from maze_interp.arguments import choice
from maze_interp.arrays import Pictures
from maze_interp.commands.options import run_script
from maze_interp.environment.observe import FACINGS, Facing
from maze_interp.measure.behaviour import HORIZON, TOLERANCE, behaviours_of
from maze_interp.measure.evaluate import Evaluation, together
from maze_interp.measure.reached import evaluate_reached
from maze_interp.measure.states import states_of
from maze_interp.policies.agents import agent_mode, load_network
from maze_interp.policies.devices import BATCH
from maze_interp.policies.network import PolicyNetwork
from maze_interp.policies.split import split
from maze_interp.results.files import write_json
from maze_interp.sweeps.sweep import level_row

KEPT = Path(__file__).with_suffix(".json")
_SLOWER = 1.15  # times the kept figure, beyond what two runs on an idle machine differ by


@dataclass(frozen=True)
class Pair:
    """Something timed beside something else; `around` it, not around the floor, a context is in force."""

    name: str
    work: Callable[[], object]
    floor: Callable[[], object]
    around: Callable[[], AbstractContextManager[None]] = nullcontext


@dataclass(frozen=True)
class Setting:
    """Whose network, as how many hard levels, and a sweep of how many."""

    agent: str
    policy: PolicyNetwork
    levels: int
    sweep_levels: int


Part = Iterator[Pair | tuple[str, float, str]]
"""Pairs to be timed, and other figures: name, value, unit."""


def main(
    agent: str = "rand_region_5",
    parts: str = "levels,retargeting,busy",
    levels: int = 50,
    pairs: int = 5,
    sweep_levels: int = 10_000,
    keep: bool = False,
) -> None:
    """Time measurements beside the forward passes that they need, and print the ratios.

    Args:
        agent: An agent of hard levels.
        parts: What to time, with commas between; also `sweep`, `exactness` and `report`, which take minutes.
        levels: Hard levels whose exact behaviour and vector fields are timed.
        pairs: Times that both of a pair are timed.
        sweep_levels: Levels of the sweep; a tenth of them show how exact the figures are.
        keep: Keep this run's figures, beside those of other parts, for later runs to be compared with.
    """
    torch.set_num_threads(1)
    setting = Setting(agent, load_network(agent), levels, sweep_levels)
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    figures = dict[str, float]()
    wanted = [choice("part", PARTS)(name.strip(), "--parts") for name in parts.split(",")]
    for item in itertools.chain.from_iterable(PARTS[part](setting) for part in wanted):
        name, figure, how = median_pair(item, pairs) if isinstance(item, Pair) else item
        figures[name], before = round(figure, 3), kept.get(name)
        note = "" if before is None else f"; kept: {before:.3g}{', SLOWER' if figure > _SLOWER * before else ''}"
        print(f"{name}: {figure:.3g}{how}{note}", flush=True)
    if keep:
        write_json(KEPT, kept | figures)


def median_pair(pair: Pair, pairs: int) -> tuple[str, float, str]:
    """The name, the median ratio, and its two times in words."""
    pair.work(), pair.floor()
    times = list[tuple[float, float]]()
    for _ in range(pairs):
        with pair.around():
            whole = seconds(pair.work)
        times.append((whole, seconds(pair.floor)))
    whole, floor = sorted(times, key=lambda one: one[0] / one[1])[pairs // 2]
    return pair.name, whole / floor, f" ({whole * 1e3:.1f} ms / {floor * 1e3:.1f} ms)"


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def forward(policy: PolicyNetwork, pictures: Pictures) -> None:
    """The floor: the network alone on observations already rendered, in the library's batches."""
    with torch.inference_mode():
        for first in range(0, len(pictures), BATCH):
            policy(mi.to_input(pictures[first : first + BATCH]))


def observations(mazes: Sequence[mi.Maze], facings: Sequence[Facing] = FACINGS) -> Pictures:
    """The distinct observations of some mazes."""
    states = states_of(mazes, facings)
    return states.observations(np.arange(len(states)))


def time_levels(setting: Setting) -> Part:
    """Exact behaviour and vector fields of hard levels, each against the forward passes of its observations."""
    policy, mazes = setting.policy, [mi.Maze.from_seed(seed) for seed in range(setting.levels)]
    both, left = (partial(forward, policy, observations(mazes, facings)) for facings in (FACINGS, ("left",)))
    yield Pair("exact behaviour, hard levels", lambda: list(mi.behaviours(policy, mazes)), both)
    yield Pair("vector fields, hard levels", lambda: list(mi.vector_fields(policy, mazes)), left)
    evaluations = list[list[Evaluation]]()

    def evaluated() -> None:
        evaluations[:] = [evaluate_reached(policy, group, (), HORIZON, TOLERANCE) for group in together(mazes)]

    before = seconds(evaluated)
    chains = seconds(lambda: [list(behaviours_of(group)) for group in evaluations])
    yield "share of the chains in exact behaviour", chains / (before + chains), ""


def time_retargeting(setting: Setting) -> Part:
    """All targets of one hard level of size 13 against its suffix passes, and against a whole pass for each of them."""
    policy, maze = setting.policy, next(maze for maze in map(mi.Maze.from_seed, itertools.count()) if maze.size == 13)
    maze = maze.with_cheese(None)
    passes = int(sum(max(1, maze.steps(maze.start, target)) for target in maze.squares))
    pictures = mi.observe(maze)[np.arange(passes) % len(maze.squares)]
    cut = split(policy, policy.default_layer)
    with torch.inference_mode():
        crossing = cut.prefix(mi.to_input(pictures[:BATCH]))

    def suffixes() -> None:
        with torch.inference_mode():
            for _ in range(0, passes, BATCH):
                cut.suffix(crossing)

    work = partial(mi.retarget, policy, maze, channels=[0], value=5.0, p_visit=False)
    yield Pair("retargeting, size 13, over its suffix passes", work, suffixes)
    whole = partial(forward, policy, pictures)
    yield Pair("retargeting, size 13, over a whole pass for each square and target", work, whole)


def time_busy(setting: Setting) -> Part:
    """Measurements on torch's default number of threads beside a busy process on each core, against an idle machine."""
    policy, some = setting.policy, range(min(setting.levels, 16))
    mazes = [mi.Maze.from_seed(seed) for seed in some]
    for name, work in (
        ("vector fields", lambda: list(mi.vector_fields(policy, mazes))),
        ("exact behaviour", lambda: list(mi.behaviours(policy, mazes))),
        ("a sweep", lambda: mi.sweep(policy, some, workers=1)),
    ):
        torch.set_num_threads(os.cpu_count() or 1)
        yield Pair(f"{name} beside a busy process on each core, over idle", work, work, busy)
        torch.set_num_threads(1)


@contextmanager
def busy() -> Iterator[None]:
    """Within the context, a process computes on each core."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def time_sweep(setting: Setting) -> Part:
    """A sweep by two workers, and its forward passes alone, for which a sample of its levels stands."""
    count, agent = setting.sweep_levels, setting.agent
    yield from time_command("sweep", "--agent", agent, "--workers", "2", "--seeds", f"0:{count}")
    pictures = observations([mi.Maze.from_seed(seed) for seed in range(min(200, count))])
    alone = seconds(partial(forward, setting.policy, pictures)) * count / min(200, count) / 2
    yield "its forward passes alone on two cores", alone, " s"


def time_command(*arguments: str) -> Part:
    """A command from start to end, and the most memory of all its processes, shared pages counted once."""
    start, peak = time.perf_counter(), 0.0
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "maze_interp.commands.main", *arguments, "--out", f"{folder}/out"]
        process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            with suppress(psutil.Error):  # a process that is gone
                every = [process, *process.children(recursive=True)]
                peak = max(peak, sum(one.memory_full_info().pss for one in every))
            time.sleep(0.5)
    if process.returncode:
        raise mi.MazeInterpError(f"maze-interp {arguments[0]} ended with status {process.returncode}")
    yield " ".join(arguments), time.perf_counter() - start, " s"
    yield f"{' '.join(arguments)}, memory", peak / 1e9, " GB at most"


def check_exactness(setting: Setting) -> Part:
    """The largest difference that leaving out what is hardly reached makes to a figure of any level."""
    for agent in (setting.agent, mi.DEFAULT_AGENT):
        policy, mode = load_network(agent), agent_mode(agent)
        mazes = [mi.Maze.from_seed(seed, mode) for seed in range(max(1, setting.sweep_levels // 10))]
        tables = [pd.DataFrame(map(level_row, mi.behaviours(policy, mazes, tolerance=t))) for t in (TOLERANCE, 0)]
        part, full = (table.select_dtypes("number") for table in tables)
        error = float((part - full).abs().max().max())
        yield f"largest difference from all states, {len(mazes)} {mode} levels, in 10⁻⁹", error / 1e-9, ""


PARTS: dict[str, Callable[[Setting], Part]] = {
    "levels": time_levels,
    "retargeting": time_retargeting,
    "busy": time_busy,
    "sweep": time_sweep,
    "report": lambda _: time_command("report", "--agent", mi.DEFAULT_AGENT),
    "exactness": check_exactness,
}


if __name__ == "__main__":
    run_script(main)
