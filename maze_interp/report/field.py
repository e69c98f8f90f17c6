"""`field`: one maze's vector field and exact behaviour as a picture, a table and a summary."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from maze_interp.edits.base import Edit
from maze_interp.mazes.maze import Maze
from maze_interp.measure.behaviour import Behaviour, behaviour
from maze_interp.measure.field import VectorField
from maze_interp.plots.field import behaviour_figure, change_figure
from maze_interp.plots.style import save
from maze_interp.policies.moves import MOVES
from maze_interp.results.files import write_whole
from maze_interp.results.run_directory import run_directory
from maze_interp.sweeps.provenance import provenance


def write_field(policy: nn.Module, agent: str, maze: Maze, edits: Sequence[Edit], out: Path) -> list[str]:
    """Write `field.png`, `field.csv` and `summary.json`, with the edits' change if there are any.

    Args:
        policy: the network.
        agent: its name, for the record.
        maze: the maze.
        edits: changes to the network; none for the field alone.
        out: the run's folder.

    Returns:
        the main figures in words, one line each.

    Raises:
        MazeInterpError: the folder belongs to another run.
    """
    settings = {
        "command": "field",
        **provenance(policy, agent),
        "seed": maze.seed,
        "mode": maze.distribution_mode,
        "maze": maze.to_ascii().splitlines(),
        "edits": [repr(edit) for edit in edits],
    }
    with run_directory(out, settings):
        results = {"before": behaviour(policy, maze)}
        figure = behaviour_figure(results["before"])
        if edits:
            results["after"] = behaviour(policy, maze, edits)
            figure = change_figure(results["before"].field, results["after"].field)
        save(figure, out / "field.png")
        table = pd.concat(_rows(result.field).assign(policy=name) for name, result in results.items())
        write_whole(out / "field.csv", table.to_csv(index=False, lineterminator="\n"))
        figures = {name: _figures(result) for name, result in results.items()}
        write_whole(out / "summary.json", json.dumps({**settings, "figures": figures}, indent=1) + "\n")
    lines = [
        f"{name}: {figure} {value:.4f}"
        for name, some in figures.items()
        for figure, value in some.items()
        if value is not None
    ]
    return [*lines, f"written to {out}"]


def _rows(field: VectorField) -> pd.DataFrame:
    squares = pd.DataFrame(field.squares, columns=["x", "y"])
    return pd.concat(
        [squares, pd.DataFrame(field.probs, columns=list(MOVES)), pd.Series(field.value, name="value")], axis=1
    )


def _figures(result: Behaviour) -> dict[str, Any]:
    """Exact figures of one maze; they carry no interval because nothing is sampled."""
    choices = result.maze.decision_square is not None
    return {
        "p_cheese": result.p_cheese,
        "p_top_right": result.p_top_right,
        "p_region": result.p_region,
        "expected_steps": result.expected_steps,
        "decision_p_cheese": result.field.p_cheese if choices else None,
        "decision_p_top_right": result.field.p_top_right if choices else None,
    }
