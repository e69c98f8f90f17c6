"""The devices and precisions of one machine in one run: whether their figures agree, and how fast each is.

    python scripts/compare_devices.py

Float32 and bfloat16 on the CPU, then the GPU beside the CPU, if there is one. Precisions are timed in turn, so that a
busy machine slows both, and medians over the repeats are printed. Ends with status 1 if the GPU's probabilities differ
from the CPU's by more than 1e-4.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import torch

from maze_interp import Maze, behaviours, sweep, vector_fields
from maze_interp.commands.options import run_script
from maze_interp.measure.evaluate import evaluate
from maze_interp.measure.field import VectorField
from maze_interp.policies.agents import load_network
from maze_interp.policies.network import PolicyNetwork

TOLERANCE = 1e-4

Result = TypeVar("Result")


def main(
    agent: str = "rand_region_5",
    levels: int = 1000,
    many_levels: int = 10_000,
    field_levels: int = 12,
    repeats: int = 7,
) -> None:
    """Compare devices and precisions, and print how far they agree and how fast they are.

    Args:
        agent: Name of an agent, or a checkpoint file.
        levels: Hard levels that the CPU and the GPU both sweep, both facings.
        many_levels: Hard levels that the GPU sweeps alone.
        field_levels: Hard levels whose vector fields the CPU makes in both precisions.
        repeats: Times that the precisions are timed in turn.
    """
    torch.set_num_threads(1)
    compare_precisions(agent, [Maze.from_seed(seed) for seed in range(field_levels)], repeats)
    if not torch.cuda.is_available():
        print("there is no GPU on this machine")
        return
    largest = compare_devices(agent, levels)
    count = len(os.sched_getaffinity(0))
    for workers in (1, count):
        _, seconds = timed(partial(sweep, on_gpu(agent), range(many_levels), "hard", workers=workers))
        print(f"sweep of {many_levels} hard levels on the GPU, {workers} processes: {seconds:.1f} s")
    if largest > TOLERANCE:
        sys.exit(f"the devices differ by more than {TOLERANCE}")


def compare_precisions(agent: str, mazes: Sequence[Maze], repeats: int) -> None:
    """Vector fields in float32 and bfloat16 on the CPU: squares a second, and how far they differ."""
    networks = [load_network(agent), load_network(agent, precision="bfloat16")]
    exact, rough = ([*behaviours(network, mazes, tolerance=0)] for network in networks)
    changes = [np.abs(a.field.probs - b.field.probs).max() for a, b in zip(exact, rough, strict=True)]
    p_cheese = [abs(a.p_cheese - b.p_cheese) for a, b in zip(exact, rough, strict=True)]
    changed = f"{max(changes):.4f}, mean change of P(cheese) {np.mean(p_cheese):.4f}"
    print(f"bfloat16: largest change of a probability {changed}")
    squares = sum(len(one.field.squares) for one in exact)
    pairs = [[squares / timed(partial(fields, network, mazes))[1] for network in networks] for _ in range(repeats)]
    plain, fast = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    ratios = sorted(fast / plain for plain, fast in pairs)
    print(
        f"vector fields on one thread: float32 {plain:.0f}, bfloat16 {fast:.0f} squares a second; "
        f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


def fields(network: PolicyNetwork, mazes: Sequence[Maze]) -> list[VectorField]:
    """The vector field of every maze."""
    return list(vector_fields(network, mazes))


def compare_devices(agent: str, levels: int) -> float:
    """Sweeps on the CPU, all cores, and on the GPU; returns the largest difference of a probability."""
    cores, seeds = len(os.sched_getaffinity(0)), range(levels)
    cpu, cpu_seconds = timed(partial(sweep, load_network(agent), seeds, "hard", workers=cores))
    print(f"sweep of {levels} hard levels on the CPU, {cores} processes: {cpu_seconds:.1f} s")
    for workers in (1, cores):
        gpu, seconds = timed(partial(sweep, on_gpu(agent), seeds, "hard", workers=workers))
        print(f"the same on the GPU, {workers} processes: {seconds:.1f} s, {cpu_seconds / seconds:.1f} times as fast")
    columns = [name for name in cpu.columns if name.startswith(("p_", "decision_p_", "exit_"))]
    largest = float(np.nanmax(np.abs(cpu[columns].to_numpy() - gpu[columns].to_numpy())))
    mazes = [Maze.from_seed(seed) for seed in seeds]
    both = zip(evaluate(load_network(agent), mazes), evaluate(on_gpu(agent), mazes), strict=True)
    moves = max(float(np.abs(a.probs - b.probs).max()) for a, b in both)
    print(f"largest difference of a probability: of a move {moves:.1e}, of an outcome {largest:.1e}")
    return max(largest, moves)


def on_gpu(agent: str) -> PolicyNetwork:
    """The agent's network there."""
    return load_network(agent, "cuda")


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What it makes, and how long that takes; the GPU is waited for."""
    start = time.perf_counter()
    made = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return made, time.perf_counter() - start


if __name__ == "__main__":
    run_script(main)
