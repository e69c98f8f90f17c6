"""Targets put to layers: one table of scores, with every control beside them, resumed after any stop."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from maze_interp.probing.examples import KNOWN
from maze_interp.probing.measuring import measure
from maze_interp.probing.outcomes import measure_outcomes
from maze_interp.probing.plan import ProbeStudy
from maze_interp.probing.scoring import MAIN
from maze_interp.results.estimates import Estimate
from maze_interp.results.files import write_whole
from maze_interp.results.run_directory import run_directory
from maze_interp.sweeps.experiment import write_figures
from maze_interp.sweeps.spread import cluster, ordered


@dataclass(frozen=True)
class Tables:
    """What a study found.

    Attributes:
        scores: a row per figure: layer, network (`"agent"` or `"untrained"`), target, labels
            (`"true"`, `"shuffled"`, `"random"` ones per level, or `"majority"` for the guess without features),
            training_levels, part (of the observations), metric, n (levels), value, low, high.
        places: accuracy by the cheese's square in procgen's world: layer, target, x, y, levels, n, accuracy.
        channels: layer, target, channel, share of what the probe says that comes from it (`channel_shares`).
    """

    scores: pd.DataFrame
    places: pd.DataFrame
    channels: pd.DataFrame


def run_study(study: ProbeStudy, out: Path, workers: int | None = None, scheduler: str | None = None) -> Tables:
    """Fit and score every target at every layer, or go on with a run that was stopped.

    Args:
        study: what to ask.
        out: the run's folder, for `summary.json`, `probes.csv`, `places.csv`, `channels.csv`, and what a resumed
            run needs.
        workers: local processes, None for one per core, 1 for this process itself.
        scheduler: address of a dask scheduler to use instead.

    Raises:
        MazeInterpError: a layer or target that does not exist or has nothing to learn from, fewer levels than
            folds, activations that are not finite; the folder is another run's.
    """
    jobs = study.jobs
    with run_directory(out, study.settings):
        if study.needs_agent:
            seeds = range(study.seeds[0], study.seeds[-1] + 1)
            outcomes = measure_outcomes(study.store, study.policy, seeds, out / "outcomes", workers, scheduler)
            study = replace(study, outcomes=outcomes)
        files = [out / "parts" / f"{layer}.{target}.json" for layer, target in jobs]
        files[0].parent.mkdir(exist_ok=True)
        missing = [(job, file) for job, file in zip(jobs, files, strict=True) if not file.exists()]
        with tqdm(total=len(jobs), initial=len(jobs) - len(missing), unit="probe") as bar:
            results = _results(study, [job for job, _ in missing], workers, scheduler)
            for (_, file), result in zip(missing, results, strict=True):
                write_whole(file, json.dumps(result) + "\n")
                bar.update()
        tables = _gathered([json.loads(file.read_text()) for file in files])
        write_figures(
            out,
            study.settings,
            main_figures(tables.scores),
            {"probes": tables.scores, "places": tables.places, "channels": tables.channels},
        )
    return tables


def _gathered(parts: Sequence[Mapping[str, Any]]) -> Tables:
    names = [field.name for field in fields(Tables)]
    return Tables(*(pd.DataFrame([row for part in parts for row in part[name]]) for name in names))


def main_figures(scores: pd.DataFrame) -> dict[str, Any]:
    """The figures of every layer and target, and the main one of each control: layer → target → name → figure."""
    found: dict[str, Any] = {}
    whole = scores[scores["part"] == "all"]
    for row in whole.astype(object).where(whole.notna(), None).to_dict("records"):
        control = row["labels"] if row["network"] == "agent" else row["network"]
        if control == "true" or row["metric"] == main_metric(row["target"]):
            name = row["metric"] if control == "true" else control
            figure = {"mean": row["value"], **{key: row[key] for key in ("low", "high", "n", "training_levels")}}
            found.setdefault(row["layer"], {}).setdefault(row["target"], {})[name] = figure
    return found


def main_metric(target: str) -> str:
    """The metric that stands for a target in pictures and summaries."""
    return MAIN[KNOWN[target].kind]


def result_lines(scores: pd.DataFrame) -> list[str]:
    """The main figures in words, a line for each layer and target."""
    lines = []
    for layer, targets in main_figures(scores).items():
        for target, figures in targets.items():
            names = (main_metric(target), "x_accuracy", "y_accuracy", "located")
            shown = {name: figures[name] for name in names if name in figures}
            own = ", ".join(f"{name.replace('_', ' ')} {_estimate(one)}" for name, one in shown.items())
            beside = ", ".join(
                f"{name} {figures[name]['mean']:.3f}"
                for name in ("untrained", "majority", "shuffled")
                if name in figures and figures[name]["mean"] is not None
            )
            lines.append(f"{target} at {layer}: {own}; {beside}")
    return lines


def _estimate(figure: Mapping[str, Any]) -> Estimate:
    return Estimate(**{key: figure[key] for key in ("n", "mean", "low", "high")})


def _results(
    study: ProbeStudy, jobs: list[tuple[str, str]], workers: int | None, scheduler: str | None
) -> Iterator[dict[str, Any]]:
    if not jobs:
        return
    if workers == 1 and scheduler is None:
        yield from (measure(study, job) for job in jobs)
        return
    with cluster(workers, scheduler) as client:
        yield from ordered(client, measure, study, jobs)
