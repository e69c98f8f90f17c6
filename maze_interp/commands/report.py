"""`report`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.policies.placement import Device, Precision
from maze_interp.studies.options import Positive


def report(
    agent: str = DEFAULT_AGENT,
    out: Path = Path("runs/report"),
    levels: Positive = 1000,
    mode: Literal["easy", "hard"] | None = None,
    workers: Positive | None = None,
    scheduler: str | None = None,
    device: Device = "auto",
    precision: Precision = "float32",
) -> None:
    """Measure an agent on held-out levels, run every study, and write one page with figures and pictures.

    A stopped report is resumed by the same command.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        out: Folder for report.html, summary.json, tables and pictures.
        levels: Levels, each measured with the cheese as in training and with the cheese anywhere.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler, tcp://host:port, to use instead of processes here.
        device: Where the network runs, cpu or cuda; auto is a GPU if there is one.
        precision: Precision of the network: float32, or bfloat16, which is less exact and faster on some hardware.
    """
    from maze_interp.report.build import PAGE, build_report

    lines = build_report(agent, out, levels, mode, workers, scheduler, device, precision)
    print(*lines, f"written to {out / PAGE}", sep="\n")
