"""`channels`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def channels(
    agent: str = DEFAULT_AGENT,
    layer: str = "default",
    seeds: str = "0:100",
    choose: str = "800000000:800000100",
    mode: Literal["easy", "hard"] | None = None,
    placements: int = 16,
    untrained: int = 16,
    out: Path = Path("runs/channels"),
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Find what the channels of a layer respond to, by moving cheese and mouse about many mazes.

    Stop it at any moment; the same command goes on where it was and ends in the same files.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        layer: A layer with a map, by module path.
        seeds: Levels to report on, first:end, the end not included.
        choose: Other levels, to choose the channels on that track something.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        placements: Observations of each level.
        untrained: Networks with random weights to compare with, 2 or more.
        out: Folder for summary.json, scores.csv, strongest.csv and pictures.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.policies.agents import agent_mode, load_network
    from maze_interp.report.channels import study_channels, write_channels
    from maze_interp.studies.channels.responses import Responses
    from maze_interp.sweeps.levels import LevelSet
    from maze_interp.sweeps.selection import parse_seeds

    chosen, reported = (LevelSet(parse_seeds(text), mode or agent_mode(agent)) for text in (choose, seeds))
    choosing = Responses(load_network(agent), agent, chosen, layer, placements, untrained)
    study = study_channels(choosing, reported, out, workers, scheduler)
    for line in write_channels(study, out):
        print(line)
    print(f"written to {out}")
