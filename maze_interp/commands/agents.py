"""`agents list | show | import`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def agents_list() -> None:
    """List the agents at hand: what each was trained on, and how."""
    from rich.console import Console
    from rich.table import Table

    from maze_interp.bundled import DEFAULT_AGENT
    from maze_interp.policies.agents import agent_folders, agent_info

    table = Table("agent", "levels", "cheese in training", "training")
    for name in sorted(agent_folders()):
        info = agent_info(name)
        square = f"top-right {info.region}×{info.region}" if isinstance(info.region, int) else info.region
        where = square or "not recorded"
        table.add_row(
            name + (" (default)" if name == DEFAULT_AGENT else ""), info.distribution_mode, where, info.training
        )
    Console().print(table)


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
    checkpoint: Path, name: str, mode: Literal["easy", "hard"] = "hard", region: int | None = None
) -> None:
    """Copy a foreign checkpoint to agents/NAME in this folder, as safetensors with a config and a card.

    Args:
        checkpoint: A .pth, .pt or .safetensors file with the weights of an IMPALA maze policy.
        name: What the agent shall be called.
        mode: The levels it was trained on.
        region: n, if its cheese lay in the top-right n×n in training.
    """
    from maze_interp.policies.agents import import_agent

    print(f"imported to {import_agent(checkpoint, name, mode, region)}")
