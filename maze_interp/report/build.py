"""`report`: measure, draw, write the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from maze_interp.bundled import DEFAULT_AGENT
from maze_interp.mazes.maze import DistributionMode
from maze_interp.plots.style import save
from maze_interp.report.page import render
from maze_interp.report.section import Section
from maze_interp.report.sections import SECTIONS
from maze_interp.report.study import FULL, Study, make_study
from maze_interp.results.estimates import Estimate
from maze_interp.results.files import write_whole
from maze_interp.results.run_directory import run_directory
from maze_interp.sweeps.provenance import provenance
from maze_interp.sweeps.spread import cluster


def build_report(
    agent: str = DEFAULT_AGENT,
    out: Path = Path("runs/report"),
    levels: int = FULL,
    mode: DistributionMode | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
) -> Path:
    """Measure an agent and write `report.html`, `summary.json`, pictures and tables to `out`.

    Stopped at any moment, the same call goes on where it was; the files do not depend on the
    workers.

    Args:
        agent: a name in `agents/`, or the path of a checkpoint.
        out: the folder.
        levels: held-out levels, each measured with the cheese in the training region and anywhere.
        mode: distribution of levels; the agent's own unless given (hard for a checkpoint).
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the path of the page.

    Raises:
        MazeInterpError: no such agent, fewer than one level, a folder of another run, or no
            scheduler at the address.
    """
    study = make_study(agent, out, levels, mode)
    settings = {
        "command": study.command("report", levels=levels),
        **provenance(study.policy, agent),
        "mode": study.mode,
        "region": study.region,
        "seeds": study.anywhere_sweep.levels.name,
    }
    sweeps = (study.trained_sweep, study.anywhere_sweep)
    parts = len(sweeps) + len(SECTIONS) + 1
    with (
        run_directory(out, settings),
        cluster(workers, scheduler),
        tqdm(total=parts, unit="part", desc="report") as bar,
    ):
        for sweep in sweeps:
            study.measure(sweep)
            bar.update()
        sections = []
        for make_section in SECTIONS:
            sections.append(make_section(study))
            bar.update()
        page = _write(study, settings, sections)
        bar.update()
    return page


_HEADLINES = {
    "trained": "P(cheese), cheese in the top-right {region}×{region}",
    "outside": "P(cheese), cheese elsewhere",
    "same_mazes": "P(cheese), the same mazes, cheese in the top-right {region}×{region}",
    "exit_cheese": "first leaves the decision square towards the cheese",
    "exit_top_right": "first leaves the decision square towards the corner",
}


def headlines(out: Path) -> list[str]:
    """The main figures of a finished report, one line each: mean, 95% interval, number of levels."""
    summary = json.loads((out / "summary.json").read_text())
    lines = []
    for name, words in _HEADLINES.items():
        if figure := summary["figures"]["headline"].get(name):
            found = Estimate(**{key: figure[key] for key in ("n", "mean", "low", "high")})
            lines.append(f"{words.format(region=summary['region'])}: {found}")
    return lines


def _write(study: Study, settings: dict[str, Any], sections: Sequence[Section]) -> Path:
    for section in sections:
        for picture in section.pictures:
            save(picture.figure, study.out / "pictures" / f"{picture.name}.png")
        for table in section.tables:
            path = study.out / "tables" / f"{table.name}.csv"
            path.parent.mkdir(exist_ok=True)
            write_whole(path, table.csv())
    figures = {section.name: {name: number.as_dict for name, number in section.numbers.items()} for section in sections}
    summary = {**settings, "interval": "95%, bootstrap over levels, 2000 resamples, seed 0", "figures": figures}
    write_whole(study.out / "summary.json", json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
    page = study.out / "report.html"
    title = f"Where does {study.name} go?"
    write_whole(page, render(title, _facts(settings), sections))
    return page


def _facts(settings: dict[str, Any]) -> dict[str, str]:
    versions = ", ".join(f"{name} {version}" for name, version in settings["versions"].items())
    return {"Made by": settings["command"], "Agent's weights": settings["agent_hash"], "Versions": versions}
