"""`report`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.studies.options import Positive


def report(
    agent: str = DEFAULT_AGENT,
    out: Path = Path("runs/report"),
    levels: Positive = 1000,
    mode: Literal["easy", "hard"] | None = None,
    workers: Positive | None = None,
    scheduler: str | None = None,
) -> None:
    """Measure an agent on held-out levels, run every study, and write one page with figures and pictures.

    A stopped report is resumed by the same command.

    Args:
        agent: Name of an agent, or a .safetensors or .pth file.
        out: Folder for report.html, summary.json, tables and pictures.
        levels: Levels, each measured with the cheese as in training and with the cheese anywhere.
        mode: Distribution of levels; the agent's own unless given (hard for a file).
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.report.build import PAGE, build_report

    print(*build_report(agent, out, levels, mode, workers, scheduler), f"written to {out / PAGE}", sep="\n")
