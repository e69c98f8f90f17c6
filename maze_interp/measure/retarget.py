"""Where an edit can send the policy: overwrite one position of some channels, target by target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from maze_interp.arguments import checked
from maze_interp.edits.base import Edits, applied
from maze_interp.edits.kinds import SetPixel
from maze_interp.edits.where import Channels
from maze_interp.environment.observe import FACINGS, Facing, observe
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.behaviour import HORIZON, Horizon, behaviours
from maze_interp.measure.edited import evaluate_edits
from maze_interp.measure.evaluate import Evaluation, evaluate, outputs_of, outputs_on_host
from maze_interp.measure.targets import Floats, path_probability, paths_to, visits
from maze_interp.policies.devices import batch_size, device_of
from maze_interp.policies.hooks import DEFAULT_LAYER
from maze_interp.policies.moves import to_input
from maze_interp.policies.pixels import map_size, pixel_in
from maze_interp.policies.threads import one_thread


@dataclass(frozen=True, eq=False, repr=False)
class Retargeting:
    """How well the policy was sent to each of t targets, and how it does when left alone.

    Attributes:
        targets: the t squares.
        path_probability: float64 `[t]`, normalised path probability with the edit for that target.
        path_probability_unedited: float64 `[t]`, without any edit.
        p_visit: float64 `[t]`, probability of standing on the target within the horizon, with the
            edit for it active throughout; None if it was not asked for.
        p_visit_unedited: float64 `[t]`, without any edit; None if it was not asked for.
    """

    maze: Maze
    targets: tuple[Square, ...]
    path_probability: Floats
    path_probability_unedited: Floats
    p_visit: Floats | None
    p_visit_unedited: Floats | None

    def __repr__(self) -> str:
        return f"<Retargeting: {len(self.targets)} targets in {self.maze!r}, mean ratio {np.nanmean(self.ratio):.3g}>"

    @property
    def ratio(self) -> Floats:
        """Normalised path probability with the edit over that without, float64 `[t]`."""
        return _over(self.path_probability, self.path_probability_unedited)

    @property
    def visit_ratio(self) -> Floats | None:
        """`p_visit` with the edit over that without, float64 `[t]`."""
        if self.p_visit is None or self.p_visit_unedited is None:
            return None
        return _over(self.p_visit, self.p_visit_unedited)

    @property
    def steps(self) -> Floats:
        """Length of the path start → target, float64 `[t]`."""
        return np.array([self.maze.steps(self.maze.start, target) for target in self.targets])

    @property
    def top_right_path_distance(self) -> Floats:
        """Squares on start → target that are not on start → top-right corner; NaN without such a path."""
        maze = self.maze
        if not (maze.open[maze.top_right[::-1]] and np.isfinite(maze.steps(maze.start, maze.top_right))):
            return np.full(len(self.targets), np.nan)
        to_corner = set(maze.path(maze.start, maze.top_right))
        return np.array([len(set(maze.path(maze.start, target)) - to_corner) for target in self.targets], float)

    def rows(self) -> list[dict[str, Any]]:
        """One row of plain numbers per target, for a table; None where nothing was measured."""
        x, y = np.array(self.targets).T
        columns: dict[str, NDArray[Any] | None] = {
            "x": x,
            "y": y,
            "steps": self.steps,
            "top_right_path_distance": self.top_right_path_distance,
            "path_probability": self.path_probability,
            "path_probability_unedited": self.path_probability_unedited,
            "ratio": self.ratio,
            "p_visit": self.p_visit,
            "p_visit_unedited": self.p_visit_unedited,
            "visit_ratio": self.visit_ratio,
        }
        lists = {name: [None] * len(x) if column is None else column.tolist() for name, column in columns.items()}
        return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]

    def grid(self, values: Floats) -> Floats:
        """`values` (`[t]`) laid out as `[size, size]`, indexed `[y, x]`; NaN off the targets."""
        if np.shape(values) != (len(self.targets),):
            raise MazeInterpError(f"there are {len(self.targets)} targets, the values have shape {np.shape(values)}")
        laid_out = np.full(self.maze.open.shape, np.nan)
        x, y = np.array(self.targets).T
        laid_out[y, x] = values
        return laid_out


@checked
def retarget(
    policy: nn.Module,
    maze: Maze,
    targets: Iterable[Square] | None = None,
    *,
    channels: Channels,
    value: float,
    layer: str = DEFAULT_LAYER,
    edits: Edits = (),
    p_visit: bool = True,
    horizon: Horizon = HORIZON,
) -> Retargeting:
    """Set the position of each target in `channels` to `value`, and see how far the policy goes there.

    Targets that share a position share its forward passes, but each has its own path. The published
    figures are of mazes without cheese (`maze.with_cheese(None)`).

    Args:
        policy: the network.
        maze: the maze; a cheese stays where it is.
        targets: squares that can be reached from the start; None for all of them.
        channels: channel numbers, or None for all.
        value: what is written.
        layer: a convolutional layer.
        edits: other changes in force throughout, also where the one for the target is not.
        p_visit: measure `p_visit` too, which needs every square; the paths' squares suffice else.
        horizon: moves in an episode.

    Raises:
        MazeInterpError: a target in a wall, out of reach or reached in several ways; an unknown
            layer or one without a map; a channel it does not have.
    """
    paths = paths_to(maze, targets)
    size = map_size(policy, layer)
    marks = [SetPixel(layer, channels, pixel_in(maze, target, size), value) for target in paths]
    distinct = {mark: i for i, mark in enumerate(dict.fromkeys(marks), 1)}  # 0 is the network without any
    number = [distinct[mark] for mark in marks]
    facings: Sequence[Facing] = FACINGS if p_visit else ("left",)
    wanted = None if p_visit else _wanted(maze, list(paths.values()), number)
    combinations = [(), *((mark,) for mark in distinct)]
    results = evaluate_edits(policy, maze, layer, combinations, wanted, facings, edits)
    own = [results[one] for one in number]
    return Retargeting(
        maze=maze,
        targets=tuple(paths),
        path_probability=_path_probabilities(own, paths),
        path_probability_unedited=_path_probabilities([results[0]] * len(paths), paths),
        p_visit=visits(results, number, list(paths), horizon) if p_visit else None,
        p_visit_unedited=visits(results[:1], [0] * len(paths), list(paths), horizon) if p_visit else None,
    )


@checked
def retarget_by_cheese(
    policy: nn.Module,
    maze: Maze,
    targets: Iterable[Square] | None = None,
    *,
    edits: Edits = (),
    p_visit: bool = True,
    horizon: Horizon = HORIZON,
) -> Retargeting:
    """Move the cheese itself to each target instead of editing; "unedited" is the maze as given.

    Arguments and errors are those of `retarget`; `edits` hold in both mazes. The start, where no
    cheese can lie, is no target.
    """
    paths = paths_to(maze, targets)
    if targets is None:
        del paths[maze.start]
    mazes = [maze.with_cheese(target) for target in paths]
    plain = next(evaluate(policy, [maze], edits, FACINGS if p_visit else ("left",)))
    reached: list[float] = []
    moved: list[float] = []
    if p_visit:
        for path, result in zip(paths.values(), behaviours(policy, mazes, edits, horizon), strict=True):
            reached.append(result.p_cheese)
            moved.append(path_probability(result.field.probs, result.field.squares, path, result.maze.cheese))
    else:
        for path, probs in zip(paths.values(), _along(policy, mazes, list(paths.values()), edits), strict=True):
            moved.append(path_probability(probs, path[:-1], path, path[-1]))
    return Retargeting(
        maze=maze,
        targets=tuple(paths),
        path_probability=np.array(moved),
        path_probability_unedited=_path_probabilities([plain] * len(paths), paths),
        p_visit=np.array(reached) if p_visit else None,
        p_visit_unedited=visits([plain], [0] * len(paths), list(paths), horizon) if p_visit else None,
    )


def _wanted(maze: Maze, paths: Sequence[Sequence[Square]], number: Sequence[int]) -> NDArray[np.bool_]:
    """bool `[edits, n, 1]`: the squares on some path of a target of that edit, or for 0 of any."""
    row = {square: i for i, square in enumerate(square for square in maze.squares if square != maze.cheese)}
    wanted = np.zeros((max(number) + 1, len(row), 1), bool)
    for path, edit in zip(paths, number, strict=True):
        needed = [row[square] for square in path[: max(1, len(path) - 1)] if square in row]
        wanted[[[0], [edit]], needed] = True
    return wanted


def _path_probabilities(evaluations: Sequence[Evaluation], paths: dict[Square, tuple[Square, ...]]) -> Floats:
    """For each target, the normalised path probability under its own evaluation."""
    results = [
        path_probability(evaluation.probs[:, 0], evaluation.squares, path, evaluation.maze.cheese)
        for evaluation, path in zip(evaluations, paths.values(), strict=True)
    ]
    return np.array(results)


def _along(policy: nn.Module, mazes: Iterable[Maze], paths: Sequence[Sequence[Square]], edits: Edits) -> list[Floats]:
    """Move probabilities `[len(path) − 1, 5]` on all but the last square of each path, in full batches."""
    states = (one for maze, path in zip(mazes, paths, strict=True) for one in observe(maze, path[:-1]))
    outputs, device = [], device_of(policy)
    with torch.inference_mode(), one_thread(), applied(policy, edits):
        while batch := list(islice(states, batch_size(device))):
            outputs.append(outputs_of(*policy(to_input(np.stack(batch), device))))
    return np.split(outputs_on_host(outputs)[:, :5], np.cumsum([len(path) - 1 for path in paths])[:-1])


def _over(a: Floats, b: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return a / b
