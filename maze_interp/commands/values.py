"""`values`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def values(
    agent: str = DEFAULT_AGENT,
    seeds: str = "900000000:900000400",
    trained: str = "0:400",
    mode: Literal["easy", "hard"] | None = None,
    out: Path = Path("runs/values"),
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """How often does the likeliest move lead to the state that the value head rates highest?

    At decision squares and on all squares of held-out levels, and on the squares of the training region in levels as
    in training; beside an untrained network and chance. Stop it at any moment; the same command goes on where it was.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        seeds: Held-out levels, first:end, the end not included, the cheese anywhere.
        trained: Levels with the cheese in the training region.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        out: Folder for summary.json, the rows and a picture.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.policies.agents import agent_mode, load_network, training_region
    from maze_interp.report.values import write_values
    from maze_interp.studies.values import ValueAgreement
    from maze_interp.sweeps.levels import LevelSet
    from maze_interp.sweeps.selection import parse_seeds

    network, kind, region = load_network(agent), mode or agent_mode(agent), training_region(agent)
    anywhere = ValueAgreement(network, agent, LevelSet(parse_seeds(seeds), kind), region)
    as_trained = ValueAgreement(network, agent, LevelSet(parse_seeds(trained), kind, region), region)
    for line in write_values(anywhere, as_trained, out, workers, scheduler):
        print(line)
