"""`sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def sweep(
    agent: str = DEFAULT_AGENT,
    seeds: str = "0:1000",
    region: str = "anywhere",
    mode: Literal["easy", "hard"] | None = None,
    edit: Path | None = None,
    horizon: int = 500,
    out: Path = Path("runs/sweep"),
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Measure exact behaviour on many levels: a row per level, figures with intervals, pictures.

    Stop it at any moment; the same command goes on where it was and ends in the same files.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        seeds: Levels, first:end, the end not included.
        region: Where the cheese lies: anywhere (procgen's own), none, or n for a random square of the top-right n×n.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        edit: A YAML file of edits to the network, in force throughout.
        horizon: Moves in an episode.
        out: Folder for levels.csv, summary.json, tables and pictures.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.edits import load
    from maze_interp.plots.sweep import write_pictures
    from maze_interp.policies.agents import agent_mode, load_policy, training_region
    from maze_interp.sweeps.levels import LevelSet, parse_cheese, parse_seeds
    from maze_interp.sweeps.summary import write_summary
    from maze_interp.sweeps.sweep import Sweep, run_sweep

    levels = LevelSet(parse_seeds(seeds), mode or agent_mode(agent), parse_cheese(region))
    run = Sweep(load_policy(agent), agent, levels, load(edit) if edit else (), horizon)
    run_sweep(run, out, workers, scheduler)
    figures = write_summary(out, run.settings, training_region(agent))
    write_pictures(run, out)
    for group, p_cheese in figures.items():
        print(f"P(cheese), {group}: {p_cheese}")
    print(f"written to {out}")
