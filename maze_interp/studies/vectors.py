"""What the cheese and the top-right vector do when added: to the choice at the decision square, and to the way."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maze_interp.edits.base import Edit
from maze_interp.edits.kinds import Add
from maze_interp.edits.vectors import cheese_vector, top_right_vector
from maze_interp.environment.levels import region_maze
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.behaviour import HORIZON
from maze_interp.measure.edited import evaluate_edits
from maze_interp.measure.evaluate import Evaluation
from maze_interp.measure.field import VectorField
from maze_interp.measure.targets import visits
from maze_interp.policies.hooks import DEFAULT_LAYER, resolve_layer
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.sweeps.experiment import Experiment

COEFFICIENTS = (-10.0, -5.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
"""What the vectors are multiplied by; 0 gives the network as it is, on the levels that have the vector."""

SIGNS = {"cheese": -1.0, "top_right": 1.0}
"""How each vector is used as published: the cheese's subtracted, the corner's added."""

DECISION = ("decision_p_cheese", "decision_p_top_right", "decision_p_other")
EXACT = ("p_cheese", "p_top_right", "region_p_cheese")

Name = tuple[str, float, int | None]
"""Of an edit: what it is, its coefficient, and which draw of a control."""

CONTROLS = ("random", "positions", "channels")
"""Vectors of the same norm: Gaussian; its positions permuted, alike in all channels; its channels permuted."""


@dataclass(frozen=True)
class VectorEffects(Experiment):
    """Each vector at each coefficient, the two together, and controls, on every level with a decision square.

    A row is one edit: `edit` is `"unedited"`, `"hidden"` (no edit, the cheese left out of the picture),
    `"cheese"`, `"top_right"`, `"both"` (the cheese vector subtracted, the top-right vector added),
    or a vector and a control, such as `"cheese_random"`, which is subtracted for the cheese and
    added for the corner. The vectors are the level's own; a maze that fills its world has no
    top-right vector, and no rows for one.

    Columns `decision_p_*` are move probabilities at the decision square; `p_cheese` and `p_top_right`
    the exact probabilities of getting there in an episode; `region_p_cheese` that of reaching a
    cheese in the training region of the same maze under the same edit: whether it can still solve mazes.

    Attributes:
        region: the agent's training region n.
        layer: where the vectors are taken and added.
        coefficients: of the two vectors; −1 and 1 are among them.
        draws: controls of each kind.
        exact: how many of the first levels the exact columns are measured on; None for all.
    """

    name: ClassVar[str] = "vectors"
    columns: ClassVar[Sequence[str]] = ("edit", "coefficient", "draw", *DECISION, *EXACT)

    region: int
    layer: str = DEFAULT_LAYER
    coefficients: tuple[float, ...] = COEFFICIENTS
    draws: int = 3
    exact: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "layer", resolve_layer(self.policy, self.layer))

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        if maze.decision_square is None:
            return []
        conditions = dict(self._conditions(maze))
        exact = maze.seed in self.levels.seeds[: self.exact]
        run = partial(evaluate_at, self.policy, self.layer, None if exact else maze.decision_square)
        results = run(maze, conditions.values()) + [unseen(maze, run(maze.with_cheese(None), [()])[0])]
        measured = np.full((len(results), len(EXACT)), np.nan)
        if exact:
            trained = region_maze(maze.seed, self.region, maze.distribution_mode)
            measured[:, 0] = visited(results, maze.cheese)
            measured[:, 1] = visited(results, maze.top_right)
            measured[:-1, 2] = visited(run(trained, conditions.values()), trained.cheese)
        names = [*conditions, ("hidden", 0.0, None)]
        return [
            dict(zip(self.columns, (*name, *decision(result), *values), strict=True))
            for name, result, values in zip(names, results, measured.tolist(), strict=True)
        ]

    def _conditions(self, maze: Maze) -> Iterator[tuple[Name, tuple[Edit, ...]]]:
        vectors = own_vectors(self.policy, maze, self.layer)
        yield ("unedited", 0.0, None), ()
        for name, vector in vectors.items():
            for coefficient in self.coefficients:
                yield (name, coefficient, None), (Add(self.layer, vector, coefficient),)
            sign = SIGNS[name]
            for draw in range(self.draws):
                for control, other in controls(vector, np.random.default_rng([maze.seed, draw])).items():
                    yield (f"{name}_{control}", sign, draw), (Add(self.layer, other, sign),)
        if len(vectors) == 2:
            yield ("both", 1.0, None), tuple(Add(self.layer, vectors[name], sign) for name, sign in SIGNS.items())


def own_vectors(policy: nn.Module, maze: Maze, layer: str) -> dict[str, Tensor]:
    """The vectors a maze has, `"cheese"` and `"top_right"`: none without cheese, or where it fills its world."""
    vectors = {} if maze.cheese is None else {"cheese": cheese_vector(policy, maze, layer)}
    return vectors | ({"top_right": top_right_vector(policy, maze, layer)} if maze.padding else {})


def controls(vector: Tensor, random: np.random.Generator) -> dict[str, Tensor]:
    """A vector of each kind in `CONTROLS`, of the same shape and L2 norm; no `"positions"` without a map."""
    noise = torch.from_numpy(random.standard_normal(vector.shape)).to(vector)
    flat = vector.reshape(len(vector), -1)
    positions = flat[:, torch.from_numpy(random.permutation(flat.shape[1]))].reshape(vector.shape)
    channels = vector[torch.from_numpy(random.permutation(len(vector)))]
    found = {"random": noise * (vector.norm() / noise.norm()), "positions": positions, "channels": channels}
    return {name: found[name] for name in CONTROLS if name != "positions" or vector.ndim > 1}


def evaluate_at(
    policy: nn.Module, layer: str, square: Square | None, maze: Maze, edits: Collection[Sequence[Edit]]
) -> list[Evaluation]:
    """The policy under each combination of edits on one square, facing left, NaN elsewhere; None for all states."""
    if square is None:
        return evaluate_edits(policy, maze, layer, list(edits))
    squares = [one for one in maze.squares if one != maze.cheese]
    wanted = np.zeros((len(edits), len(squares), 1), bool)
    wanted[:, squares.index(square)] = True
    return evaluate_edits(policy, maze, layer, list(edits), wanted, facings=("left",))


def decision(result: Evaluation) -> tuple[float | None, ...]:
    """The probabilities in `DECISION`."""
    field = VectorField(result.maze, result.squares, result.probs[:, 0], result.value[:, 0])
    return field.p_cheese, field.p_top_right, field.p_other


def unseen(maze: Maze, without: Evaluation) -> Evaluation:
    """The policy of a maze without cheese where the cheese, unseen, ends the episode as ever."""
    kept = [square != maze.cheese for square in without.squares]
    squares = tuple(square for square in without.squares if square != maze.cheese)
    return Evaluation(maze, squares, without.probs[kept], without.value[kept])


def visited(results: Sequence[Evaluation], square: Square | None) -> NDArray[np.float64]:
    """For each evaluation of one maze, the probability of standing on `square` in an episode."""
    assert square is not None
    return visits(results, range(len(results)), [square] * len(results), HORIZON)


def effects(rows: pd.DataFrame) -> pd.DataFrame:
    """Each edit's effect on each outcome over levels, draws of a control averaged within the level.

    Args:
        rows: of `VectorEffects`.

    Returns:
        columns edit, coefficient, outcome; n, mean, low, high over levels; q25, median, q75; and
        the difference from the unedited network on the same levels: difference, difference_low,
        difference_high. Without levels mean and interval are empty.
    """
    by_level = _by_level(rows)
    unedited = by_level["unedited", 0.0]
    found = []
    for (edit, coefficient), some in by_level.items():
        for outcome, values in some.items():
            known = values.dropna()
            change = estimate(known - unedited.loc[known.index, outcome])
            found.append(
                {
                    "edit": edit,
                    "coefficient": coefficient,
                    "outcome": outcome,
                    **estimate(known).as_dict(),
                    **dict(zip(("q25", "median", "q75"), known.quantile([0.25, 0.5, 0.75]), strict=True)),
                    "difference": change.mean,
                    "difference_low": change.low,
                    "difference_high": change.high,
                }
            )
    return pd.DataFrame(found)


def contrast(rows: pd.DataFrame, a: tuple[str, float], b: tuple[str, float], outcome: str) -> Estimate:
    """Mean over levels of the outcome under edit `a` less that under `b`, each (edit, coefficient); paired by level."""
    by_level = _by_level(rows)
    return estimate(by_level[a][outcome] - by_level[b][outcome])


def _by_level(rows: pd.DataFrame) -> dict[tuple[str, float], pd.DataFrame]:
    """For each edit the outcomes by level, draws averaged."""
    edits = rows.groupby(["edit", "coefficient"], sort=False)
    return {key: some.groupby("seed")[[*DECISION, *EXACT]].mean() for key, some in edits}
