"""Where writing at a target's position sends the agent: every target of a level, beside moving the cheese there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from maze_interp.edits.base import Edit
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.retarget import Retargeting, retarget, retarget_by_cheese
from maze_interp.measure.targets import paths_to
from maze_interp.policies.hooks import DEFAULT_LAYER, resolve_layer
from maze_interp.studies.retarget.marks import Mark
from maze_interp.sweeps.experiment import Experiment

OUTCOMES = {"path_probability": "normalised path probability", "p_visit": "P(stands on the target within 500 moves)"}
"""What is measured, in words."""


@dataclass(frozen=True)
class Targets(Experiment):
    """A row per condition and target, the start left out: no cheese can lie there, and going there is standing still.

    Conditions are `"unedited"`, the marks by their names, and `"cheese"`, the cheese itself moved to
    the target. Elsewhere there is no cheese.

    Attributes:
        marks: what is written at each target's position.
        layer: a layer with a map.
        visits: targets of each level, drawn by its seed, whose exact `p_visit` is measured; None for
            every one. It needs every square and facing for every position, where the normalised
            path probability needs the squares of the paths.
        squares: these targets alone, open in every level; None for all within reach.
        edits: other changes in force throughout, under every condition.
    """

    name: ClassVar[str] = "targets"
    columns: ClassVar[Sequence[str]] = ("condition", "size", "x", "y", "steps", "top_right_path_distance", *OUTCOMES)

    marks: tuple[Mark, ...]
    layer: str = DEFAULT_LAYER
    visits: int | None = 8
    squares: tuple[Square, ...] | None = None
    edits: tuple[Edit, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layer", resolve_layer(self.policy, self.layer))

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        maze = maze.with_cheese(None)
        try:
            targets = [target for target in paths_to(maze, self.squares) if target != maze.start]
        except MazeInterpError as error:
            raise MazeInterpError(f"level {maze.seed}: {error}") from error
        order = np.random.default_rng(maze.seed).permutation(len(targets))
        visited = [targets[i] for i in sorted(order[: self.visits])]
        rows: list[dict[str, Any]] = []
        for mark in self.marks:
            run = partial(
                retarget,
                self.policy,
                maze,
                channels=mark.channels,
                value=mark.value,
                layer=self.layer,
                edits=self.edits,
            )
            rows += _rows(mark.name, run(targets, p_visit=False), run(visited) if visited else None)
        by_cheese = partial(retarget_by_cheese, self.policy, maze, edits=self.edits)
        result, some = by_cheese(targets, p_visit=False), by_cheese(visited) if visited else None
        return [*_rows("unedited", result, some), *rows, *_rows("cheese", result, some)]


def _rows(condition: str, result: Retargeting, visited: Retargeting | None) -> list[dict[str, Any]]:
    """The rows of one condition; `visited` holds the targets whose p_visit was measured."""
    which = "_unedited" if condition == "unedited" else ""
    reached = {} if visited is None else {(row["x"], row["y"]): row[f"p_visit{which}"] for row in visited.rows()}
    kept = ("x", "y", "steps", "top_right_path_distance")
    return [
        {
            "condition": condition,
            "size": result.maze.size,
            **{name: row[name] for name in kept},
            "path_probability": row[f"path_probability{which}"],
            "p_visit": reached.get((row["x"], row["y"])),
        }
        for row in result.rows()
    ]
