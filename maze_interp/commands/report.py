"""`report`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT


def report(
    agent: str = DEFAULT_AGENT,
    out: Path = Path("runs/report"),
    levels: int = 1000,
    mode: Literal["easy", "hard"] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """The main job: measure an agent on held-out levels and write one page with figures and pictures.

    Stop it at any moment; the same command goes on where it was.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        out: Folder for report.html, summary.json, tables and pictures.
        levels: Levels, each measured with the cheese as in training and with the cheese anywhere.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.report.build import build_report, headlines

    page = build_report(agent, out, levels, mode, workers, scheduler)
    for line in headlines(out):
        print(line)
    print(f"written to {page}")
