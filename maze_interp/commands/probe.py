"""`probe`.

The function is not called `probe`, for the same reason as `record_store`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def probe_store(
    store: Path = Path("runs/record"),
    layer: str = "all",
    target: str = "cheese_square_world,cheese_square_maze,cheese_square_mouse,mouse_square_world,cheese_here,wall",
    agent: str | None = None,
    folds: int = 1,
    levels: int | None = None,
    reader: Literal["ridge-classes", "logistic", "ridge"] = "ridge-classes",
    kernel: Literal[1, 3] = 1,
    top_channels: str | None = None,
    without_controls: bool = False,
    edit_layer: str | None = None,
    edit_levels: int = 100,
    save: Path | None = None,
    out: Path = Path("runs/probe"),
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Fit and compare probes from a store: what each layer says about cheese, mouse, maze and the way.

    Levels are split, never observations; the picture itself, an untrained network and random labels are
    always scored beside. Stop it at any moment; the same command goes on where it was.

    Args:
        store: Folder of a store made by record.
        layer: Recorded layers, separated by commas, or all; the picture itself (pixels) is always probed too.
        target: What to ask, separated by commas; an unknown name lists those there are.
        agent: Name or file of the agent that was recorded; the one named in the store unless given.
        folds: 1 holds out a quarter of the levels; k holds out each level once, in k fits.
        levels: Use the store's first so many levels; all unless given.
        reader: How coordinates are read: as classes, by least squares (ridge-classes) or logistic regression
            (logistic), or as numbers (ridge).
        kernel: Side of the patch of positions that questions about single squares are read from.
        top_channels: Also read only so many best channels, chosen in the training part: numbers separated by commas.
        without_controls: Fit neither the controls nor the learning curve.
        edit_layer: Also try the probes of this layer as edits that move the represented cheese.
        edit_levels: Levels of that, the next after the store's.
        save: Folder to save fitted probes under, as <agent>/<layer>/<target>.
        out: Folder for summary.json, tables and pictures.
        workers: Processes on this machine; one per core unless given.
        scheduler: Address of a dask scheduler to use instead, tcp://host:port.
    """
    from maze_interp.probing.plan import channel_numbers, make_study
    from maze_interp.report.probes import write_probes
    from maze_interp.sweeps.spread import cluster

    layers, targets = ([name.strip() for name in some.split(",")] for some in (layer, target))
    study = make_study(
        store, layers, targets, agent,
        folds=folds, levels=levels, reader=reader, kernel=kernel, controls=not without_controls, save=save,
        top_channels=channel_numbers(top_channels) if top_channels else (),
    )  # fmt: skip
    with cluster(workers, scheduler):
        for line in write_probes(study, out, edit_layer, edit_levels):
            print(line)
