"""`compare`."""

from __future__ import annotations

from pathlib import Path


def compare(
    agents: str | None = None,
    sweeps: str | None = None,
    seeds: str = "900000000:900000300",
    out: Path = Path("runs/compare"),
    workers: int | None = None,
    scheduler: str | None = None,
    studies: int = 40,
) -> None:
    """Set several agents side by side: where they go, what predicts it, and the published numbers.

    Each agent on its own mode of levels, the cheese where procgen puts it, beside an untrained network; where
    two share levels, their differences level by level. Levels where the agent must choose are the published
    selection: a decision square, and the cheese outside the agent's training region.

    Stop it at any moment; the same command goes on where it was and ends in the same files.

    Args:
        agents: Names or files with commas between them; mode after a colon, as in agent.pth:easy. Unless agents or
            sweeps are given, all agents in the box.
        sweeps: Folders that maze-interp sweep wrote, with commas between them, to compare without measuring again.
        seeds: Levels to measure the agents on, first:end, the end not included.
        out: Folder for summary.json, tables, pictures and sweeps.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
        studies: Held-out levels of each of the other studies (rules that foretell the agent, dead ends, constructed
            levels, value head) of the agents measured here; 0 for none.
    """
    from maze_interp.policies.agents import agent_folders
    from maze_interp.report.across_agents import parse_agents, planned, write_comparison
    from maze_interp.studies.statistics.data import read_sweep

    finished = [read_sweep(Path(folder.strip())) for folder in (sweeps or "").split(",") if folder.strip()]
    named = ",".join(agent_folders()) if agents is None and sweeps is None else agents or ""
    plan = planned(parse_agents(named), finished, seeds)
    for line in write_comparison(plan, out, workers=workers, scheduler=scheduler, studies=studies):
        print(line)
