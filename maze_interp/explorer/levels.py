"""Levels for the explorer: one to begin with, the oddest of many, and the solve rate in the training region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from maze_interp.bundled import HELD_OUT
from maze_interp.environment.levels import level_maze
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.explorer.messages import MakeMaze, RankLevels
from maze_interp.explorer.pane import Pane, text_of
from maze_interp.mazes.constructed import random_tree
from maze_interp.mazes.features import FEATURE_NAMES, maze_features
from maze_interp.mazes.maze import DistributionMode, Maze
from maze_interp.measure.behaviour import Behaviour, behaviour
from maze_interp.measure.chain import successors
from maze_interp.measure.field import VectorField, vector_field
from maze_interp.results.estimates import estimate
from maze_interp.studies.statistics.data import FinishedSweep
from maze_interp.sweeps.levels import LevelSet

SOLVE_LEVELS = range(HELD_OUT + 500, HELD_OUT + 532)
"""Levels on which the solve rate in the training region is measured."""

SHOWN = 50
"""Levels in a list."""

Data = dict[str, Any]


def make_maze(request: MakeMaze) -> Maze:
    """The maze that a message asks for.

    Raises:
        MazeInterpError: a size that no maze has, or a malformed drawing.
    """
    if request.ascii is not None:
        return Maze.from_ascii(request.ascii, request.mode, request.seed)
    if request.size is not None:
        return random_tree(request.size, request.mode, request.seed)
    return level_maze(request.seed, request.mode, "anywhere" if request.cheese == "procgen" else request.cheese)


def solve_rate(pane: Pane, seeds: Sequence[int] = SOLVE_LEVELS) -> Iterator[Data]:
    """Exact P(cheese) on fixed levels with the cheese as in training, without and with the edits, level by level."""
    levels = LevelSet(seeds, pane.mode, pane.region)
    rates: list[tuple[float, float]] = []
    for done, seed in enumerate(seeds, 1):
        maze = levels.maze(seed)
        before = _p_cheese(pane.policy, maze)
        rates.append((before, behaviour(pane.policy, maze, pane.edits).p_cheese if pane.edits else before))
        first, second = (_estimate([pair[i] for pair in rates]) for i in (0, 1))
        yield {
            "done": done,
            "total": len(seeds),
            "before": first,
            "after": second,
            "region": pane.region,
            "mode": pane.mode,
        }


@lru_cache(maxsize=1024)
def _p_cheese(policy: nn.Module, maze: Maze) -> float:
    return behaviour(policy, maze).p_cheese


def _estimate(values: Sequence[float]) -> Data:
    result = estimate(values)
    return {"mean": result.mean, "low": result.low, "high": result.high}


def rank_levels(request: RankLevels, panes: Sequence[Pane], sweeps: Mapping[str, FinishedSweep]) -> Iterator[Data]:
    """The levels with the highest scores so far; see the functions for what the scores are.

    Raises:
        MazeInterpError: an unknown sweep, or one agent where two are compared.
    """
    if request.sweep is not None and request.sweep not in sweeps:
        raise unknown_name("sweep", request.sweep, sweeps)
    sweep = sweeps[request.sweep] if request.sweep is not None else None
    policies = [pane.policy for pane in panes]
    if request.by == "disagreement" and (len(policies) < 2 or policies[0] is policies[1]):
        raise MazeInterpError("disagreement is between two agents: show another beside this one")
    if request.by == "surprise" and sweep is not None:
        yield _surprises(sweep.levels, sweep.level_set)
        return
    levels = sweep.level_set if sweep else LevelSet(range(HELD_OUT, HELD_OUT + request.count), panes[0].mode)
    yield from _measured(request, policies, levels)


def _measured(request: RankLevels, policies: Sequence[nn.Module], levels: LevelSet) -> Iterator[Data]:
    seeds = list(levels.seeds)[: request.count]
    rows: list[Data] = []
    for done, seed in enumerate(seeds, 1):
        maze = levels.maze(seed)
        result = behaviour(policies[0], maze)
        row = {"seed": seed, "p_cheese": result.p_cheese}
        if request.by == "surprise":
            rows.append({**row, **maze_features(maze)})
            ranked = _surprises(pd.DataFrame(rows), levels) if done == len(seeds) else {"rows": []}
            yield {**ranked, "by": request.by, "done": done, "total": len(seeds)}
            continue
        rows.append({**row, "score": _score(request.by, result, policies)})
        yield {"by": request.by, "done": done, "total": len(seeds), "rows": _best(rows, levels)}


def _score(by: str, result: Behaviour, policies: Sequence[nn.Module]) -> float:
    if by == "loops":
        return loops(result.field)
    if by == "conflict":
        return conflict(result.field)
    return disagreement(result.field, vector_field(policies[1], result.maze))


def loops(field: VectorField) -> float:
    """Share of squares from which the most probable moves lead round and round, neither to the cheese nor to a rest."""
    after = _after(field)
    following = np.append(after[np.arange(len(after)), field.probs.argmax(1)], len(after))
    at = following
    for _ in following:
        at = following[at]
    return float((at != following[at])[:-1].mean())


def conflict(field: VectorField) -> float:
    """Share of squares whose most probable move leads to a lower value than that of the best square beside them."""
    after, squares = _after(field), np.arange(len(field.squares))
    values = np.append(field.value, np.inf)[after]  # the cheese is better than any square
    best = np.where(after != squares[:, None], values, -np.inf).max(1)
    return float((values[squares, field.probs.argmax(1)] < best).mean())


def disagreement(field: VectorField, other: VectorField) -> float:
    """Mean over squares of the total variation distance between two agents' move probabilities."""
    return float(0.5 * np.abs(field.probs - other.probs).sum(1).mean())


def _after(field: VectorField) -> NDArray[np.intp]:
    """int `[n, 5]`: the number of the square that each move leads to, that after the last for the cheese."""
    return successors(field.maze, field.squares, facings=1)


def _surprises(rows: pd.DataFrame, levels: LevelSet) -> Data:
    """|P(cheese) − what a linear regression on the features of the maze predicts|."""
    known = rows.dropna(subset=list(FEATURE_NAMES))
    known = known[np.isfinite(known[list(FEATURE_NAMES)].to_numpy(float)).all(1)]
    if len(known) < (least := len(FEATURE_NAMES) + 2):
        raise MazeInterpError(f"surprise needs at least {least} levels with a decision square, not {len(known)}")
    x = np.column_stack([np.ones(len(known)), known[list(FEATURE_NAMES)].to_numpy(float)])
    y = known["p_cheese"].to_numpy(float)
    score = np.abs(y - x @ np.linalg.lstsq(x, y, rcond=None)[0])
    scored = [
        {"seed": int(seed), "p_cheese": float(p), "score": float(one)}
        for seed, p, one in zip(known["seed"], y, score, strict=True)
    ]
    return {"by": "surprise", "done": len(rows), "total": len(rows), "rows": _best(scored, levels)}


def _best(rows: Sequence[Data], levels: LevelSet) -> list[Data]:
    best = sorted(rows, key=lambda row: (-row["score"], row["seed"]))[:SHOWN]
    mode: DistributionMode = levels.distribution_mode
    return [{**row, "mode": mode, "maze": text_of(levels.maze(row["seed"])).model_dump()} for row in best]
