"""`deadends`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def deadends(
    agent: str = DEFAULT_AGENT,
    seeds: str = "900000000:900001000",
    region: str = "anywhere",
    mode: Literal["easy", "hard"] | None = None,
    out: Path = Path("runs/deadends"),
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """How often does the agent go into dead ends, by their depth, and how long does it stay?

    A dead end is a branch off the shortest paths from the start to cheese and corner that holds neither. All is
    exact; beside the agent stand an untrained network and random actions.

    Stop it at any moment; the same command goes on where it was and ends in the same files.

    Args:
        agent: Name of an agent or of a reference policy, or a .safetensors or .pth file.
        seeds: Levels, first:end, the end not included.
        region: Where the cheese lies: anywhere (procgen's own), none, or n for a random square of the top-right n×n.
        mode: Distribution of levels; the agent's own unless given (hard for a file or a reference policy).
        out: Folder for dead_ends.csv, summary.json, the table by depth and a picture.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.policies.agents import agent_mode, load_policy
    from maze_interp.report.dead_ends import write_dead_ends
    from maze_interp.studies.dead_ends import DeadEnds
    from maze_interp.sweeps.levels import LevelSet, parse_cheese, parse_seeds

    levels = LevelSet(parse_seeds(seeds), mode or agent_mode(agent), parse_cheese(region))
    for line in write_dead_ends(DeadEnds(load_policy(agent), agent, levels), out, workers, scheduler):
        print(line)
