"""`explore --export`: the cheese on every square of some levels, recorded once, as a page to play with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import to_hex

from maze_interp.errors import MazeInterpError
from maze_interp.explorer.record import NETWORKS, NO_VALUE, PLAIN, Explored
from maze_interp.mazes.constructed import cheese_everywhere
from maze_interp.mazes.maze import Maze
from maze_interp.plots.style import HEAT, PROBABILITY
from maze_interp.policies.names import agent_label
from maze_interp.results.estimates import INTERVAL, Estimate, estimate
from maze_interp.results.files import write_json, write_whole
from maze_interp.results.run_directory import RECORD
from maze_interp.studies.section import template
from maze_interp.sweeps.experiment import run_experiment

_COLOURS = 32  # steps of a colour map on the page


def write_explorer(
    experiment: Explored, region: int, page: Path, workers: int | None = None, scheduler: str | None = None
) -> list[str]:
    """Run the experiment and write its page, which needs nothing beside it.

    Its table and `summary.json` go into the folder of the page's name without `.html`.

    Args:
        experiment: what is recorded.
        region: the n of the top-right n×n that is outlined.
        page: the page, a name ending in `.html`.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the main figures in words, one line each.

    Raises:
        MazeInterpError: another ending, or the folder is another run's.
    """
    if page.suffix != ".html":
        raise MazeInterpError(f"a page is written to a name ending in .html, not {page}")
    out = page.with_suffix("")
    if page.exists() and not (page.is_file() and (out / RECORD).exists()):
        raise MazeInterpError(f"{page} is there and not the page of a run in {out}; choose another name")
    rows = run_experiment(experiment, out, workers, scheduler)
    figures = explored_figures(rows)
    summary = {**experiment.settings, "region": region, "interval": INTERVAL, "figures": {"p_cheese": figures}}
    write_json(out / "summary.json", summary)
    write_whole(page, explorer_page(experiment, rows, region))
    lines = [f"P(cheese), cheese on a random square, {network}: {one}" for network, one in figures.items()]
    return [*lines, f"written to {page}"]


def explored_figures(rows: pd.DataFrame) -> dict[str, Estimate]:
    """By network the mean over levels of P(cheese) with the cheese on a random open square but the start."""
    with_cheese = rows.dropna(subset=["x"])
    by_level = with_cheese.groupby(["network", "seed"], sort=False)["p_cheese"].mean()
    return {network: estimate(by_level[network]) for network in NETWORKS if network in by_level}


def explorer_page(experiment: Explored, rows: pd.DataFrame, region: int) -> str:
    """The page.

    Args:
        experiment: what was recorded.
        rows: its table.
        region: the n of the top-right n×n that is outlined.
    """
    settings = experiment.settings
    levels = [
        _level(experiment.levels.maze(int(str(seed))), some, region) for seed, some in rows.groupby("seed", sort=False)
    ]
    data = {"levels": levels, "colours": {name: _colours(name) for name in (PROBABILITY, HEAT)}, "noValue": NO_VALUE}
    agent = f"{agent_label(settings['agent'])} ({settings['agent_hash']})"
    return template("maze_interp.explorer", "explorer.html").render(
        agent=agent, mode=settings["mode"], region=region, plain=PLAIN, edits=settings["edits"], data=data
    )


def _level(maze: Maze, rows: pd.DataFrame, region: int) -> dict[str, Any]:
    """What the page holds of a level; a place of the cheese is its number among the open squares, −1 for none."""
    squares = maze.squares
    number = {square: i for i, square in enumerate(squares)} | {(-1, -1): -1}
    places = rows[["x", "y"]].fillna(-1).astype(int).itertuples(index=False)
    columns = ["network", "p_cheese", "p_top_right", "moves", "to_cheese", "to_corner", "squares"]
    records = rows[columns].astype(object).where(rows[columns].notna(), None).to_dict("records")
    return {
        "seed": maze.seed,
        "size": maze.size,
        "region": min(region, maze.size),
        "squares": squares,
        "start": number[maze.start],
        "corner": number[maze.top_right],
        "cheese": -1 if maze.cheese is None else number[maze.cheese],
        "networks": [network for network in NETWORKS if (rows["network"] == network).any()],
        "records": [{"place": number[x, y], **row} for (x, y), row in zip(places, records, strict=True)],
        "decision": {
            number[one.cheese]: number[one.decision_square]
            for one in cheese_everywhere(maze)
            if one.cheese is not None and one.decision_square is not None
        },
    }


def _colours(name: str) -> list[str]:
    return [to_hex(colour) for colour in colormaps[name](np.linspace(0, 1, _COLOURS))]
