"""`record`: activations and labels of many levels in a store."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def record_store(
    agent: str = DEFAULT_AGENT,
    seeds: str = "0:100",
    region: str = "anywhere",
    mode: Literal["easy", "hard"] | None = None,
    layers: str = "studied",
    squares: int | None = None,
    facing: Literal["left", "both"] = "both",
    dtype: Literal["float32", "float16"] = "float32",
    out: Path = Path("runs/record"),
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Record activations and labels over many levels into an HDF5 store.

    Stop it at any moment; the same command goes on where it was and ends in the same content.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        seeds: Levels, first:end, the end not included.
        region: Where the cheese lies: anywhere (as in procgen), none, or n for a random square of the top-right n×n.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        layers: Layers by module path, separated by commas, or studied, main, outputs, trunk or all.
        squares: Squares of each level, drawn by its seed; every open square but the cheese's unless given.
        facing: Ways the mouse faces: left (as levels start) or both.
        dtype: Precision of the activations.
        out: Folder for the shards and summary.json.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.environment.observe import FACINGS
    from maze_interp.policies.agents import agent_mode, load_network
    from maze_interp.policies.network import parse_layers
    from maze_interp.recording.recorder import record
    from maze_interp.recording.recording import Recording
    from maze_interp.sweeps.levels import LevelSet
    from maze_interp.sweeps.selection import parse_cheese, parse_seeds

    levels = LevelSet(parse_seeds(seeds), mode or agent_mode(agent), parse_cheese(region))
    facings = FACINGS if facing == "both" else FACINGS[:1]
    policy = load_network(agent)
    recording = Recording(policy, agent, levels, parse_layers(policy, layers), squares, facings, dtype)
    store = record(recording, out, workers, scheduler)
    print(f"{len(store)} observations of {len(store.levels)} levels")
    print(f"written to {out}")
