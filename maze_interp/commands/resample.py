"""`resample`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def resample(
    agent: str = DEFAULT_AGENT,
    layer: str = "default",
    channels: str = "auto",
    draws: int = 10,
    seeds: str = "900000000:900000200",
    mode: Literal["easy", "hard"] | None = None,
    out: Path = Path("runs/resample"),
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Take some channels from other levels, their cheese on the same square or on another: how far do the moves change?

    Beside them stand random sets of as many other channels, and the whole layer.

    Stop it at any moment; the same command goes on where it was and ends in the same files.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        layer: The layer.
        channels: Numbers with commas between them, or auto for those that track the cheese, chosen on other levels.
        draws: Random sets.
        seeds: Levels, first:end, the end not included.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        out: Folder for resampling.csv, summary.json and a picture.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.policies.agents import agent_mode, load_network
    from maze_interp.report.resampling import write_resampling
    from maze_interp.studies.channels.scores import channel_numbers
    from maze_interp.studies.options import parse_channels
    from maze_interp.studies.resampling import Resampling
    from maze_interp.sweeps.levels import LevelSet
    from maze_interp.sweeps.selection import parse_seeds

    policy = load_network(agent)
    levels = LevelSet(parse_seeds(seeds), mode or agent_mode(agent))
    chosen = channel_numbers(policy, layer, parse_channels(channels), levels.distribution_mode)
    for line in write_resampling(Resampling(policy, agent, levels, chosen, layer, draws), out, workers, scheduler):
        print(line)
