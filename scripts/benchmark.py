"""Speed and memory, as ratios measured in one run: each cost beside the forward passes it needs.

    python scripts/benchmark.py

Every ratio is the median over repeats of (time of the whole) / (time of its forward passes alone,
same batches, same precision, one thread), the two taken in turn so that a busy machine slows both. Beside it stands the
ratio kept in `benchmark.json`, which `--keep` writes, so that what became slower shows. Timings decide no test.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from maze_interp import (
    DEFAULT_AGENT,
    ActivationStore,
    LevelSet,
    Maze,
    Recording,
    behaviours,
    observe,
    record,
    retarget,
    to_input,
    vector_field,
    vector_fields,
)
from maze_interp.commands.options import run_script
from maze_interp.measure.behaviour import HORIZON, TOLERANCE, behaviours_of
from maze_interp.measure.evaluate import together
from maze_interp.measure.reached import evaluate_reached
from maze_interp.measure.states import states_of
from maze_interp.policies.agents import agent_mode, load_network
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.devices import BATCH
from maze_interp.policies.network import PolicyNetwork
from maze_interp.policies.split import split
from maze_interp.results.files import write_json
from maze_interp.studies.ablate.measure import Ablation, DecisionAblation, ExactAblation
from maze_interp.training.curriculum import Curriculum
from maze_interp.training.exact import ExactConfig
from maze_interp.training.gradient import update
from maze_interp.training.imitation import ImitationConfig, ShortestPaths, imitate_batch, outputs
from maze_interp.training.muon import make_optimisers
from maze_interp.training.returns import level_returns

KEPT = Path(__file__).with_suffix(".json")
"""Ratios of an earlier run, by name."""

ratios: dict[str, float] = {}
"""Of this run."""


def main(
    agent: str = "rand_region_5",
    levels: int = 50,
    repeats: int = 5,
    without_sweeps: bool = False,
    sweep_agent: str = DEFAULT_AGENT,
    keep: bool = False,
) -> None:
    """Time measurements beside the forward passes that they need, and print the ratios.

    Args:
        agent: Whose network; only its width matters.
        levels: Hard levels whose exact behaviour and vector fields are timed.
        repeats: Times the short measurements are repeated.
        without_sweeps: Leave out the time and the peak memory of sweeps of 100 and of 10,000 levels.
        sweep_agent: The agent of those, on its own mode of levels.
        keep: Keep this run's ratios for later runs to be compared with.
    """
    torch.set_num_threads(1)
    policy = load_network(agent)
    maze = Maze.from_seed(next(seed for seed in itertools.count() if Maze.from_seed(seed).size == 25))
    one = observe(maze, [square for square in maze.squares if square != maze.cheese])
    report("vector field, size 25", lambda: vector_field(policy, maze), lambda: forward(policy, one), repeats)
    small = Maze.from_seed(next(seed for seed in itertools.count() if Maze.from_seed(seed).size == 9))
    few = observe(small, [square for square in small.squares if square != small.cheese])
    report("vector field, size 9", lambda: vector_field(policy, small), lambda: forward(policy, few), repeats)
    time_levels(policy, levels, repeats)
    time_retargeting(policy, repeats)
    time_ablations(policy, repeats)
    time_recording(policy, repeats)
    time_exact_gradients(repeats)
    time_imitation(repeats)
    if not without_sweeps:
        for count in (100, 10_000):
            time_sweep(sweep_agent, count)
    if keep:
        write_json(KEPT, {name: round(ratio, 3) for name, ratio in ratios.items()})


def time_ablations(policy: PolicyNetwork, repeats: int) -> None:
    """Every channel zeroed in turn on one hard level of size 15, against prefix + channels × suffix.

    For single layers exactly, which is two behaviours per channel (the cheese as procgen has it, and in
    the region); for the main layers together at the decision square.
    """
    sizes = (Maze.from_seed(seed) for seed in itertools.count())
    maze = next(maze for maze in sizes if maze.size == 15 and maze.decision_square)
    level = LevelSet(range(maze.seed, maze.seed + 1), "hard")
    sweeps: dict[str, Ablation] = {
        f"exact, {layer}": ExactAblation(policy, policy.name, level, (f"embedder.{layer}",), ("zero",))
        for layer in ("block2.res1.resadd", "fc")
    }
    sweeps["at the decision square, main layers"] = DecisionAblation(policy, policy.name, level, kinds=("zero",))
    for name, sweep in sweeps.items():
        floor = partial(ablation_floor, policy, sweep.layers, [one.x for one in sweep.situations(maze)])
        report(f"ablation {name}", partial(sweep.rows, maze), floor, repeats)


def ablation_floor(policy: PolicyNetwork, layers: Sequence[str], inputs: Sequence[torch.Tensor]) -> None:
    """The network's two parts alone: the first once per observation and layer, the second for every channel as well."""
    for layer, x in itertools.product(layers, inputs):
        cut = split(policy, layer)
        with torch.inference_mode():
            for first in range(0, len(x), BATCH):
                crossing = cut.prefix(x[first : first + BATCH])
                together = BATCH // len(crossing)
                batch = crossing.rows(torch.arange(len(crossing)).repeat(together))
                for _ in range(0, crossing.activation.shape[1], together):
                    cut.suffix(batch)


def time_recording(policy: PolicyNetwork, repeats: int, levels: int = 30) -> None:
    """Three layers on every square of hard levels against the forward passes, and shuffled against plain reading."""
    layers = ("embedder.block2.res1.resadd", "embedder.block3", "embedder.fc")
    wanted = Recording(policy, policy.name, LevelSet(range(levels), "hard"), layers, facings=("left",))
    mazes = [Maze.from_seed(seed) for seed in range(levels)]
    pictures = np.concatenate([observe(maze, [one for one in maze.squares if one != maze.cheese]) for maze in mazes])
    with tempfile.TemporaryDirectory() as folder:
        store = record(wanted, f"{folder}/store", workers=1)
        if len(store) != len(pictures):
            raise SystemExit(f"{len(store)} observations recorded where the floor has {len(pictures)}")
        number = itertools.count()
        report(
            "recording three layers, hard levels",
            lambda: record(wanted, f"{folder}/{next(number)}", workers=1),
            lambda: forward(policy, pictures),
            repeats,
        )
        shuffled, in_order = (partial(read, store, [*layers, "seed"], seed) for seed in (0, None))
        report("reading in shuffled batches over reading in order", shuffled, in_order, repeats)


def read(store: ActivationStore, columns: Sequence[str], shuffle_seed: int | None) -> None:
    """Every observation of a store once."""
    for _ in store.batches(256, columns, shuffle_seed=shuffle_seed):
        pass


def time_exact_gradients(repeats: int) -> None:
    """An update along exact gradients against the same number of observations forward, and forward and backward."""
    config = ExactConfig("benchmark", "hard", 5, states=384)
    policy = Impala(1).requires_grad_(True)
    optimisers = make_optimisers(policy, adamw=0, muon=0)

    def work() -> tuple[int, int]:
        rng = np.random.default_rng(0)
        levels = [level_returns(policy, maze, config) for maze in Curriculum(config).draw(rng)]
        return sum(len(level.value) for level in levels), update(policy, optimisers, levels, config, rng)

    evaluated, drawn = work()
    pictures = np.random.default_rng(0).integers(0, 256, (evaluated, 64, 64, 3), np.uint8)

    def floor() -> None:
        forward(policy, pictures)
        for first in range(0, drawn, BATCH):
            logits, _ = policy(to_input(pictures[first : min(first + BATCH, drawn)]))
            logits.sum().backward()  # type: ignore[no-untyped-call]

    report("an update along exact gradients", work, floor, repeats)


def time_imitation(repeats: int, batches: int = 8) -> None:
    """Batches of imitation, drawn and rendered in a second process, against their passes forward and backward."""
    config = ImitationConfig("benchmark", "hard", 5, samples=10**9)
    policy = Impala(1).requires_grad_(True)
    optimiser = torch.optim.AdamW(policy.parameters(), lr=0)
    loader = iter(DataLoader(ShortestPaths(config), batch_size=None, num_workers=1, prefetch_factor=4))
    pictures = next(loader)[0]

    def floor() -> None:
        for _ in range(batches):
            logits, value = outputs(policy, pictures)
            (logits.float().sum() + value.float().sum()).backward()  # type: ignore[no-untyped-call]

    def work() -> None:
        for batch in itertools.islice(loader, batches):
            imitate_batch(policy, optimiser, batch)

    report(f"{batches} batches of imitation", work, floor, repeats)


def time_levels(policy: PolicyNetwork, levels: int, repeats: int) -> None:
    """Exact behaviour and vector fields of hard levels, each against the forward passes of its observations."""
    mazes = [Maze.from_seed(seed) for seed in range(levels)]
    states = states_of(mazes)
    both = states.observations(np.arange(len(states)))
    left = np.concatenate([observe(maze, [one for one in maze.squares if one != maze.cheese]) for maze in mazes])
    for name, work, pictures in (
        ("behaviour", lambda: list(behaviours(policy, mazes)), both),
        ("behaviour from every state", lambda: list(behaviours(policy, mazes, tolerance=0)), both),
        ("vector fields", lambda: list(vector_fields(policy, mazes)), left),
    ):
        report(f"{name}, {levels} hard levels", work, partial(forward, policy, pictures), repeats)
    print(f"share of the chains in that behaviour: {chain_share(policy, mazes):.2f}")


def chain_share(policy: PolicyNetwork, mazes: Sequence[Maze]) -> float:
    """Share of the time of exact behaviour that its Markov chains take."""
    start = time.perf_counter()
    evaluations = [evaluate_reached(policy, group, (), HORIZON, TOLERANCE) for group in together(mazes)]
    evaluated = time.perf_counter()
    for group in evaluations:
        list(behaviours_of(group))
    return (time.perf_counter() - evaluated) / (time.perf_counter() - start)


def time_retargeting(policy: PolicyNetwork, repeats: int) -> None:
    """All targets of one hard level of size 13 against its suffix passes, and against a whole pass for each of them."""
    maze = next(maze for maze in map(Maze.from_seed, itertools.count()) if maze.size == 13).with_cheese(None)
    paths = [maze.path(maze.start, target) for target in maze.squares]
    passes = sum(max(1, len(path) - 1) for path in paths)
    pictures = observe(maze)[np.arange(passes) % len(maze.squares)]
    cut = split(policy, policy.default_layer)
    with torch.inference_mode():
        crossing = cut.prefix(to_input(pictures[:BATCH]))

    def suffixes() -> None:
        with torch.inference_mode():
            for _ in range(0, passes, BATCH):
                cut.suffix(crossing)

    work = partial(retarget, policy, maze, channels=[0], value=5.0, p_visit=False)
    report("retargeting, size 13, over its suffix passes", work, suffixes, repeats)
    report("retargeting, size 13, over whole passes", work, partial(forward, policy, pictures), repeats)


def distinct_pictures(maze: Maze) -> NDArray[np.uint8]:
    """The observations that the exact behaviour needs, each once."""
    states = states_of([maze])
    return states.observations(np.arange(len(states)))


def forward(policy: PolicyNetwork, pictures: NDArray[np.uint8]) -> None:
    """The floor: the network alone on observations already rendered, in the library's batches."""
    with torch.inference_mode():
        for first in range(0, len(pictures), BATCH):
            policy(to_input(pictures[first : first + BATCH]))


def report(name: str, whole: Callable[[], object], floor: Callable[[], object], repeats: int) -> None:
    """Print the pair with the median ratio of two things timed in turn."""
    whole(), floor()
    pairs = sorted(((seconds(whole), seconds(floor)) for _ in range(repeats)), key=lambda pair: pair[0] / pair[1])
    slow, fast = pairs[repeats // 2]
    ratios[name] = slow / fast
    kept = json.loads(KEPT.read_text()).get(name) if KEPT.exists() else None
    before = "" if kept is None else f" (kept: {kept:.2f})"
    print(f"{name}: {slow * 1e3:.1f} ms / {fast * 1e3:.1f} ms = {slow / fast:.2f}{before}")


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def time_sweep(agent: str, levels: int, sample: int = 500) -> None:
    """A sweep by two workers: wall-clock time beside its forward passes alone, which a sample of levels stands for."""
    start = time.perf_counter()
    peak = sweep_memory(agent, levels)
    whole = time.perf_counter() - start
    some = min(sample, levels)
    pictures = np.concatenate([distinct_pictures(Maze.from_seed(seed, agent_mode(agent))) for seed in range(some)])
    floor = seconds(partial(forward, load_network(agent), pictures)) * levels / some / 2
    print(
        f"sweep of {levels} levels, two workers: {whole:.0f} s, {peak:.2f} GB at most in all processes; "
        f"its forward passes alone on two cores: {floor:.0f} s (ratio {whole / floor:.2f})"
    )


def sweep_memory(agent: str, levels: int) -> float:
    """Peak memory of a sweep with two workers in GB: all its processes, shared pages counted once."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "maze_interp.commands.main", "sweep", "--agent", agent, "--workers", "2"]
        arguments = ["--seeds", f"0:{levels}", "--out", f"{folder}/run"]
        process = psutil.Popen([*command, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, sum(map(memory, [process, *process.children(recursive=True)])))
            time.sleep(0.5)
    return peak / 1e9


def memory(process: psutil.Process) -> int:
    """Proportional set size of a process in bytes; 0 once it is gone."""
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return 0


if __name__ == "__main__":
    run_script(main)
