"""A gallery of levels: the field of each, with what the agent does there against what is usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from maze_interp.errors import MazeInterpError
from maze_interp.measure.field import VectorField, vector_fields
from maze_interp.plots.field import draw_field
from maze_interp.plots.maze import maze_title
from maze_interp.plots.style import new_figure, styled
from maze_interp.sweeps.groups import surprises
from maze_interp.sweeps.sweep import LevelSweep


class Exhibit(NamedTuple):
    """One level of a gallery: its vector field, the exact P(cheese), and what is usual there, see `surprises`."""

    field: VectorField
    p_cheese: float
    usual: float


def surprises_figure(run: LevelSweep, levels: pd.DataFrame, region: int | None = None, count: int = 3) -> Figure:
    """The `count` least and most surprising levels of a sweep with these rows, with their vector fields.

    Raises:
        MazeInterpError: no level can be compared with another.
    """
    least, most = (_exhibits(run, rows) for rows in surprises(levels, count))
    return gallery_figure({"least surprising": least, "most surprising": most}, region)


def has_surprises(levels: pd.DataFrame) -> bool:
    """Whether any level can be compared with others at its distance."""
    return len(surprises(levels, 1)[0]) > 0


@styled
def gallery_figure(rows: Mapping[str, Sequence[Exhibit]], region: int | None = None) -> Figure:
    """Draw named rows of levels side by side.

    Raises:
        MazeInterpError: no row has a level.
    """
    shown = {name: exhibits for name, exhibits in rows.items() if exhibits}
    if not shown:
        raise MazeInterpError("there are no levels to show in a gallery")
    columns = max(map(len, shown.values()))
    figure = new_figure(3.3 * columns, 3.75 * len(shown) + 0.4)
    bands = figure.subfigures(len(shown), 1, squeeze=False).ravel()
    for band, (name, exhibits) in zip(bands, shown.items(), strict=True):
        band.suptitle(name, x=0.01, ha="left", fontweight="bold", fontsize=11)
        panels = band.subplots(1, columns, squeeze=False)[0]
        for axes, exhibit in zip(panels, exhibits, strict=False):
            marks = draw_field(axes, exhibit.field, region, labels=False)
            figures = f"P(cheese) {exhibit.p_cheese:.1%}, usual {exhibit.usual:.1%}"
            axes.set_title(f"{maze_title(exhibit.field.maze)}\n{figures}", fontsize=9)
        for axes in panels[len(exhibits) :]:
            axes.remove()
    figure.legend(handles=marks, loc="outside lower left", ncols=5)
    return figure


def _exhibits(run: LevelSweep, rows: pd.DataFrame) -> list[Exhibit]:
    fields = vector_fields(run.policy, (run.levels.maze(int(seed)) for seed in rows["seed"]), run.edits)
    return [Exhibit(*each) for each in zip(fields, rows["p_cheese"], rows["usual"], strict=True)]
