"""`channels`: what a layer's channels respond to, chosen on some levels and reported on others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from maze_interp.errors import MazeInterpError
from maze_interp.plots.responses import Mark, excitation_figure, moved_figure, scores_figure
from maze_interp.plots.style import save
from maze_interp.results.estimates import estimate
from maze_interp.studies.channels.responses import Responses, strongest
from maze_interp.studies.channels.scores import tracking_counts, tracking_scores
from maze_interp.studies.channels.tracking import TARGETS, Maps, mean_maps
from maze_interp.sweeps.experiment import run_experiment, write_figures
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.spread import cluster

_PAGE = 8  # channels in one picture of the gallery
_KEPT = 10  # observations of each channel and sign in the table
_MOVES = 5  # squares of the cheese in the picture of one maze


@dataclass(frozen=True, eq=False)
class ChannelStudy:
    """A finished run of each experiment.

    Attributes:
        choosing: the experiment that channels are chosen by, with untrained networks.
        reporting: the same on other levels, of the agent alone.
        chosen: the table of `choosing`.
        reported: the table of `reporting`.
    """

    choosing: Responses
    reporting: Responses
    chosen: pd.DataFrame
    reported: pd.DataFrame

    @cached_property
    def tracking(self) -> pd.DataFrame:
        """Rows of `tracking_scores` that track, best first."""
        scores = tracking_scores(self.chosen)
        return scores[scores["tracks"]]

    @cached_property
    def counts(self) -> pd.DataFrame:
        """`tracking_counts` on the levels to choose on."""
        return tracking_counts(self.chosen)

    @cached_property
    def mean(self) -> Maps:
        """Mean map of every channel on the levels to report."""
        one = self.reporting
        return mean_maps(one.policy, one.layer, map(one.levels.maze, one.levels.seeds), one.placements)

    def marks(self, target: str) -> list[Mark]:
        """Channels and signs that track a target, best first."""
        rows = self.tracking.loc[self.tracking["target"] == target, ["channel", "sign"]]
        return [(int(channel), int(sign)) for channel, sign in rows.itertuples(index=False)]

    def figures(self, target: str) -> dict[str, Any]:
        """How many channels track the target, and how well the best one does on the other levels."""
        agent, untrained = self.counts.loc[0, target], self.counts.drop(0)[target]
        found: dict[str, Any] = {
            "channels": len(self.mean),
            "tracking": int(agent),
            "tracking_untrained_mean": float(untrained.mean()),
            "tracking_untrained_most": int(untrained.max()),
        }
        for channel, sign in self.marks(target)[:1]:
            rows = self.reported[(self.reported["channel"] == channel) & (self.reported["sign"] == sign)]
            share, chance = rows[f"{target}_share"], rows[f"{target}_chance"]
            found["best"] = {"channel": channel, "sign": sign, "share": estimate(share), "chance": estimate(chance)}
            found["best"]["score"] = estimate(share.to_numpy() - chance.to_numpy())
        return found

    def scores_picture(self) -> Figure:
        """See `scores_figure`."""
        return scores_figure(self.reported, self.chosen, self.tracking)

    def gallery(self, marks: list[Mark]) -> Figure:
        """See `excitation_figure`; each row is headed by what the channel tracks."""
        one = self.reporting
        notes = {mark: self._note(mark) for mark in marks}
        return excitation_figure(one.policy, one.layer, one.levels, self.reported, self.mean, notes)

    def moved_picture(self, channels: list[int]) -> Figure:
        """See `moved_figure`: the largest of the mazes to report, the cheese on squares from all over it."""
        one = self.reporting
        maze = max(map(one.levels.maze, one.levels.seeds), key=lambda maze: maze.size)
        squares = [square for square in maze.squares if square != maze.start]
        spread = [squares[(2 * i + 1) * len(squares) // (2 * _MOVES)] for i in range(_MOVES)]
        return moved_figure(one.policy, one.layer, maze, list(dict.fromkeys(spread)), channels)

    def _note(self, mark: Mark) -> str:
        rows = self.tracking[(self.tracking["channel"] == mark[0]) & (self.tracking["sign"] == mark[1])]
        found = [f"{target} {score:.2f}" for target, score in zip(rows["target"], rows["score"], strict=True)]
        return ", ".join(found) or "tracks nothing"


def study_channels(
    choosing: Responses, levels: LevelSet, out: Path, workers: int | None = None, scheduler: str | None = None
) -> ChannelStudy:
    """Run, or go on with, both experiments, in `out/chosen` and `out/reported`.

    Args:
        choosing: on the levels to choose on.
        levels: to report on.
        out: the folder.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Raises:
        MazeInterpError: a level is both chosen and reported on, or see `run_experiment`.
    """
    if set(choosing.levels.seeds) & set(levels.seeds):
        raise MazeInterpError(
            f"channels chosen on levels {choosing.levels.name} cannot be reported on {levels.name}; take other levels"
        )
    reporting = Responses(choosing.policy, choosing.agent, levels, choosing.layer, choosing.placements, untrained=0)
    with cluster(workers, scheduler):
        chosen = run_experiment(choosing, out / "chosen")
        reported = run_experiment(reporting, out / "reported")
    return ChannelStudy(choosing, reporting, chosen, reported)


def write_channels(study: ChannelStudy, out: Path) -> list[str]:
    """Write the figures, tables and pictures of a study.

    Returns:
        the main figures in words, one line per target.
    """
    figures = {target: study.figures(target) for target in TARGETS}
    settings = {
        **study.reporting.settings,
        "chosen_on": study.choosing.levels.name,
        "untrained": study.choosing.untrained,
    }
    write_figures(out, settings, figures, {"scores": scores_table(study), "strongest": _strongest(study)})
    save(study.scores_picture(), out / "scores.png")
    if cheese := [channel for channel, _ in study.marks("cheese")]:
        save(study.moved_picture(list(dict.fromkeys(cheese))[:4]), out / "cheese_moved.png")
    signs = study.tracking.groupby("channel", sort=False)["sign"].first()  # the one it tracks something best with
    for first in range(0, len(study.mean), _PAGE):
        marks = [(channel, signs.get(channel, 1)) for channel in range(first, min(first + _PAGE, len(study.mean)))]
        save(study.gallery(marks), out / f"gallery_{first:03}.png")
    return [_line(target, one) for target, one in figures.items()]


def scores_table(study: ChannelStudy) -> pd.DataFrame:
    """A row per channel, sign and target: chosen or not, and share, chance and score on the other levels."""
    rows = []
    for row in tracking_scores(study.chosen).itertuples(index=False):
        mine = study.reported[(study.reported["channel"] == row.channel) & (study.reported["sign"] == row.sign)]
        score = estimate(mine[f"{row.target}_share"] - mine[f"{row.target}_chance"])
        rows.append(
            {
                "channel": row.channel,
                "sign": row.sign,
                "target": row.target,
                "tracks": row.tracks,
                "p": row.p,
                "as_good_untrained": row.as_good_untrained,
                "score_chosen": row.score,
                **score.as_dict(),
                "share": mine[f"{row.target}_share"].mean(),
                "chance": mine[f"{row.target}_chance"].mean(),
                "cheese_value": mine["cheese_value"].median(),
            }
        )
    return pd.DataFrame(rows).rename(columns={"mean": "score"})


def _strongest(study: ChannelStudy) -> pd.DataFrame:
    """The observations that excite each channel most, with either sign."""
    columns = ["channel", "sign", "seed", "peak", "row", "column", "mouse_x", "mouse_y", "cheese_x", "cheese_y"]
    marks = study.reported[["channel", "sign"]].drop_duplicates().itertuples(index=False)
    return pd.concat(strongest(study.reported, channel, sign, _KEPT) for channel, sign in marks)[columns]


def _line(target: str, figures: dict[str, Any]) -> str:
    line = (
        f"{target}: {figures['tracking']} of {figures['channels']} channels track it; of an untrained network "
        f"{figures['tracking_untrained_mean']:.1f} on average, {figures['tracking_untrained_most']} at most"
    )
    if best := figures.get("best"):
        line += f"; channel {best['channel']}: {best['share']}, by chance {best['chance'].mean:.3f}"
    return line
