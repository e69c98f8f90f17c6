"""`record`: activations and labels of many levels in a store."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.policies.placement import Device, Precision
from maze_interp.results.numbers import counted
from maze_interp.studies.options import Cheese, Mode, Names, Positive, Seeds


def record(
    agent: str = DEFAULT_AGENT,
    seeds: Seeds = range(100),
    region: Cheese = "anywhere",
    mode: Mode | None = None,
    layers: Names = ("studied",),
    squares: Positive | None = None,
    facing: Literal["left", "both"] = "both",
    dtype: Literal["float32", "float16"] = "float32",
    out: Path = Path("runs/record"),
    workers: Positive | None = None,
    scheduler: str | None = None,
    device: Device = "auto",
    precision: Precision = "float32",
) -> None:
    """Record activations and labels over many levels into an HDF5 store.

    Stop it at any moment; the same command goes on where it was and ends in the same content.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        seeds: Levels, first:end, the end not included.
        region: Where the cheese lies: anywhere (procgen's own), none, half (procgen's own in levels of even seed, none
            in the others), or n for a random square of the top-right n×n.
        mode: Distribution of levels, easy or hard; the agent's own unless given (hard for a file).
        layers: Layers by module path, such as embedder.block2.res1.resadd, or a group: studied, main, outputs,
            trunk or all.
        squares: Squares of each level, drawn by its seed; every open square but the cheese's unless given.
        facing: Ways the mouse faces: left (as levels start) or both.
        dtype: Precision of the activations.
        out: Folder for the shards and summary.json.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler, tcp://host:port, to use instead of processes here.
        device: Where the network runs, cpu or cuda; auto is a GPU if there is one.
        precision: Precision of the network: float32, or bfloat16, which is less exact and faster on some hardware.
    """
    from maze_interp.environment.observe import FACINGS
    from maze_interp.policies.agents import agent_mode, load_network
    from maze_interp.policies.network import parse_layers
    from maze_interp.recording import recorder
    from maze_interp.recording.recording import Recording
    from maze_interp.sweeps.levels import LevelSet

    policy, levels = load_network(agent, device, precision), LevelSet(seeds, mode or agent_mode(agent), region)
    facings = FACINGS if facing == "both" else FACINGS[:1]
    recording = Recording(policy, agent, levels, parse_layers(policy, ",".join(layers)), squares, facings, dtype)
    store = recorder.record(recording, out, workers, scheduler)
    print(counted(len(store), "observation"), "of", counted(len(store.levels), "level"))
    print(f"written to {out}")
