"""The main figures of several studies for one agent, so that agents can stand side by side in all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from torch import nn

from maze_interp.environment.levels import HELD_OUT
from maze_interp.mazes.maze import DistributionMode
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.studies.constructed.measure import DETOUR, SWAP, ConstructedLevels
from maze_interp.studies.constructed.tables import detour_slope, swap_levels
from maze_interp.studies.dead_ends.measure import DeadEndVisits
from maze_interp.studies.dead_ends.tables import dead_end_figures
from maze_interp.studies.references.measure import CHEESE, CORNER, ReferenceMoves
from maze_interp.studies.references.mixtures import MODELS
from maze_interp.studies.references.scores import gain, held_out_scores
from maze_interp.studies.values.measure import SQUARES, ValueAgreement
from maze_interp.studies.values.tables import value_figures
from maze_interp.sweeps.experiment import Experiment
from maze_interp.sweeps.levels import LevelSet

FITTED_ON = 800_000_000
"""The first seed of the levels that mixtures of rules are fitted on; those reported on begin at `HELD_OUT`."""

RULES = {
    "shortest paths to the cheese foretell": CHEESE,
    "shortest paths to the corner foretell": CORNER,
    "a mixture by distance foretells": "mixture by distance to the mouse",
}
"""Models of `goal_models.MODELS`: the share of what the agent's own probabilities gain over random moves."""

Run = Callable[[str, Experiment], pd.DataFrame]
"""Runs an experiment, or takes it up, in a folder of that name: its table."""


def study_figures(
    policy: nn.Module, agent: str, mode: DistributionMode, region: int, count: int, run: Run
) -> dict[str, Estimate]:
    """Rules that foretell the agent, dead ends, constructed levels and the value head.

    Args:
        policy: the network.
        agent: its name, for the record.
        mode: of the levels.
        region: the n of the top-right n×n it was trained with.
        count: held-out levels of each study, and as many others to fit mixtures on.
        run: see `Run`.

    Returns:
        figures in words; one that no level gives is missing.
    """
    levels = LevelSet(range(HELD_OUT, HELD_OUT + count), mode)
    others = LevelSet(range(FITTED_ON, FITTED_ON + count), mode)
    fitted, moves = (
        run(name, ReferenceMoves(policy, agent, some)) for name, some in (("fitted", others), ("moves", levels))
    )
    values = {
        squares: ValueAgreement(policy, agent, LevelSet(levels.seeds, mode, cheese), region)
        for squares, cheese in (("anywhere", "anywhere"), ("trained", region))
    }
    return {
        **_rules(fitted, moves),
        **_dead_ends(run("dead_ends", DeadEndVisits(policy, agent, levels))),
        **_constructed(run("constructed", ConstructedLevels(policy, agent, levels, region, kinds=(SWAP, DETOUR)))),
        **_values({name: run(f"values_{name}", one) for name, one in values.items()}),
    }


def _rules(fitted: pd.DataFrame, moves: pd.DataFrame) -> dict[str, Estimate]:
    scores = held_out_scores({name: MODELS[name] for name in RULES.values()}, fitted, moves)
    return {words: gain(scores, name) for words, name in RULES.items()}


def _dead_ends(rows: pd.DataFrame) -> dict[str, Estimate]:
    mine = rows[rows["policy"] == "agent"]
    return {"P(goes into a dead end on passing it)": dead_end_figures(mine)["entered"]} if len(mine) else {}


def _constructed(rows: pd.DataFrame) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    if (rows["kind"] == SWAP).any():
        swapped = swap_levels(rows)
        found["takes the cheese's of two long branches"] = estimate(swapped["follows"])
        found["moved by swapping the cheese between them"] = estimate(swapped["switch"])
    if (rows["kind"] == DETOUR).any():
        found["P(cheese) per step off the corner's way"] = detour_slope(rows)
    return found


def _values(rows: Mapping[str, pd.DataFrame]) -> dict[str, Estimate]:
    figures: dict[str, dict[str, Any]] = {name: value_figures(some)["agent"] for name, some in rows.items()}
    where = {"decision": "anywhere", "all": "anywhere", "region": "trained"}
    return {
        f"likeliest move to the highest value, {SQUARES[squares]}": figures[name][squares]["agreement"]
        for squares, name in where.items()
        if "agreement" in figures[name].get(squares, {})
    }
