"""`vectors`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def vectors(
    agent: str = DEFAULT_AGENT,
    layer: str = "default",
    seeds: str = "900000000:900000200",
    exact: int = 60,
    draws: int = 3,
    mode: Literal["easy", "hard"] | None = None,
    out: Path = Path("runs/vectors"),
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Add and subtract the cheese and the top-right vector, alone, together, scaled, and in other levels.

    Measured are the moves at the decision square and, on fewer levels, the exact probabilities of reaching
    the cheese, the corner, and a cheese in the training region, beside random and permuted vectors of
    the same norm. Levels without a decision square are left out.

    Stop it at any moment; the same command goes on where it was and ends in the same files.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        layer: Where the vectors are taken and added.
        seeds: Levels, first:end, the end not included.
        exact: How many of these levels, the first ones, are measured exactly too; 0 for none.
        draws: Controls of each kind.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        out: Folder for effects.csv, transfer.csv, summary.json, pictures, and rows by level.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.policies.agents import agent_mode, load_network, training_region
    from maze_interp.report.vectors import write_vectors
    from maze_interp.studies.transfer import Transfer
    from maze_interp.studies.vectors import VectorEffects
    from maze_interp.sweeps.levels import LevelSet
    from maze_interp.sweeps.selection import parse_seeds

    policy, levels = load_network(agent), LevelSet(parse_seeds(seeds), mode or agent_mode(agent))
    study = VectorEffects(policy, agent, levels, training_region(agent), layer, draws=draws, exact=exact)
    for line in write_vectors(study, Transfer(policy, agent, levels, layer), out, workers, scheduler):
        print(line)
