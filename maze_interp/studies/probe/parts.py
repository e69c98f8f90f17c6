"""The parts of a run, one for each layer and target: measured or read back, and their fitted probes saved."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from maze_interp.probing.files import read_probe, save_probe, saved_probes
from maze_interp.results.files import write_whole
from maze_interp.studies.probe.measure import measure
from maze_interp.studies.probe.plan import Plan
from maze_interp.studies.probe.tables import gathered
from maze_interp.studies.runner import Run
from maze_interp.sweeps.spread import cluster, ordered

PROBES = "probes"
"""Folder of a run's fitted probes, those of the first fold."""


def run_parts(plan: Plan, run: Run) -> dict[str, pd.DataFrame]:
    """The tables `tables.TABLES` of a plan; what an earlier run has finished is not fitted again.

    Raises:
        MazeInterpError: a layer or target that does not exist or has no two different labels, or activations that are
            not finite.
    """
    files = {job: run.folder / "parts" / f"{'.'.join(job)}.json" for job in plan.jobs}
    missing = [job for job, file in files.items() if not file.exists()]
    with (
        cluster(run.workers, run.scheduler) as client,
        tqdm(total=len(files), initial=len(files) - len(missing), unit="probe") as bar,
    ):
        for job, measured in zip(missing, ordered(client, measure, plan, missing), strict=True):
            for saved in measured.probes:
                saved.write(run.folder / PROBES)
            write_whole(files[job], json.dumps(measured.tables) + "\n")
            bar.update()
    return gathered([json.loads(file.read_text()) for file in files.values()])


def save_probes(run: Run, into: Path) -> None:
    """Save the fitted probes of a run under another folder, too."""
    for folder in saved_probes([run.folder / PROBES]).values():
        card, probe = read_probe(folder)
        save_probe(probe, card, into)
