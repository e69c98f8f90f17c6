"""`agents list | show | import`."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Literal

from maze_interp.studies.options import Positive


def agents_list() -> None:
    """List the agents at hand: what each was trained on and how, and how often it reaches the cheese."""
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    from maze_interp.bundled import DEFAULT_AGENT
    from maze_interp.policies.agents import list_agents

    table = Table(Column("agent", no_wrap=True), "levels", "cheese in training", "reached", "anywhere", "training")
    agents = list_agents()
    for name, agent in agents[agents["problem"] == ""].iterrows():
        region = agent["region"]
        cells = [
            f"{name} (default)" if name == DEFAULT_AGENT else str(name),
            agent["mode"],
            (f"top-right {region}×{region}" if isinstance(region, int) else region) or "not recorded",
            *("" if isnan(agent[where]) else f"{agent[where]:.2f}" for where in ("success", "anywhere")),
            agent["training"],
        ]
        table.add_row(*map(Text, cells))
    Console().print(table)
    for name, problem in agents.loc[agents["problem"] != "", "problem"].items():
        print(f"{name} cannot be used: {problem}")


def agents_show(agent: str) -> None:
    """Show one agent's card.

    Args:
        agent: Name of the agent.
    """
    from maze_interp.policies.agents import agent_info, load_policy
    from maze_interp.policies.checkpoints import agent_hash

    info = agent_info(agent)
    print(info.card)
    print(f"Folder {info.path}, weights {agent_hash(load_policy(agent))}")


def agents_import(
    checkpoint: Path, name: str, mode: Literal["easy", "hard"] = "hard", region: Positive | None = None
) -> None:
    """Copy a foreign checkpoint to agents/NAME in this folder, as safetensors with a config and a card.

    Args:
        checkpoint: A .pth, .pt or .safetensors file with the weights of a maze policy.
        name: What to call the agent: letters, digits and . _ + -.
        mode: The levels it was trained on.
        region: n, if its cheese lay in the top-right n×n in training.
    """
    from maze_interp.policies.agents import import_agent

    print(f"imported to {import_agent(checkpoint, name, mode, region)}")
