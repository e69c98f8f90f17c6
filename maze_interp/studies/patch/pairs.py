"""Pairs of mazes that differ in one thing, the mouse on the same square in both: a recipient and a donor."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from maze_interp.edits.vectors import with_corner_path
from maze_interp.errors import unknown_name
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.field import move_between
from maze_interp.policies.moves import MOVES
from maze_interp.sweeps.experiment import Experiment, Row

KINDS = {
    "cheese-to-corner": "the donor's cheese lies on the top-right square",
    "cheese-moved": "the donor's cheese lies on a random square that another move from the decision square leads to",
    "cheese-removed": "the donor has no cheese",
    "corner-path": "the donor has a path opened from its top-right square to the corner of the world",
}
"""What the donor has that the recipient, a level with its cheese where procgen puts it, has not."""


@dataclass(frozen=True)
class Pair:
    """A recipient, whose run is patched, and a donor, whose activations are put in.

    Attributes:
        recipient: the maze walked in.
        donor: the maze whose activations are taken; the same squares mean the same places.
        square: the recipient's decision square.
        recipient_goal: the recipient's cheese.
        donor_goal: where the donor should draw the mouse: its cheese, or the corner.
        aim: the square that stands for `donor_goal` where moves are concerned: reachable in both mazes.
    """

    recipient: Maze
    donor: Maze
    square: Square
    recipient_goal: Square
    donor_goal: Square
    aim: Square

    def moves(self, square: Square) -> tuple[int, int]:
        """Numbers (in `MOVES`) of the first moves from `square` towards the recipient's goal and the donor's."""
        recipient, donor = (
            MOVES.index(move_between(square, self.recipient.path(square, goal)[1]))
            for goal in (self.recipient_goal, self.aim)
        )
        return recipient, donor

    @property
    def between(self) -> tuple[Square, ...]:
        """The squares strictly between the two goals, where these call for opposite moves or part."""
        return self.recipient.path(self.recipient_goal, self.aim)[1:-1]


def make_pair(maze: Maze, kind: str, region: int) -> Pair | None:
    """The pair of a level, or None if the level does not qualify.

    A level qualifies with a decision square and its cheese outside the top-right region; for
    `corner-path` it must not fill its world, and for `cheese-moved` there must be a place to move to.

    Args:
        maze: the level, its cheese where procgen puts it.
        kind: one of `KINDS`.
        region: the n of the agent's training region, the top-right n×n.

    Raises:
        MazeInterpError: an unknown kind.
    """
    if kind not in KINDS:
        raise unknown_name("kind of pair", kind, KINDS)
    square, cheese = maze.decision_square, maze.cheese
    if square is None or cheese is None or cheese in maze.region(region):
        return None
    corner = maze.top_right
    if kind == "cheese-to-corner":
        return Pair(maze, maze.with_cheese(corner), square, cheese, corner, corner)
    if kind == "cheese-removed":
        return Pair(maze, maze.with_cheese(None), square, cheese, corner, corner)
    if kind == "cheese-moved":
        moved = _elsewhere(maze, square, cheese, region)
        return None if moved is None else Pair(maze, maze.with_cheese(moved), square, cheese, moved, moved)
    if not maze.padding:
        return None
    padded, opened = maze.padded(), with_corner_path(maze)
    square, cheese, aim = ((x + maze.padding, y + maze.padding) for x, y in (square, cheese, corner))
    return Pair(padded, opened, square, cheese, padded.top_right, aim)


def _elsewhere(maze: Maze, square: Square, cheese: Square, region: int) -> Square | None:
    """A square drawn by the level's seed, outside the region, to which the move from `square` is not the cheese's."""
    onward = maze.path(square, cheese)[1]
    nearer = maze.distances(onward) < maze.distances(square)
    excluded = {maze.start, square, *maze.region(region)}
    choices = [(x, y) for x, y in maze.squares if not nearer[y, x] and (x, y) not in excluded]
    return choices[np.random.default_rng([maze.seed, len(choices)]).integers(len(choices))] if choices else None


@dataclass(frozen=True)
class PairExperiment(Experiment):
    """An experiment on the pair of each level; levels without one give no rows.

    Attributes:
        kind: of the pairs, one of `KINDS`.
    """

    kind: str
    region: int

    def rows(self, maze: Maze) -> Sequence[Row]:
        """See `Experiment`."""
        pair = make_pair(maze, self.kind, self.region)
        return [] if pair is None else list(self.pair_rows(pair))

    @abstractmethod
    def pair_rows(self, pair: Pair) -> Iterable[Row]:
        """The rows of one pair; none if it does not qualify."""


@dataclass(frozen=True)
class LayerwiseExperiment(PairExperiment):
    """An experiment on the pair of each level, in one layer after the other."""

    layers: tuple[str, ...]

    def pair_rows(self, pair: Pair) -> Iterator[Row]:
        """See `PairExperiment`."""
        for layer in self.layers:
            yield from self.layer_rows(pair, layer)

    @abstractmethod
    def layer_rows(self, pair: Pair, layer: str) -> Iterable[Row]:
        """The rows of one pair and layer; none if it does not qualify."""
