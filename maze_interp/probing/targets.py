"""What a probe is asked about an observation as a whole: the registry of targets, and the labels they give.

A label is a whole number (a class), or any number; NaN where the observation has none. Coordinates come
in three frames: of procgen's padded world, of the maze (the world's less the padding, which differs from
size to size), and relative to the mouse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from maze_interp.errors import MazeInterpError, Unmeasurable, unknown_name
from maze_interp.mazes.maze import WORLD_SIZE, DistributionMode, Maze
from maze_interp.probing.outcomes import Outcome
from maze_interp.recording.store import ActivationStore

Labels = NDArray[np.float64]
Kind = Literal["class", "coordinate", "number"]

COLUMNS = ("seed", "square", "size", "cheese", "walls", "value")
"""What of a store's labels the targets are made of."""


class Observed:
    """What is known of some observations, besides their activations.

    Args:
        mode: distribution of the levels.
        columns: the labels in `COLUMNS`, as `label_columns` describes them, each `[n, ...]`.
        outcomes: what the agent does in each level, by seed; needed by the targets that ask for it.

    Attributes:
        seed, square, size, walls, value: the columns.
        cheese: (x, y), float `[n, 2]`, NaN where there is none.
    """

    def __init__(
        self, mode: DistributionMode, columns: Mapping[str, Any], outcomes: Mapping[int, Outcome] | None = None
    ) -> None:
        self.mode, self.outcomes = mode, outcomes
        self.seed, self.square, self.size = (np.asarray(columns[name], np.int64) for name in COLUMNS[:3])
        self.walls, self.value = columns["walls"], columns["value"]
        self.cheese = np.where(np.asarray(columns["cheese"]) < 0, np.nan, columns["cheese"])

    def __len__(self) -> int:
        return len(self.seed)

    @property
    def padding(self) -> NDArray[np.int64]:
        """Rows of wall around each observation's maze, `[n]`."""
        return (WORLD_SIZE[self.mode] - self.size) // 2

    def levels(self) -> list[tuple[Maze, NDArray[np.intp]]]:
        """The mazes, and for each the observations of it, as numbers from 0 to n − 1."""
        seeds, first = np.unique(self.seed, return_index=True)
        return [(self._maze(row), np.flatnonzero(self.seed == seed)) for seed, row in zip(seeds, first, strict=True)]

    def outcome(self, maze: Maze) -> Outcome:
        """What the agent does in a maze.

        Raises:
            MazeInterpError: nobody measured it.
        """
        if self.outcomes is None or maze.seed not in self.outcomes:
            raise MazeInterpError(f"what the agent does in level {maze.seed} was not measured")
        return self.outcomes[maze.seed]

    def _maze(self, row: int) -> Maze:
        inside = slice(self.padding[row], self.padding[row] + self.size[row])
        cheese = None if np.isnan(self.cheese[row, 0]) else (int(self.cheese[row, 0]), int(self.cheese[row, 1]))
        return Maze(
            ~self.walls[row, inside, inside], cheese=cheese, distribution_mode=self.mode, seed=int(self.seed[row])
        )


def observed(store: ActivationStore, rows: NDArray[np.intp], outcomes: Mapping[int, Outcome] | None = None) -> Observed:
    """Some observations of a store, by their numbers, int `[n]`."""
    return Observed(store.settings["mode"], store.read(COLUMNS, rows), outcomes)


@dataclass(frozen=True)
class Target:
    """Something an observation as a whole is asked about.

    Attributes:
        kind: `"class"`; `"coordinate"`, whole numbers whose distance counts; or `"number"`.
        description: what a label means.
        labels: the labels of some observations, float64 `[n, axes]`, NaN where there is none. A square
            has two axes, x and y; anything else has one.
        needs_agent: whether it asks what the agent does.
    """

    name: str
    kind: Kind
    description: str
    labels: Callable[[Observed], Labels]
    needs_agent: bool = False


_FRAMES: dict[str, tuple[str, Callable[[Observed], Any]]] = {
    "world": ("in procgen's padded world, from its bottom left", lambda seen: seen.padding[:, None]),
    "maze": ("in the maze, from its bottom left", lambda seen: 0),
    "mouse": ("relative to the mouse", lambda seen: -seen.square),
}


def _places(what: str, frame: str, place: Callable[[Observed], Labels]) -> list[Target]:
    """x, y and both of a place in a frame."""
    where, shift = _FRAMES[frame]
    axes = {f"{what}_x_{frame}": [0], f"{what}_y_{frame}": [1], f"{what}_square_{frame}": [0, 1]}

    def labels(columns: list[int]) -> Callable[[Observed], Labels]:
        return lambda seen: (place(seen) + shift(seen))[:, columns].astype(float)

    return [
        Target(name, "coordinate", f"{' and '.join('xy'[i] for i in columns)} of the {what} {where}", labels(columns))
        for name, columns in axes.items()
    ]


def _by_level(value: Callable[[Observed, Maze], float]) -> Callable[[Observed], Labels]:
    """Labels that are the same for all observations of a level."""

    def labels(seen: Observed) -> Labels:
        found = np.empty((len(seen), 1))
        for maze, rows in seen.levels():
            found[rows] = value(seen, maze)
        return found

    return labels


def _on_decision_square(seen: Observed) -> Labels:
    found = np.full((len(seen), 1), np.nan)
    for maze, rows in seen.levels():
        if maze.decision_square is not None:
            found[rows, 0] = (seen.square[rows] == maze.decision_square).all(axis=1)
    return found


_ALL = (
    *(target for frame in _FRAMES for target in _places("cheese", frame, lambda seen: seen.cheese)),
    *_places("mouse", "world", lambda seen: seen.square.astype(float)),
    Target(
        "cheese_present",
        "class",
        "whether there is a cheese",
        lambda seen: (~np.isnan(seen.cheese[:, :1])).astype(float),
    ),
    Target("maze_size", "coordinate", "side of the maze in squares", lambda seen: seen.size[:, None].astype(float)),
    Target(
        "on_decision_square",
        "class",
        "whether the mouse is on the decision square, in levels that have one",
        _on_decision_square,
    ),
    Target(
        "gets_cheese",
        "class",
        "whether the agent, from the start, gets the cheese with an exact probability above ½",
        _by_level(lambda seen, maze: float(seen.outcome(maze).p_cheese > 0.5)),
        needs_agent=True,
    ),
    Target(
        "p_cheese",
        "number",
        "exact probability that the agent, from the start, gets the cheese in 500 moves",
        _by_level(lambda seen, maze: seen.outcome(maze).p_cheese),
        needs_agent=True,
    ),
    Target("value", "number", "output of the agent's value head", lambda seen: seen.value[:, None].astype(float)),
)

TARGETS: dict[str, Target] = {target.name: target for target in _ALL}
"""What an observation as a whole can be asked about, by name."""


def target_labels(target: Target, seen: Observed) -> Labels:
    """The labels of some observations, float64 `[n, axes]`, at least two different ones on every axis.

    NaN where there is none.

    Raises:
        MazeInterpError: no observation has a label, or all have the same.
    """
    labels = target.labels(seen)
    require_classes(target.name, labels[~np.isnan(labels).any(axis=1)])
    return labels


def require_classes(name: str, labels: NDArray[Any]) -> None:
    """Refuse labels `[n, axes]` from which nothing can be learnt.

    Raises:
        Unmeasurable: there are none, or all are the same.
    """
    if not len(labels):
        raise Unmeasurable(f"no observation of the store has a label for {name}")
    for axis in labels.T:
        if (axis == axis[0]).all():
            raise Unmeasurable(
                f"every observation of the store has the label {axis[0]:g} for {name}; a probe needs two different ones"
            )


def known_targets(names: Sequence[str], *registries: Mapping[str, Any]) -> list[str]:
    """The names, if each is in one of the registries.

    Raises:
        MazeInterpError: one is not; the message names the close ones.
    """
    known = {name for registry in registries for name in registry}
    for name in names:
        if name not in known:
            raise unknown_name("target", name, known)
    return list(dict.fromkeys(names))
