"""`statistics`."""

from __future__ import annotations

from pathlib import Path


def statistics(
    sweep: Path = Path("runs/sweep"),
    agent: str | None = None,
    region: int | None = None,
    out: Path = Path("runs/statistics"),
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """What predicts whether the agent takes the cheese, from a finished sweep: tables and pictures.

    Regressions on the eleven distances with the published study's numbers beside, curves over distance with a
    fitted change point, and the maze's layout; on levels with a decision square and the cheese outside the
    training region. Stop it at any moment; the same command goes on where it was.

    Args:
        sweep: Folder that maze-interp sweep wrote, with the cheese anywhere.
        agent: Refuse a sweep of any other agent; whichever it is of unless given.
        region: The n of the training region, the top-right n×n; the agent's own unless given.
        out: Folder for summary.json, tables and pictures.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.plots.statistics import write_pictures
    from maze_interp.statistics.data import read_sweep
    from maze_interp.statistics.study import headlines, run_statistics

    tables = run_statistics(read_sweep(sweep, agent, region), out, workers=workers, scheduler=scheduler)
    write_pictures(tables, out)
    for line in headlines(tables):
        print(line)
    print(f"written to {out}")
