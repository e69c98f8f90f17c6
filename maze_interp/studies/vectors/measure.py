"""What the cheese and the top-right vector do when added: to the move at the decision square, and to whole episodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from maze_interp.edits.base import Edit
from maze_interp.edits.kinds import Add
from maze_interp.edits.vectors import cheese_vector, top_right_vector
from maze_interp.environment.levels import region_maze
from maze_interp.mazes.maze import Maze
from maze_interp.measure.decision import DECISION, decision, evaluate_at, unseen, visited
from maze_interp.policies.hooks import DEFAULT_LAYER, resolve_layer
from maze_interp.sweeps.experiment import Experiment

SIGNS = {"cheese": -1.0, "top_right": 1.0}
"""How each vector is used as published: the cheese's subtracted, the corner's added."""

EXACT = ("p_cheese", "p_top_right", "region_p_cheese")

Name = tuple[str, float, int | None]
"""Of an edit: what it is, its coefficient, and the number of the draw of a control."""

CONTROLS = ("random", "positions", "channels")
"""Vectors of the same norm: Gaussian; its positions permuted, alike in all channels; its channels permuted."""


@dataclass(frozen=True)
class VectorEffects(Experiment):
    """Each vector at each coefficient, the two together, and controls, on every level with a decision square.

    A row is one edit: `edit` is `"unedited"`, `"hidden"` (no edit, the cheese left out of the picture), `"cheese"`,
    `"top_right"`, `"both"` (the cheese vector subtracted, the top-right vector added), or a vector and a control, such
    as `"cheese_random"`, which is subtracted for the cheese and added for the corner. The vectors are the level's own;
    a maze that fills its world has no top-right vector, and no rows for one.

    Columns `decision_p_*` are move probabilities at the decision square; `p_cheese` and `p_top_right` the exact
    probabilities of getting there in an episode; `region_p_cheese` that of reaching a cheese in the training region of
    the same maze under the same edit: the solve rate.

    Attributes:
        region: the agent's training region n.
        coefficients: of the two vectors; −1 and 1 are among them.
        layer: where the vectors are taken and added.
        draws: controls of each kind.
        exact_levels: how many of the first levels the exact columns are measured on; None for all.
    """

    name: ClassVar[str] = "vectors"
    columns: ClassVar[Sequence[str]] = ("edit", "coefficient", "draw", *DECISION, *EXACT)

    region: int
    coefficients: tuple[float, ...]
    layer: str = DEFAULT_LAYER
    draws: int = 3
    exact_levels: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "layer", resolve_layer(self.policy, self.layer))

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        if maze.decision_square is None:
            return []
        conditions = dict(self._conditions(maze))
        exact = maze.seed in self.levels.seeds[: self.exact_levels]
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
    vectors = {"random": noise * (vector.norm() / noise.norm()), "positions": positions, "channels": channels}
    return {name: vectors[name] for name in CONTROLS if name != "positions" or vector.ndim > 1}
