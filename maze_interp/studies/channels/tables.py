"""What channels track: chosen on some levels, measured on others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from maze_interp.results.estimates import estimate
from maze_interp.results.tables import cells
from maze_interp.studies.channels.responses import strongest
from maze_interp.studies.channels.scores import tracking_counts, tracking_scores
from maze_interp.studies.channels.tracking import TARGETS

Mark = tuple[int, int]
"""A channel and the sign of its peak."""

_KEPT = 10  # observations of each channel and sign in the table


def mark_name(mark: Mark) -> str:
    """The channel's number, with an arrow if it marks things with its lowest value."""
    return f"{mark[0]}{'' if mark[1] > 0 else '↓'}"


@dataclass(frozen=True, eq=False)
class Findings:
    """Rows of `Responses`, and what follows from them.

    Attributes:
        chosen: on the levels that channels are chosen on, of the agent and of untrained networks.
        reported: on other levels, of the agent alone.
    """

    chosen: pd.DataFrame
    reported: pd.DataFrame

    @cached_property
    def scores(self) -> pd.DataFrame:
        """`tracking_scores` on the levels to choose on."""
        return tracking_scores(self.chosen)

    @cached_property
    def tracking(self) -> pd.DataFrame:
        """The rows of `scores` that track, best first."""
        return self.scores[self.scores["tracks"]]

    @cached_property
    def counts(self) -> pd.DataFrame:
        """`tracking_counts` on the levels to choose on."""
        return tracking_counts(self.chosen)

    @property
    def channels(self) -> int:
        """Channels of the layer."""
        return int(self.reported["channel"].nunique())

    def marks(self, target: str) -> list[Mark]:
        """Channels and signs that track a target, best first."""
        rows = self.tracking.loc[self.tracking["target"] == target, ["channel", "sign"]]
        return [(int(channel), int(sign)) for channel, sign in rows.itertuples(index=False)]

    def of(self, mark: Mark) -> pd.DataFrame:
        """The reported rows of a channel and sign, one per level."""
        return self.reported[(self.reported["channel"] == mark[0]) & (self.reported["sign"] == mark[1])]

    def numbers(self, target: str) -> dict[str, Any]:
        """How many channels track the target, and how well the best one does on the other levels."""
        agent, untrained = self.counts.loc[0, target], self.counts.drop(0)[target]
        numbers: dict[str, Any] = {
            "channels": self.channels,
            "tracking": int(agent),
            "tracking_untrained_mean": float(untrained.mean()),
            "tracking_untrained_most": int(untrained.max()),
        }
        for mark in self.marks(target)[:1]:
            rows = self.of(mark)
            share, chance = rows[f"{target}_share"], rows[f"{target}_chance"]
            numbers["best"] = {
                **{"channel": mark[0], "sign": mark[1], "share": estimate(share), "chance": estimate(chance)},
                "score": estimate(share - chance, "number"),
            }
        return numbers

    def note(self, mark: Mark) -> str:
        """What a channel tracks with a sign, and its scores."""
        rows = self.tracking[(self.tracking["channel"] == mark[0]) & (self.tracking["sign"] == mark[1])]
        scores = [f"{target} {score:.2f}" for target, score in zip(rows["target"], rows["score"], strict=True)]
        return ", ".join(scores) or "tracks nothing"

    def target_table(self) -> pd.DataFrame:
        """A row per target: how many channels track it, which, and hits of the best one beside chance."""
        rows = []
        for target in TARGETS:
            numbers = self.numbers(target)
            row = {
                "target": target,
                "tracking": numbers["tracking"],
                "untrained_mean": numbers["tracking_untrained_mean"],
                "untrained_most": numbers["tracking_untrained_most"],
                "channels": " ".join(dict.fromkeys(map(mark_name, self.marks(target)))),
            }
            best = numbers.get("best", dict.fromkeys(("share", "chance"), estimate([])))
            rows.append({**row, **cells("share", best["share"]), **cells("chance", best["chance"])})
        return pd.DataFrame(rows)

    def score_table(self) -> pd.DataFrame:
        """A row per channel, sign and target: chosen or not, and share, chance and score on the other levels."""
        rows = []
        for row in self.scores.itertuples(index=False):
            mine = self.of((row.channel, row.sign))
            share, chance = mine[f"{row.target}_share"], mine[f"{row.target}_chance"]
            rows.append(
                {
                    "channel": row.channel,
                    "sign": row.sign,
                    "target": row.target,
                    "tracks": row.tracks,
                    "p": row.p,
                    "as_good_untrained": row.as_good_untrained,
                    "score_chosen": row.score,
                    **estimate(share - chance, "number").as_dict(),
                    "share": share.mean(),
                    "chance": chance.mean(),
                    "cheese_value": mine["cheese_value"].median(),
                }
            )
        return pd.DataFrame(rows).rename(columns={"mean": "score"})

    def strongest_table(self) -> pd.DataFrame:
        """The observations with the most extreme values of each channel, with either sign."""
        columns = ["channel", "sign", "seed", "peak", "row", "column", "mouse_x", "mouse_y", "cheese_x", "cheese_y"]
        marks = self.reported[["channel", "sign"]].drop_duplicates().itertuples(index=False)
        return pd.concat(strongest(self.reported, channel, sign, _KEPT) for channel, sign in marks)[columns]
