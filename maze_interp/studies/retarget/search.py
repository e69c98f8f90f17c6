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

FINALISTS = 8
"""Channels whose effect on whole paths is measured; the others only pass the screen."""


@dataclass(frozen=True)
class Steering(Experiment):
    """How well each mark makes the agent take the paths to some targets: a row per mark.

    `probability` is the normalised path probability, the mean over targets. To look at many marks quickly, `screen`
    takes two moves of each path, the one that the unedited agent is the least likely to make and a random one, and
    the mean of their probabilities instead.

    Attributes:
        marks: what is tried.
        layer: a layer with a map.
        targets: of each level, at most, drawn by its seed.
        screen: two moves of each path instead of all.

    Raises:
        MazeInterpError: an unknown layer, or one without a map.
    """

    name: ClassVar[str] = "steering"
    columns: ClassVar[Sequence[str]] = ("mark", "probability")

    marks: tuple[Mark, ...]
    layer: str = DEFAULT_LAYER
    targets: int = 12
    screen: bool = False

    def __post_init__(self) -> None:
        map_size(self.policy, self.layer)
        object.__setattr__(self, "layer", resolve_layer(self.policy, self.layer))

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`; the cheese is taken away."""
        maze = maze.with_cheese(None)
        paths = draw_paths(vector_field(self.policy, maze), self.targets, self.screen)
        size, wanted = map_size(self.policy, self.layer), np.zeros((len(paths), len(maze.squares), 1), bool)
        places = [[maze.squares.index(step.square) for step in path] for path in paths]
        moves = [[MOVES.index(step.move) for step in path] for path in paths]
        for row, place in zip(wanted, places, strict=True):
            row[place] = True
        pixels = [pixel_in(maze, path[-1].target, size) for path in paths]
        edits = [(mark.edit(self.layer, pixel),) for mark in self.marks for pixel in pixels]
        results = evaluate_edits(
            self.policy, maze, self.layer, edits, np.tile(wanted, (len(self.marks), 1, 1)), facings=("left",)
        )
        taken = [
            result.probs[place, 0, move]
            for result, place, move in zip(results, places * len(self.marks), moves * len(self.marks), strict=True)
        ]
        each = [some.mean() if self.screen else np.exp(np.log(some).mean()) for some in taken]
        means = np.reshape(each, (len(self.marks), len(paths))).mean(axis=1)
        return [{"mark": i, "probability": mean} for i, mean in enumerate(means.tolist())]


class Step(NamedTuple):
    """A move on the path to a target."""

    target: Square
    square: Square
    move: str


def draw_paths(field: VectorField, count: int, screen: bool = False) -> list[list[Step]]:
    """The moves of the paths to up to `count` targets; to screen, the least likely one of each and a random one."""
    maze = field.maze
    random = np.random.default_rng([maze.seed, count])
    paths = [path for path in paths_to(maze, None).values() if len(path) > 1]
    drawn = []
    for path in (paths[i] for i in random.permutation(len(paths))[:count]):
        way = [Step(path[-1], a, move_between(a, b)) for a, b in pairwise(path)]
        hardest = min(way, key=lambda step: field.prob(step.square, step.move))
        drawn.append([hardest, way[random.integers(len(way))]] if screen else way)
    return drawn


def choose_marks(
    search: Steering,
    measured: Callable[[Steering, str], pd.DataFrame],
    values: Sequence[float],
    pool: Sequence[int] | None = None,
    sets: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
    draws: int = 3,
) -> tuple[Mark, ...]:
    """The best single channel, the best subset, given sets and random ones, each with its best value.

    The first `FINALISTS` channels of a quick screen are ranked by the normalised path probability under each alone at
    its best value, the others follow in the order of the screen; the subset is the best of the first 2, 3, 4 … of that
    ranking. Every set, the random ones too, is given the best of the same values, by the same measure.

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

    def best(step: str, wanted: Mapping[str, tuple[int, ...]], screen: bool = False) -> pd.DataFrame:
        marks = tuple(Mark(name, channels, value) for name, channels in wanted.items() for value in values)
        rows = measured(dataclasses.replace(search, marks=marks, screen=screen), step)
        score = rows.groupby("mark")["probability"].mean()
        tried = pd.DataFrame({"mark": marks, "name": [mark.name for mark in marks], "score": score})
        return tried.loc[tried.groupby("name", sort=False)["score"].idxmax()].set_index("name")

    screened = _ranked(best("screen", {str(channel): (channel,) for channel in pool}, screen=True))
    singles = best("singles", {str(channel): (channel,) for channel in screened[:FINALISTS]})
    ranking = [*_ranked(singles), *screened[FINALISTS:]]
    chosen = {"single": singles.loc[str(ranking[0]), "mark"]}
    if len(ranking) > 1:
        nested = best("subsets", {str(n): tuple(sorted(ranking[:n])) for n in SUBSETS if n <= len(ranking)})
        chosen["subset"] = nested.loc[nested["score"].idxmax(), "mark"]
    subset = list(chosen.values())[-1].channels
    others = [channel for channel in every if channel not in {*subset, *taken}]
    compared = {**sets, **random_sets(others, len(subset), draws)}
    chosen |= best("sets", compared)["mark"].to_dict() if compared else {}
    return tuple(dataclasses.replace(mark, name=name) for name, mark in chosen.items())


def _ranked(channels: pd.DataFrame) -> list[int]:
    """Channels, tried alone, from the highest score down."""
    return [int(name) for name in channels["score"].sort_values(ascending=False, kind="stable").index]
