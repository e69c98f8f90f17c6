"""`field`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def field(
    seed: int = 0,
    agent: str = DEFAULT_AGENT,
    region: str = "anywhere",
    mode: Literal["easy", "hard"] | None = None,
    maze: Path | None = None,
    edit: Path | None = None,
    out: Path = Path("runs/field"),
) -> None:
    """Draw one level's vector field, and, under an edit, the field before, after and the difference.

    Args:
        seed: The level.
        agent: Name of an agent, or a .safetensors or .pth file.
        region: Where the cheese lies: anywhere (procgen's own), none, or n for a random square of the top-right n×n.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        maze: A text file with a drawn maze to use instead of a level ('#' wall, '.' open, 'C' cheese, 'M' start).
        edit: A YAML file of edits to the network.
        out: Folder for field.png, field.csv and summary.json.
    """
    from maze_interp.edits import load
    from maze_interp.policies.agents import agent_mode, load_policy
    from maze_interp.report.field import write_field
    from maze_interp.sweeps.levels import LevelSet, read_maze
    from maze_interp.sweeps.selection import parse_cheese, parse_seeds

    policy = load_policy(agent)
    distribution_mode = mode or agent_mode(agent)
    if maze is None:
        level = LevelSet(parse_seeds(str(seed)), distribution_mode, parse_cheese(region)).maze(seed)
    else:
        level = read_maze(maze, distribution_mode, seed)
    for line in write_field(policy, agent, level, load(edit) if edit else (), out):
        print(line)
