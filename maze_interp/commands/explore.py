"""`explore`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.studies.options import Positive


def explore(
    agent: str = DEFAULT_AGENT,
    seeds: str = "900000000:900000006",
    mode: Literal["easy", "hard"] | None = None,
    edits: Path | None = None,
    out: Path = Path("runs/explore"),
    workers: Positive | None = None,
    scheduler: str | None = None,
) -> None:
    """Measure levels with the cheese on every square, and write a page that shows where the agent goes.

    The figures are exact and lie in the page, which needs neither network nor server: the cheese is moved by hand,
    and the network shown as it is or edited. A stopped run is resumed by the same command and ends in the same files.

    Args:
        agent: Name of an agent or of a reference policy, or a .safetensors or .pth file.
        seeds: Levels, first:end, the end not included.
        mode: Distribution of levels; the agent's own unless given (hard for a file or a reference policy).
        edits: A YAML file of edits to the network, shown beside the agent as it is.
        out: Folder for explorer.html, explored.csv and summary.json.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.edits import load
    from maze_interp.explorer.page import write_explorer
    from maze_interp.explorer.record import Explored
    from maze_interp.policies.agents import agent_mode, load_policy, training_region
    from maze_interp.sweeps.levels import LevelSet
    from maze_interp.sweeps.selection import parse_seeds

    levels = LevelSet(parse_seeds(seeds), mode or agent_mode(agent))
    experiment = Explored(load_policy(agent), agent, levels, tuple(load(edits)) if edits else ())
    for line in write_explorer(experiment, training_region(agent), out, workers, scheduler):
        print(line)
