"""`agents list | show | import`."""

from __future__ import annotations

import re
import textwrap
from math import isnan
from pathlib import Path
from typing import Literal

from maze_interp.studies.options import Positive

FOOT = """
region: the top-right n×n squares where the cheese lay in training
solve rate: P(cheese) on held-out levels with the cheese in the region
anywhere: P(cheese) on held-out levels with the cheese anywhere"""


def agents_list() -> None:
    """List the agents at hand: the region and the method of training, and how often each reaches the cheese."""
    from maze_interp.bundled import DEFAULT_AGENT
    from maze_interp.policies.agents import list_agents

    agents = list_agents()
    usable = agents[agents["problem"] == ""]
    labels = {name: f"{name}{' (default)' if name == DEFAULT_AGENT else ''}" for name in usable.index}
    width = max(map(len, labels.values()))
    print(f"{'agent':{width}}  levels  {'region':12}  solve rate  anywhere")
    for name, agent in usable.iterrows():
        region = agent["region"]
        where = (f"{region}×{region}" if isinstance(region, int) else region) or "not recorded"
        rates = ["" if isnan(agent[levels]) else f"{agent[levels]:.2f}" for levels in ("success", "anywhere")]
        print(f"{labels[name]:{width}}  {agent['mode']:6}  {where:12}  {rates[0]:>10}  {rates[1]:>8}")
        print(textwrap.fill(_in_short(agent["training"]), 80, initial_indent="    ", subsequent_indent="    "))
    print(FOOT)
    for name, problem in agents.loc[agents["problem"] != "", "problem"].items():
        print(f"{name} cannot be used: {problem}")


def _in_short(training: str) -> str:
    """How an agent was trained, in about a line: `agents show` prints the whole."""
    return re.sub(r" \([^)]*\)", "", training).replace("from the weights of", "from")


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
