"""`constructed`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def constructed(
    agent: str = DEFAULT_AGENT,
    seeds: str = "900000000:900001000",
    shortest: int = 6,
    mode: Literal["easy", "hard"] | None = None,
    out: Path = Path("runs/constructed"),
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """What does moving the cheese alone do: to another branch, farther in one metric only, along a branch, everywhere?

    The walls are those of procgen levels. Everything is exact and paired by level. Stop it at any moment; the same
    command goes on where it was and ends in the same files.

    Args:
        agent: Name of an agent or of a reference policy, or a .safetensors or .pth file.
        seeds: Levels, first:end, the end not included; those that allow a construction are used for it.
        shortest: Least length of the two branches that the cheese is swapped between, in steps.
        mode: Distribution of levels; the agent's own unless given (hard for a file or a reference policy).
        out: Folder for constructed.csv, summary.json, tables and pictures.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.policies.agents import agent_mode, load_policy, training_region
    from maze_interp.report.constructed import write_constructed
    from maze_interp.studies.constructed import Constructed
    from maze_interp.sweeps.levels import LevelSet
    from maze_interp.sweeps.selection import parse_seeds

    levels = LevelSet(parse_seeds(seeds), mode or agent_mode(agent))
    experiment = Constructed(load_policy(agent), agent, levels, training_region(agent), shortest)
    for line in write_constructed(experiment, out, workers, scheduler):
        print(line)
