"""The rows that the statistics work on: a finished sweep, its levels with a choice, and the outcomes to predict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from maze_interp.errors import MazeInterpError, Unmeasurable
from maze_interp.mazes.features import FEATURE_NAMES, REGION, maze_features
from maze_interp.mazes.maze import Maze
from maze_interp.policies.agents import load_policy, training_region
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.results.files import read_csv
from maze_interp.results.run_directory import RECORD, read_settings
from maze_interp.sweeps.groups import groups
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.selection import parse_seeds, seeds_name
from maze_interp.sweeps.sweep import COLUMNS

LEAST = 50
"""Levels below which nothing is fitted."""

SAMPLING_SEED = 0
"""Seeds the one episode that is sampled in each level for `sampled_cheese`."""

OUTCOMES = {
    "p_cheese": "reaches the cheese",
    "sampled_cheese": "reaches the cheese in one sampled episode",
    "exit_choice": "first leaves the decision square to the cheese, not the corner",
    "decision_p_cheese": "next move at the decision square is to the cheese",
}
"""What is predicted. The first, the exact probability over a whole episode, is the main one; the second is it as the
published study had it, 0 or 1. The third is exit_cheese / (exit_cheese + exit_top_right). The last is the published
P(cheese | decision square), one move without what comes before or after."""

EPISODE = ("p_cheese", "sampled_cheese")
"""The outcomes that the published regressions are of, too."""


@dataclass(frozen=True, eq=False)
class FinishedSweep:
    """The rows of a sweep, and what decided them.

    Attributes:
        settings: agent, agent_hash, seeds, mode, cheese, edits and horizon, as plain JSON values.
        levels: its rows, one per level.
        region: the n of the top-right n×n outside which the cheese must lie.
    """

    settings: dict[str, Any]
    levels: pd.DataFrame
    region: int

    def mazes(self, levels: pd.DataFrame) -> list[Maze]:
        """The mazes of some of the rows, in their order."""
        seeds = levels["seed"].astype(int).tolist()
        return [self.level_set.maze(seed) for seed in seeds]

    @cached_property
    def level_set(self) -> LevelSet:
        """The levels swept."""
        return LevelSet(self.levels["seed"].astype(int).tolist(), self.settings["mode"], self.settings["cheese"])


def read_sweep(folder: Path, agent: str | None = None, region: int | None = None) -> FinishedSweep:
    """Read the finished sweep that `maze-interp sweep` wrote to a folder, of any agent or of this one.

    The training region is the one recorded for the agent unless given.

    Raises:
        MazeInterpError: no sweep in the folder, an unfinished one, or one of another agent.
    """
    settings = _settings(folder)
    if agent is not None and (wanted := agent_hash(load_policy(agent))) != settings["agent_hash"]:
        raise MazeInterpError(
            f"the sweep in {folder} is of {settings['agent']} ({settings['agent_hash']}), not of {agent} ({wanted})"
        )
    levels = _rows(folder / "levels.csv")
    seeds = levels["seed"]
    if not seeds.is_monotonic_increasing or seeds_name(parse_seeds(seeds.tolist())) != settings["seeds"]:
        raise MazeInterpError(f"{folder / 'levels.csv'} is damaged: its levels are not {settings['seeds']} in order")
    return FinishedSweep(settings, levels, region or training_region(settings["agent"]))


def select(levels: pd.DataFrame, region: int) -> pd.DataFrame:
    """The published selection of a sweep's rows: a decision square, and the cheese outside the top-right n×n.

    Returns:
        those rows with a column for every one of `OUTCOMES`.

    Raises:
        Unmeasurable: there are fewer than `LEAST`.
    """
    chosen = list(groups(levels, region).values())[-1].reset_index(drop=True)
    if len(chosen) < LEAST:
        raise Unmeasurable(
            f"{len(chosen) or 'none'} of the {len(levels)} levels {'has' if len(chosen) < 2 else 'have'} a decision "
            f"square and the cheese outside the top-right {region}×{region}; statistics need at least {LEAST}"
        )
    p_cheese = chosen["p_cheese"].clip(0, 1)
    drawn = np.random.default_rng(SAMPLING_SEED).random(len(chosen)) < p_cheese
    exits = chosen["exit_cheese"] + chosen["exit_top_right"]
    return chosen.assign(
        p_cheese=p_cheese,
        sampled_cheese=drawn.astype(float),
        exit_choice=chosen["exit_cheese"] / exits.where(exits > 0),
    )


def with_region(levels: pd.DataFrame, mazes: Iterable[Maze], region: int) -> pd.DataFrame:
    """The rows of a sweep with the distances to the region those to the agent's own, not to the study's 5×5.

    Mazes are those of the rows, in order; they are not looked at for a region of 5.
    """
    if region == REGION:
        return levels
    found = [maze_features(maze, region) for maze in mazes]
    names = [name for name in FEATURE_NAMES if name.endswith("_region")]
    return levels.assign(**{name: np.array([row[name] for row in found], float) for name in names})


def known(levels: pd.DataFrame, variables: Sequence[str], outcome: str) -> pd.DataFrame:
    """The rows in which the outcome and all variables are finite.

    Raises:
        Unmeasurable: too few rows are left, or the outcome is the same in all of them.
    """
    rows = levels[np.isfinite(levels[[*variables, outcome]].astype(float)).all(axis=1)]
    if len(rows) < LEAST:
        raise Unmeasurable(f"{outcome} and its variables are known in {len(rows)} levels, not the {LEAST} needed")
    if float(np.ptp(rows[outcome])) < 1e-6:
        same = f"{outcome} is {rows[outcome].iloc[0]:g} in all {len(rows)} levels"
        raise Unmeasurable(f"{same}: there is nothing to predict")
    return rows


def standardised(levels: pd.DataFrame, variables: Sequence[str]) -> NDArray[np.float64]:
    """The variables less their means, in standard deviations, `[levels, variables]`; 0 where one never varies."""
    values = levels[list(variables)].to_numpy(float)
    spread = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)


def _settings(folder: Path) -> dict[str, Any]:
    if not (folder / RECORD).exists():
        raise MazeInterpError(f"{folder} is no sweep: it holds no {RECORD}; maze-interp sweep makes one")
    settings = read_settings(folder)
    if settings.get("study") != "sweep":
        raise MazeInterpError(f"{folder} is no sweep but another run; maze-interp sweep makes one")
    settings["cheese"] = settings.get("region")
    names = ("agent", "agent_hash", "seeds", "mode", "cheese", "edits", "horizon")
    if missing := [name for name in names if settings.get(name) is None]:
        raise MazeInterpError(f"{folder / RECORD} is damaged: it does not say the sweep's {missing[0]}")
    return {name: settings[name] for name in names}


def _rows(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise MazeInterpError(f"the sweep in {path.parent} is unfinished: it has no levels.csv yet")
    try:
        levels = read_csv(path)
    except (ValueError, UnicodeDecodeError) as error:
        raise MazeInterpError(f"{path} is damaged: {error}") from error
    if missing := [column for column in COLUMNS if column not in levels]:
        raise MazeInterpError(f"{path} has no column {missing[0]}; a sweep's levels.csv has {len(COLUMNS)}")
    return levels
