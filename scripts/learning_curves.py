"""Draw the learning curves of the bundled agents: of their finishing runs, and of imitation.

    python scripts/learning_curves.py

The finishing runs are those whose curriculum goes by success; they measure it on new levels, size by size.
"""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from maze_interp.commands.options import run_script
from maze_interp.mazes.maze import WORLD_SIZE
from maze_interp.plots.style import BLACK, BLUE, DPI, PURPLE, VERMILLION, styled
from maze_interp.policies.agents import AgentInfo, agent_info, list_agents
from maze_interp.training.checkpoint import read_log

ROOT = Path(__file__).parent.parent
_ACROSS = 3  # panels in a row
_COLOURS = {"all sizes": BLUE, "largest size": VERMILLION}


@styled
def main(out: Path = ROOT / "docs") -> None:
    """Draw `learning_curves.png` and `imitation_curves.png`.

    Args:
        out: The folder of the pictures.
    """
    pyplot.switch_backend("agg")
    infos = [agent_info(name) for name in list_agents().index]
    finishing(infos).savefig(out / "learning_curves.png", dpi=DPI, metadata={"Software": None})
    imitation(infos).savefig(out / "imitation_curves.png", dpi=DPI, metadata={"Software": None})


def finishing(infos: list[AgentInfo]) -> Figure:
    """Success against core hours: a panel for each run, with all sizes alike and the largest alone."""
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
    return figure


def imitation(infos: list[AgentInfo]) -> Figure:
    """Share of wrong moves against observations, both by the logarithm, of each imitation run of hard levels."""
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    hard = [info for info in infos if info.distribution_mode == "hard" and "samples" in (info.run or {})]
    for info, colour in zip(hard, cycle((BLUE, VERMILLION, PURPLE, BLACK)), strict=False):
        lines = log(info)
        optimiser = "Muon" if (info.run or {}).get("muon") else "AdamW"
        wrong = [1 - line["greedy_accuracy"] for line in lines]
        axes.loglog([line["samples"] for line in lines], wrong, color=colour, label=f"{info.name}, {optimiser}")
    axes.set(xlabel="observations of this run", ylabel="most probable move wrong, share of observations")
    axes.grid(visible=True, which="both")
    axes.legend()
    return figure


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
    sizes = [(line["core_seconds"] / 3600, line["success_by_size"]) for line in log(info) if "success_by_size" in line]
    largest = str(WORLD_SIZE[info.distribution_mode])
    points = [(hours, np.mean(list(by_size.values())), by_size.get(largest, np.nan)) for hours, by_size in sizes]
    return np.array(points, float)


def log(info: AgentInfo) -> list[dict[str, Any]]:
    """The lines of an agent's learning curve."""
    return read_log(info.path / "curve.jsonl")


if __name__ == "__main__":
    run_script(main)
