"""Whether one level's vector acts in another, by the distance between the two levels' cheeses or corners."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from maze_interp.edits.kinds import Add
from maze_interp.edits.vectors import cheese_vector, top_right_vector
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.decision import DECISION, decision, evaluate_at
from maze_interp.policies.hooks import DEFAULT_LAYER, resolve_layer
from maze_interp.studies.vectors.measure import SIGNS
from maze_interp.sweeps.experiment import Experiment
from maze_interp.sweeps.levels import LevelSet

EDGES = (0.0, 2.0, 5.0, 8.0, 12.0, math.inf)
"""Edges of the bins of distances, in squares: up to 2, over 2 and up to 5, and so on."""


@dataclass(frozen=True)
class Transfer(Experiment):
    """Vectors of other levels, used as published at every level's decision square.

    A row is one use: `vector` is `"none"`, `"cheese"` (subtracted) or `"top_right"` (added); `source` the
    level it is from, the level itself among them; `distance` that between the two levels' cheeses,
    or top-right squares, in squares of procgen's world, in a straight line.

    Attributes:
        layer: where the vectors are taken and added.
        sources: other levels per bin of distances, drawn from all in `levels`.
    """

    name: ClassVar[str] = "transfer"
    columns: ClassVar[Sequence[str]] = ("vector", "source", "distance", *DECISION)

    layer: str = DEFAULT_LAYER
    sources: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "layer", resolve_layer(self.policy, self.layer))

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        if maze.decision_square is None:
            return []
        uses = [("none", None, None), *self._uses(maze)]
        edits = [() if source is None else (self._edit(name, source),) for name, source, _ in uses]
        results = evaluate_at(self.policy, self.layer, maze.decision_square, maze, edits)
        return [
            dict(zip(self.columns, (*use, *decision(result)), strict=True))
            for use, result in zip(uses, results, strict=True)
        ]

    def _uses(self, maze: Maze) -> Iterator[tuple[str, int, float]]:
        """Name, source and distance of each vector used: the level's own, then some of each bin."""
        random = np.random.default_rng(maze.seed)
        for name in SIGNS:
            places = places_of(self.levels, name)
            if maze.seed not in places:
                continue
            yield name, maze.seed, 0.0
            distances = {source: math.dist(place, places[maze.seed]) for source, place in places.items()}
            del distances[maze.seed]
            for low, high in pairwise(EDGES):
                near = [source for source, far in distances.items() if low < far <= high or far == low == 0]
                for source in random.permutation(near)[: self.sources].tolist():
                    yield name, int(source), distances[source]

    def _edit(self, name: str, source: int) -> Add:
        return Add(self.layer, self._vector(name, self.levels.maze(source)), SIGNS[name])

    def _vector(self, name: str, maze: Maze) -> Tensor:
        return (cheese_vector if name == "cheese" else top_right_vector)(self.policy, maze, self.layer)


@lru_cache(maxsize=8)
def places_of(levels: LevelSet, name: str) -> dict[int, Square]:
    """For each level that has the vector, what it stands for: the cheese or the corner, as a square of the world."""
    places = {}
    for seed in levels.seeds:
        maze = levels.maze(seed)
        square = maze.cheese if name == "cheese" else maze.top_right if maze.padding else None
        if square is not None:
            places[seed] = (square[0] + maze.padding, square[1] + maze.padding)
    return places
