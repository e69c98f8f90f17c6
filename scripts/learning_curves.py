"""Draw the learning curves of the bundled agents whose runs measured success on new levels, size by size.

    python scripts/learning_curves.py

Those are the runs of the finishing curriculum, which goes by success.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from numpy.typing import NDArray

from maze_interp.commands.options import run_script
from maze_interp.mazes.maze import WORLD_SIZE
from maze_interp.plots.style import BLUE, DPI, VERMILLION, styled
from maze_interp.policies.agents import AgentInfo, agent_info, list_agents

ROOT = Path(__file__).parent.parent
_ACROSS = 3  # panels in a row
_COLOURS = {"all sizes": BLUE, "largest size": VERMILLION}


@styled
def main(out: Path = ROOT / "docs" / "learning_curves.png") -> None:
    """Draw success against core hours: a panel for each run, with all sizes alike and the largest alone.

    Args:
        out: The picture.
    """
    pyplot.switch_backend("agg")
    infos = map(agent_info, list_agents().index)
    curves = [(info, points) for info in infos if len(points := curve(info))]
    down = -(-len(curves) // _ACROSS)
    figure, panels = pyplot.subplots(down, _ACROSS, figsize=(9, 2.1 * down + 0.6), sharey=True, layout="constrained")
    for panel in panels.flat[len(curves) :]:
        panel.set_visible(False)
    for panel, (info, points) in zip(panels.flat, curves, strict=False):
        draw(panel, info, points)
    figure.supxlabel("core hours of this run")
    figure.supylabel("P(cheese) on new levels, moving average")
    figure.legend(*panels.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    figure.savefig(out, dpi=DPI, metadata={"Software": None})


def draw(panel: Axes, info: AgentInfo, points: NDArray[np.float64]) -> None:
    """One run; the dot is the agent's success on 400 held-out levels, all sizes."""
    hours, *values = points.T
    for (what, colour), line in zip(_COLOURS.items(), values, strict=True):
        panel.plot(hours, line, color=colour, label=what)
    panel.plot(
        hours[-1:], np.array([info.success], float), "o", color=BLUE, clip_on=False, label="held-out levels, all sizes"
    )
    panel.set_title(info.name, fontsize="medium")
    panel.set(ylim=(0.5, 1), xlim=(0, None))
    panel.grid(visible=True)


def curve(info: AgentInfo) -> NDArray[np.float64]:
    """Core hours, mean success over the sizes, and success at the largest, at each checkpoint; `[n, 3]`."""
    lines = [json.loads(line) for line in (info.path / "curve.jsonl").read_text(encoding="utf-8").splitlines()]
    sizes = [(line["core_seconds"] / 3600, line["success_by_size"]) for line in lines if "success_by_size" in line]
    largest = str(WORLD_SIZE[info.distribution_mode])
    points = [(hours, np.mean(list(by_size.values())), by_size.get(largest, np.nan)) for hours, by_size in sizes]
    return np.array(points, float)


if __name__ == "__main__":
    run_script(main)
