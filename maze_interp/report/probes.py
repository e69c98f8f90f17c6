"""`probe`: fit, draw, and try the probes as edits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from maze_interp.mazes.maze import WORLD_SIZE
from maze_interp.plots.probe_maps import edits_figure
from maze_interp.plots.probes import write_pictures
from maze_interp.plots.style import save
from maze_interp.probing.directions import run_edits
from maze_interp.probing.plan import ProbeStudy
from maze_interp.probing.study import result_lines, run_study


def write_probes(study: ProbeStudy, out: Path, edit_layer: str | None, edit_levels: int) -> Iterator[str]:
    """Run a study and write its tables, `summary.json` and pictures.

    Args:
        study: what is asked.
        out: the run's folder.
        edit_layer: also try the probes of this layer as edits; None for no layer's.
        edit_levels: levels of that, the next after the store's.

    Yields:
        the main figures in words, a line each, those of the probes before their edits are tried.

    Raises:
        MazeInterpError: as `run_study` and `run_edits`.
    """
    tables = run_study(study, out)
    write_pictures(tables, out, WORLD_SIZE[study.store.settings["mode"]])
    yield from result_lines(tables.scores)
    if edit_layer is not None:
        save(edits_figure(run_edits(study, edit_layer, edit_levels, out / "edits")), out / "edits.png")
    yield f"written to {out}"
