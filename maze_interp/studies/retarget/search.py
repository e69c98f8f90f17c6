"""Choosing what to write where the agent is to go: which channels, what value, on levels kept for choosing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.channels import count_channels, require_channels
from maze_interp.measure.edited import evaluate_edits
from maze_interp.measure.field import VectorField, move_between, vector_field
from maze_interp.measure.targets import paths_to
from maze_interp.policies.hooks import DEFAULT_LAYER, resolve_layer
from maze_interp.policies.moves import MOVES
from maze_interp.policies.pixels import map_size, pixel_in
from maze_interp.studies.retarget.marks import Mark, random_sets
from maze_interp.sweeps.experiment import Experiment

SUBSETS = (2, 3, 4, 6, 8, 11, 16)
"""Numbers of channels tried together: the best ones alone, so many of them."""


@dataclass(frozen=True)
class Steering(Experiment):
    """How well each mark makes the agent take the path to a target: a row per mark.

    `probability` is the mean of the probability of the next move along the path on two squares of it:
    the one where the unedited agent is the least likely to go on, and a random one. That takes two
    forward passes for a target where the normalised path probability takes one for every square of
    the path, and over marks the two go together.

    Attributes:
        marks: what is tried.
        layer: a layer with a map.
        targets: of each level, at most, drawn by its seed.

    Raises:
        MazeInterpError: an unknown layer, or one without a map.
    """

    name: ClassVar[str] = "steering"
    columns: ClassVar[Sequence[str]] = ("mark", "probability")

    marks: tuple[Mark, ...]
    layer: str = DEFAULT_LAYER
    targets: int = 12

    def __post_init__(self) -> None:
        map_size(self.policy, self.layer)
        object.__setattr__(self, "layer", resolve_layer(self.policy, self.layer))

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`; the cheese is taken away."""
        maze = maze.with_cheese(None)
        steps = draw_steps(vector_field(self.policy, maze), self.targets)
        size = map_size(self.policy, self.layer)
        edits = [(mark.edit(self.layer, pixel_in(maze, step.target, size)),) for mark in self.marks for step in steps]
        places = [maze.squares.index(step.square) for step in steps] * len(self.marks)
        moves = [MOVES.index(step.move) for step in steps] * len(self.marks)
        wanted = np.zeros((len(edits), len(maze.squares), 1), bool)
        wanted[range(len(edits)), places] = True
        results = evaluate_edits(self.policy, maze, self.layer, edits, wanted, facings=("left",))
        taken = [result.probs[place, 0, move] for result, place, move in zip(results, places, moves, strict=True)]
        means = np.reshape(taken, (len(self.marks), len(steps))).mean(axis=1)
        return [{"mark": i, "probability": mean} for i, mean in enumerate(means.tolist())]


class Step(NamedTuple):
    """A move on the path to a target."""

    target: Square
    square: Square
    move: str


def draw_steps(field: VectorField, count: int) -> list[Step]:
    """Two steps for each of up to `count` targets: the one the agent is least likely to make, and a random one."""
    maze = field.maze
    random = np.random.default_rng([maze.seed, count])
    paths = [path for path in paths_to(maze, None).values() if len(path) > 1]
    steps = []
    for path in (paths[i] for i in random.permutation(len(paths))[:count]):
        way = [Step(path[-1], a, move_between(a, b)) for a, b in pairwise(path)]
        steps += [min(way, key=lambda step: field.prob(step.square, step.move)), way[random.integers(len(way))]]
    return steps


def choose_marks(
    search: Steering,
    measured: Callable[[Steering, str], pd.DataFrame],
    values: Sequence[float],
    pool: Sequence[int] | None = None,
    sets: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
    draws: int = 3,
) -> tuple[Mark, ...]:
    """The best single channel, the best subset, given sets and random ones, each with its best value.

    Channels are ranked by the effect of each alone at its best value; the subset is the best of the first
    2, 3, 4 … of the ranking. Every set, the random ones too, is given the best of the same values.

    Args:
        search: the policy, the layer and the levels to choose on, none of which may be reported on;
            its marks do not matter.
        measured: the rows of a search; it is called with a name for each step.
        values: tried for every channel and set.
        pool: the channels to choose from; None for all of the layer.
        sets: channels whose best value alone is wanted, by name.
        draws: random sets of as many channels as the subset has, from outside it and `sets`.

    Returns:
        marks `"single"`, `"subset"` (if the pool has two channels), those of `sets`, and `"random_0"` ….

    Raises:
        MazeInterpError: a channel that the layer does not have.
    """
    every = range(count_channels(search.policy, search.layer))
    pool = every if pool is None else pool
    taken = {channel for channels in sets.values() for channel in channels}
    require_channels(search.policy, search.layer, [*pool, *taken])

    def best(step: str, wanted: Mapping[str, tuple[int, ...]]) -> pd.DataFrame:
        marks = tuple(Mark(name, channels, value) for name, channels in wanted.items() for value in values)
        rows = measured(dataclasses.replace(search, marks=marks), step)
        score = rows.groupby("mark")["probability"].mean()
        tried = pd.DataFrame({"mark": marks, "name": [mark.name for mark in marks], "score": score})
        return tried.loc[tried.groupby("name", sort=False)["score"].idxmax()].set_index("name")

    singles = best("singles", {str(channel): (channel,) for channel in pool})
    ranking = [int(name) for name in singles["score"].sort_values(ascending=False, kind="stable").index]
    chosen = {"single": singles.loc[str(ranking[0]), "mark"]}
    if len(ranking) > 1:
        nested = best("subsets", {str(n): tuple(sorted(ranking[:n])) for n in SUBSETS if n <= len(ranking)})
        chosen["subset"] = nested.loc[nested["score"].idxmax(), "mark"]
    subset = list(chosen.values())[-1].channels
    others = [channel for channel in every if channel not in {*subset, *taken}]
    compared = {**sets, **random_sets(others, len(subset), draws)}
    chosen |= best("sets", compared)["mark"].to_dict() if compared else {}
    return tuple(dataclasses.replace(mark, name=name) for name, mark in chosen.items())
