"""`patch`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def patch(
    agent: str = DEFAULT_AGENT,
    kind: Literal["cheese-to-corner", "cheese-moved", "cheese-removed", "corner-path"] = "cheese-to-corner",
    layers: str = "studied",
    seeds: str = "900000000:900000100",
    mode: Literal["easy", "hard"] | None = None,
    out: Path = Path("runs/patch"),
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Patch activations from a maze that differs in one thing, and find the fewest that carry the effect.

    The recipient is a level with its cheese outside the agent's training region and a decision square;
    the donor is the same level with its cheese in the top-right corner, elsewhere, or gone, or with a
    path opened to the corner of the world. Effects are on the moves at the decision square and, exactly,
    on whole episodes.

    Stop it at any moment; the same command goes on where it was and ends in the same files.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        kind: What the donor has that the recipient has not.
        layers: Layers by module path, separated by commas, or studied, main, outputs, trunk or all.
        seeds: Levels, first:end, the end not included; those that make no such pair are left out.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        out: Folder for summary.json, tables, pictures, and rows by level.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.policies.agents import agent_mode, load_network, training_region
    from maze_interp.policies.network import parse_layers
    from maze_interp.report.patching import write_patching
    from maze_interp.studies.patch_study import Patching
    from maze_interp.sweeps.levels import LevelSet
    from maze_interp.sweeps.selection import parse_seeds

    levels = LevelSet(parse_seeds(seeds), mode or agent_mode(agent))
    policy = load_network(agent)
    patching = Patching(policy, agent, levels, kind, training_region(agent), parse_layers(policy, layers))
    for line in write_patching(patching, out, workers, scheduler):
        print(line)
