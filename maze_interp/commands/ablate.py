"""`ablate`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def ablate(
    agent: str = DEFAULT_AGENT,
    layer: str = "main",
    kind: str = "zero,mean,resample",
    seeds: str = "900000000:900000450",
    exact: int = 100,
    exact_layer: str = "outputs",
    mode: Literal["easy", "hard"] | None = None,
    out: Path = Path("runs/ablate"),
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Ablate every channel of some layers, one at a time, and see what each was needed for.

    Effects are those on the moves at the decision square and, on fewer levels, on the exact probability
    of reaching the cheese where procgen puts it and in the training region. They are positive where
    the channel served the metric. Levels without a decision square are left out.

    Stop it at any moment; the same command goes on where it was and ends in the same files.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        layer: Names with commas between them, or main, outputs or all.
        kind: What a channel is set to: zero, mean or resample, or several with commas between them.
        seeds: Levels, first:end, the end not included.
        exact: How many of these levels, the first ones, are measured exactly too; 0 for none.
        exact_layer: The layers ablated there, likewise; they must be among the others.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        out: Folder for ablation.csv, summary.json, other tables, pictures, and rows by level.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.policies.agents import agent_mode, load_network, training_region
    from maze_interp.policies.network import parse_layers
    from maze_interp.report.ablation import write_ablation
    from maze_interp.studies.ablation import DecisionAblation, ExactAblation
    from maze_interp.sweeps.levels import LevelSet
    from maze_interp.sweeps.selection import parse_seeds

    policy, levels = load_network(agent), parse_seeds(seeds)
    distribution_mode = mode or agent_mode(agent)
    kinds = tuple(kind.split(","))
    decision = DecisionAblation(policy, agent, LevelSet(levels, distribution_mode), parse_layers(policy, layer), kinds)
    exactly = None
    if exact:
        exactly = ExactAblation(
            *(policy, agent, LevelSet(levels[:exact], distribution_mode), parse_layers(policy, exact_layer), kinds),
            region=training_region(agent),
        )
    for line in write_ablation(decision, exactly, out, workers, scheduler):
        print(line)
