"""`report`: the sweeps, every study that takes part, and the questions, on one page."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.errors import Unmeasurable
from maze_interp.mazes.maze import DistributionMode
from maze_interp.policies.agents import load_network
from maze_interp.policies.placement import Device, Precision
from maze_interp.questions.page import questions_result
from maze_interp.report.context import FULL, Context
from maze_interp.report.headline import headline_lines, headline_numbers
from maze_interp.report.page import render
from maze_interp.results.estimates import INTERVAL
from maze_interp.results.files import write_json, write_whole
from maze_interp.results.run_directory import run_directory
from maze_interp.studies.agent_study import NetworkOptions
from maze_interp.studies.registry import STUDIES
from maze_interp.studies.result import Result
from maze_interp.studies.runner import begin_study
from maze_interp.studies.section import Section
from maze_interp.studies.study import Study
from maze_interp.sweeps.experiment import each_once
from maze_interp.sweeps.provenance import provenance
from maze_interp.sweeps.selection import seeds_name
from maze_interp.sweeps.spread import check_workers, cluster

PAGE = "report.html"


def build_report(
    agent: str = DEFAULT_AGENT,
    out: Path = Path("runs/report"),
    levels: int = FULL,
    mode: DistributionMode | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    device: Device = "auto",
    precision: Precision = "float32",
) -> list[str]:
    """Measure an agent and write `report.html` and `summary.json` to `out`, and every study to a folder in it.

    A stopped report is resumed; the files do not depend on the workers. While a study is measured, a worker draws what
    was measured before. Each of the held-out levels is measured with the cheese in the training region and anywhere.

    Returns:
        the main figures, one line each.

    Raises:
        MazeInterpError: no such agent, fewer than one level, a folder of another run, or no scheduler at the address.
    """
    check_workers(workers, scheduler)
    context = Context(agent, levels, mode, out, device, precision)
    settings = report_settings(context)
    with (
        run_directory(out, settings),
        cluster(workers, scheduler),
        each_once(),
        tqdm(total=len(context.sweeps) + len(STUDIES), unit="part", desc="report") as bar,
    ):
        swept = []
        for name, sweep in context.sweeps.items():
            swept.append(begin_study(sweep, context.folder(name), workers, scheduler))
            bar.update()
        sections = [finish() for finish in swept][-1:]
        begun = []
        for make in STUDIES.values():
            study = make.for_report(agent, mode, context.share, {name: context.folder(name) for name in context.sweeps})
            if isinstance(study, NetworkOptions):
                study = context.placed(study)
            if study is not None:
                begun.append(_begin(study, out / study.name, workers, scheduler))
            bar.update()
        questions = Section.of(questions_result(agent, context.mode))
        sections += [*(finish() for finish in begun), questions]
        return _write(context, {**settings, "command": report_command(context)}, sections)


def report_settings(context: Context) -> dict[str, Any]:
    """What decides the figures of a report, as plain JSON values."""
    return {
        "study": "report",
        **provenance(load_network(context.agent, context.device, context.precision), context.agent),
        "mode": context.mode,
        "region": context.region,
        "seeds": seeds_name(context.sweeps["anywhere"].seeds),
    }


def _begin(study: Study, out: Path, workers: int | None, scheduler: str | None) -> Callable[[], Section]:
    """What finishes the study and returns its section; where too few levels qualify, one that says so."""
    try:
        begun = begin_study(study, out, workers, scheduler)
    except Unmeasurable as error:
        return partial(_not_measured, study, error)

    def finish() -> Section:
        try:
            return begun()
        except Unmeasurable as error:
            return _not_measured(study, error)

    return finish


def _not_measured(study: Study, error: Unmeasurable) -> Section:
    return Section.of(Result(f"Not measured: {error}.", name=study.name, title=study.title, command=study.command()))


def _write(context: Context, settings: dict[str, Any], sections: Sequence[Section]) -> list[str]:
    numbers = headline_numbers(context)
    figures = {"headline": numbers} | {section.name: section.numbers for section in sections}
    write_json(context.out / "summary.json", {**settings, "interval": INTERVAL, "figures": figures})
    write_whole(context.out / PAGE, render(context, numbers, sections, settings))
    return headline_lines(context, numbers)


def report_command(context: Context) -> str:
    """The command that makes the report."""
    options = ["--mode", context.given_mode] if context.given_mode else []
    options += [] if context.device == "auto" else ["--device", context.device]
    options += [] if context.precision == "float32" else ["--precision", context.precision]
    return shlex.join(["maze-interp", "report", "--agent", context.agent, "--levels", str(context.levels), *options])
