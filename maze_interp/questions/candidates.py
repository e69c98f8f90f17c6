"""The edits that a search chooses from, and their effects on levels.

Channels are ranked by what each is needed for at the decision square; a family makes edits of the best few of them, or
of the cheese vector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from maze_interp.edits.base import Edit
from maze_interp.edits.kinds import Add, Resample, Scale, Zero
from maze_interp.edits.observations import Observations
from maze_interp.edits.vectors import cheese_vector
from maze_interp.environment.levels import region_maze
from maze_interp.mazes.maze import Maze
from maze_interp.measure.decision import decision, evaluate_at, unseen, visited
from maze_interp.measure.evaluate import Evaluation
from maze_interp.policies.hooks import DEFAULT_LAYER
from maze_interp.policies.network import PolicyNetwork
from maze_interp.studies.ablate.effects import level_effects
from maze_interp.studies.ablate.measure import REFERENCE
from maze_interp.sweeps.experiment import Experiment

Direction = Literal["less", "more"]

FAMILIES = ("ablation", "scaling", "resampling", "cheese-vector", "cheese-channels", "patch")
"""Zeroing channels; multiplying them; taking them from another level; adding the level's cheese vector; zeroing or
multiplying the channels that track the cheese; and running the layer as if the level had no cheese."""

SETS = (1, 2, 4, 8)
"""How many of the best channels are edited together."""

FACTORS: dict[Direction, tuple[float, ...]] = {"less": (-1.0, -3.0), "more": (2.0, 4.0)}

COEFFICIENTS: dict[Direction, tuple[float, ...]] = {"less": (-0.5, -1.0, -2.0, -4.0), "more": (0.5, 1.0, 2.0, 4.0)}


@dataclass(frozen=True)
class Candidate:
    """An edit that can be made on any level: of one of `FAMILIES`, on channels of a layer, or without any on all of it.

    The amount is a scaling's factor, a vector's coefficient, 0 for what is removed.
    """

    family: str
    layer: str
    channels: tuple[int, ...] = ()
    amount: float = 0.0

    def edits(self, policy: PolicyNetwork, maze: Maze) -> tuple[Edit, ...]:
        """The edit on a level; none for a patch, which is no edit of one run."""
        if self.family == "cheese-vector":
            return (Add(self.layer, cheese_vector(policy, maze, self.layer), self.amount),)
        if self.family == "resampling":
            source = Observations(REFERENCE, maze.distribution_mode, "all")
            return (Resample(self.layer, self.channels, source=source, seed=maze.seed),)
        if self.amount:
            return (Scale(self.layer, self.channels, factor=self.amount),)
        return (Zero(self.layer, self.channels),) if self.channels else ()

    def __str__(self) -> str:
        if self.family == "patch":
            return f"{self.layer} as without cheese"
        if self.family == "cheese-vector":
            return f"{self.amount:+g} × cheese vector at {self.layer}"
        done = f"times {self.amount:g}" if self.amount else "resampled" if self.family == "resampling" else "zeroed"
        return f"channels {', '.join(map(str, self.channels))} of {self.layer} {done}"


UNEDITED = -1
"""Number of the network as it is."""


@dataclass(frozen=True)
class CandidateEffects(Experiment):
    """What candidates do, a row per candidate and one for the network as it is, on levels with a decision square.

    Columns: move probabilities at the decision square; over whole episodes the exact probabilities of reaching the
    cheese and the top-right corner; and that of reaching a cheese in the training region of the same maze under the
    same edit (`region_p_cheese`).

    Attributes:
        candidates: numbered in this order from 0.
        episodes: whether to measure whole episodes.
        solve_rate: whether to measure those in the training region, too.
    """

    name: ClassVar[str] = "candidates"
    columns: ClassVar[Sequence[str]] = (
        *("candidate", "decision_p_cheese", "decision_p_top_right"),
        *("p_cheese", "p_top_right", "region_p_cheese"),
    )

    policy: PolicyNetwork
    candidates: tuple[Candidate, ...]
    region: int
    episodes: bool = True
    solve_rate: bool = True

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        if maze.decision_square is None:
            return []
        by_layer: dict[str, list[int]] = {}
        for number, candidate in enumerate(self.candidates):
            by_layer.setdefault(candidate.layer, []).append(number)
        rows: list[dict[str, Any]] = []
        for layer, numbers in (by_layer or {DEFAULT_LAYER: []}).items():
            first = [] if rows else [UNEDITED]
            found = self._measure(maze, layer, [*first, *numbers])
            rows += [dict(zip(self.columns, (number, *values), strict=True)) for number, values in found.items()]
        return sorted(rows, key=lambda row: row["candidate"])

    def _measure(self, maze: Maze, layer: str, numbers: Sequence[int]) -> Mapping[int, Sequence[float | None]]:
        """The columns after `candidate` of some candidates at one layer."""
        results = self._run(maze, maze, layer, numbers)
        episodes = np.full((len(numbers), 3), np.nan)
        if self.episodes:
            episodes[:, 0] = visited(results, maze.cheese)
            episodes[:, 1] = visited(results, maze.top_right)
        if self.solve_rate:
            trained = region_maze(maze.seed, self.region, maze.distribution_mode)
            episodes[:, 2] = visited(self._run(maze, trained, layer, numbers), trained.cheese)
        return {
            number: (*decision(result)[:2], *(None if np.isnan(value) else round(value, 7) for value in values))
            for number, result, values in zip(numbers, results, episodes.tolist(), strict=True)
        }

    def _run(self, level: Maze, maze: Maze, layer: str, numbers: Sequence[int]) -> list[Evaluation]:
        """Some candidates' edits for a level, in force in a maze: the level itself, or with the cheese elsewhere."""
        whole = self.episodes or maze is not level
        square = None if whole else maze.decision_square
        some = [None if n == UNEDITED else self.candidates[n] for n in numbers]
        edits = [one.edits(self.policy, level) if one else () for one in some]
        results = evaluate_at(self.policy, layer, square, maze, edits)
        if any(one and one.family == "patch" for one in some):
            without = evaluate_at(self.policy, layer, square, maze.with_cheese(None), [()])[0]
            for i, one in enumerate(some):
                if one and one.family == "patch":
                    results[i] = unseen(maze, without)
        return results


def propose(
    families: Sequence[str], ablation: pd.DataFrame, tracking: Mapping[str, tuple[int, ...]], direction: Direction
) -> tuple[Candidate, ...]:
    """Candidates of some families, for the change wanted.

    The layers of `ablation`, a `DecisionAblation` by zeroing on levels to choose on, are edited; `tracking` are the
    channels of each that track the cheese.
    """
    effects = {name: level_effects(ablation, f"decision_p_{name}").mean() for name in ("cheese", "top_right")}
    lead = (effects["cheese"] - effects["top_right"]).groupby(["layer", "channel"], sort=False).mean()
    found: list[Candidate] = []
    for layer in lead.index.unique("layer"):
        ranked = lead.loc[layer].sort_values(ascending=False, kind="stable").index.tolist()
        serving = [tuple(sorted(ranked[:n])) for n in SETS]
        against = [tuple(sorted(ranked[-n:])) for n in SETS]
        removed = serving if direction == "less" else against
        tracked = tracking.get(layer, ())
        factors = FACTORS[direction]
        made = {
            "ablation": [(some, 0.0) for some in removed],
            "scaling": [(some, factor) for some in (serving[0], serving[2]) for factor in factors],
            "resampling": [(some, 0.0) for some in (removed[0], removed[2])],
            "cheese-vector": [((), coefficient) for coefficient in COEFFICIENTS[direction]],
            "cheese-channels": [(tracked, amount) for amount in (0.0, *factors)] if tracked else [],
        }
        found += [Candidate(family, layer, *one) for family in families for one in made.get(family, [])]
    if "patch" in families:
        found.append(Candidate("patch", lead.index.unique("layer")[0]))
    return tuple(found)
