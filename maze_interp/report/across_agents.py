"""`compare`: sweep several agents, or take sweeps that are there, and set them side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import WORLD_SIZE, DistributionMode
from maze_interp.measure.behaviour import HORIZON
from maze_interp.plots.across_agents import coefficients_figure, measures_figure, region_figure, studies_figure
from maze_interp.plots.style import save
from maze_interp.policies.agents import agent_mode, load_policy, training_region
from maze_interp.policies.architectures import new_network
from maze_interp.policies.references import Reference
from maze_interp.probing.controls import untrained_like
from maze_interp.results.estimates import Estimate
from maze_interp.results.files import write_whole
from maze_interp.results.run_directory import run_directory
from maze_interp.studies.across_agents import (
    UNTRAINED,
    Sweeps,
    by_name,
    by_region,
    differences,
    measures,
    name_of,
)
from maze_interp.studies.agent_fits import FITS
from maze_interp.studies.side_by_side import study_figures
from maze_interp.studies.statistics import published
from maze_interp.studies.statistics.data import FinishedSweep, read_sweep
from maze_interp.studies.statistics.fits import FULL, Effort
from maze_interp.sweeps.experiment import Experiment, run_experiment
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.selection import parse_seeds
from maze_interp.sweeps.spread import cluster, ordered
from maze_interp.sweeps.sweep import LevelSweep

Tables = dict[str, pd.DataFrame]
Planned = tuple[LevelSweep | FinishedSweep, int]
"""A sweep to run or one that is there, and the n of the region outside which its cheese counts as outside."""


def parse_agents(text: str) -> list[tuple[str, DistributionMode]]:
    """Agents with commas between them, each with the mode of its levels: its own, or that named after a colon.

    Raises:
        MazeInterpError: an unknown agent.
    """
    found: list[tuple[str, DistributionMode]] = []
    for part in filter(None, map(str.strip, text.split(","))):
        agent, _, mode = part.rpartition(":")
        found.append((agent, mode) if agent and mode in WORLD_SIZE else (part, agent_mode(part)))  # type: ignore[arg-type]
    return found


def planned(
    agents: Sequence[tuple[str, DistributionMode]], finished: Sequence[FinishedSweep], seeds: str
) -> list[Planned]:
    """What is compared, in order: the agents' sweeps to run, those there are, and an untrained network for each mode.

    Returns:
        a pair for each. The untrained network has the region and the levels of the first agent in its mode, of these
        no more than `seeds` are.

    Raises:
        MazeInterpError: an unknown agent, or as `by_name`.
    """
    some = parse_seeds(seeds)
    plan: list[Planned] = [
        (LevelSweep(load_policy(agent), agent, LevelSet(some, mode)), training_region(agent)) for agent, mode in agents
    ]
    plan += [(sweep, sweep.region) for sweep in finished]
    by_name([FinishedSweep(one.settings, pd.DataFrame(), region) for one, region in plan])
    firsts: dict[str, Planned] = {}
    for one, region in plan:
        firsts.setdefault(one.settings["mode"], (one, region))
    control = untrained_like(new_network("1"))
    for one, region in firsts.values():
        levels = (
            LevelSet(one.levels["seed"].tolist(), one.settings["mode"])
            if isinstance(one, FinishedSweep)
            else one.levels
        )
        few = replace(levels, seeds=levels.seeds[: len(some)])
        plan.append((LevelSweep(control, UNTRAINED, few, (), one.settings.get("horizon", HORIZON)), region))
    return plan


def write_comparison(
    plan: Sequence[Planned],
    out: Path,
    effort: Effort = FULL,
    workers: int | None = None,
    scheduler: str | None = None,
    studies: int = 0,
) -> list[str]:
    """Run the sweeps that are missing, and write `summary.json`, tables and pictures.

    Args:
        plan: from `planned`.
        out: the run's folder; the sweeps lie in `sweeps` in it.
        effort: how much the fits compute.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.
        studies: held-out levels of each of the other studies (`maze_interp.studies.side_by_side`); 0 for none.

    Returns:
        the main figures in words, one line each.

    Raises:
        MazeInterpError: the folder is another run's, or the scheduler does not answer.
    """
    agents = [{**one.settings, "region": region} for one, region in plan]
    versions = {package: version(package) for package in ("maze-interp", "numpy", "scipy", "scikit-learn")}
    effects = {"repeats": effort.repeats, "refits": effort.refits}
    settings = {"command": "compare", "versions": versions, **effects, "studies": studies, "agents": agents}
    with run_directory(out, settings):
        with cluster(workers, scheduler):
            sweeps = by_name([swept(one, region, out / "sweeps") for one, region in plan])
            fits, unfitted = _fitted(sweeps, effort)
            others = other_studies(plan, studies, out / "studies") if studies else {}
        tables = compared(sweeps) | fits | others
        for name, table in tables.items():
            write_whole(out / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
        _write_summary(out, settings, tables, unfitted)
        save(measures_figure(tables["measures"]), out / "measures.png")
        save(region_figure(tables["by_region"]), out / "by_region.png")
        if others:
            save(studies_figure(tables["studies"]), out / "studies.png")
        if len(fits["coefficients"]):
            save(coefficients_figure(fits["coefficients"]), out / "coefficients.png")
    return [*_lines(tables, unfitted), f"written to {out}"]


def compared(sweeps: Sweeps, of: str | None = None) -> Tables:
    """The tables that need no fits; differences of one agent from the others, or of all from one another."""
    return {"measures": measures(sweeps), "by_region": by_region(sweeps), "differences": differences(sweeps, of)}


def file_name(name: str) -> str:
    """A folder's name for an agent's in the tables."""
    return name.translate(str.maketrans(" ", "-", "(),"))


def swept(one: LevelSweep | FinishedSweep, region: int, folder: Path) -> FinishedSweep:
    """A planned sweep, run to its end in a folder of its own in `folder` unless it is there already."""
    if isinstance(one, FinishedSweep):
        return one
    out = folder / file_name(name_of(one.settings))
    run_experiment(one, out)
    return read_sweep(out, region=region)


def other_studies(plan: Sequence[Planned], count: int, out: Path) -> Tables:
    """The other studies of the agents that are swept here; of a sweep that was there the network is not at hand.

    Returns:
        `studies`: a row per agent and figure: agent, agent_hash, mode, region, figure, n, mean, low, high.
    """
    rows = []
    for one, region in plan:
        if isinstance(one, FinishedSweep) or isinstance(one.policy, Reference):
            continue
        mode, name = one.levels.distribution_mode, name_of(one.settings)
        run = partial(_run, out / file_name(name))
        figures = study_figures(one.policy, one.agent, mode, region, count, run)
        who = {"agent": name, "agent_hash": one.settings["agent_hash"], "mode": mode, "region": region}
        rows += [{**who, "figure": figure, **found.as_dict()} for figure, found in figures.items()]
    return {"studies": pd.DataFrame(rows)}


def _run(folder: Path, part: str, experiment: Experiment) -> pd.DataFrame:
    return run_experiment(experiment, folder / part)


def _fitted(sweeps: Sweeps, effort: Effort) -> tuple[Tables, dict[str, str]]:
    """The tables of fits; and of each agent that nothing can be fitted to, why."""
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in FITS}
    unfitted: dict[str, str] = {}
    jobs = [(agent, name) for agent in sweeps for name in FITS]
    with cluster() as client:
        results = tqdm(ordered(client, _fit, (dict(sweeps), effort), jobs), total=len(jobs), unit="fit", desc="fits")
        for (agent, name), result in zip(jobs, results, strict=True):
            if isinstance(result, str):
                unfitted[agent] = result
            else:
                result.insert(0, "agent", agent)
                found[name].append(result)
    tables = {name: pd.concat(some, ignore_index=True) if some else pd.DataFrame() for name, some in found.items()}
    return tables, unfitted


def _fit(shared: tuple[Sweeps, Effort], job: tuple[str, str]) -> pd.DataFrame | str:
    (sweeps, effort), (agent, name) = shared, job
    try:
        return FITS[name](sweeps[agent], effort)
    except MazeInterpError as error:
        return str(error)


def _write_summary(out: Path, settings: dict[str, Any], tables: Tables, unfitted: dict[str, str]) -> None:
    figures = {name: json.loads(table.to_json(orient="records", double_precision=15)) for name, table in tables.items()}
    summary = {
        **settings,
        "interval": "95%, over levels: bootstrap of 2000 resamples for means, of `refits` for what is fitted; seed 0",
        "published": published.AGENT,
        "not_fitted": unfitted,
        "figures": figures,
    }
    write_whole(out / "summary.json", json.dumps(summary, indent=1, ensure_ascii=False) + "\n")


def _lines(tables: Tables, unfitted: dict[str, str]) -> list[str]:
    lines = []
    for agent, rows in tables["measures"].groupby("agent", sort=False):
        first = rows.iloc[0]
        lines.append(f"{agent}, {first.agent_hash}, region {first.region}×{first.region}, seeds {first.seeds}")
        lines += [f"  {row['measure']}: {estimate_of(row)}" for _, row in rows.iterrows()]
        if agent in unfitted:
            lines.append(f"  not fitted: {unfitted[str(agent)]}")
        else:
            points = tables["change_points"].query("agent == @agent")
            lines += [f"  {row.variable}: {row.verdict}" for row in points.itertuples()]
        if "studies" in tables:
            mine = tables["studies"].query("agent == @agent")
            lines += [f"  {row['figure']}: {estimate_of(row)}" for _, row in mine.iterrows()]
    return lines


def estimate_of(row: pd.Series) -> Estimate:
    """The figure in a row with n, mean, low, high."""
    mean, low, high = (None if pd.isna(row[end]) else float(row[end]) for end in ("mean", "low", "high"))
    return Estimate(int(row["n"]), mean, low, high)
