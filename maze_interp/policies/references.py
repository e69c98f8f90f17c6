"""Reference policies: simple rules that know the maze rather than its picture, to set agents against.

Each moves as its rule says, ties split evenly, and stands still where the rule names no move. A wall
follower remembers its heading, the move it last made; at the start it heads left, as the mouse faces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.mazes.maze import Maze, Square
from maze_interp.policies import hooks
from maze_interp.policies.hooks import HookFunction, Layers
from maze_interp.policies.moves import MOVE_OF_ACTION, MOVES, STEPS

PREFIX = "reference:"

UNIFORM = np.bincount(MOVE_OF_ACTION) / len(MOVE_OF_ACTION)
"""float64 `[5]`: the moves of an agent that draws its fifteen actions evenly, 3, 1, 1, 3 and 7 fifteenths."""

_VERSION = 1  # raised whenever a rule moves otherwise than before
_NOOP = MOVES.index("noop")
_CLOCKWISE = tuple(MOVES.index(move) for move in ("left", "up", "right", "down"))

Floats = NDArray[np.float64]


def shortest_to_cheese(maze: Maze) -> Floats:
    """One step along the shortest path to the cheese."""
    return _evenly(_nearer(maze, maze.distances(_cheese(maze))))


def shortest_to_corner(maze: Maze) -> Floats:
    """One step along the shortest path to the top-right corner, where it stays."""
    return _evenly(_nearer(maze, maze.distances(maze.require_open(maze.top_right, "top-right corner"))))


def greedy_euclidean(maze: Maze) -> Floats:
    """To the neighbouring square that is nearest to the cheese as the crow flies, though it be farther than here."""
    x, y = _cheese(maze)
    rows, columns = np.indices(maze.open.shape)
    away = np.where(maze.open, (columns - x) ** 2 + (rows - y) ** 2, np.inf)
    return _evenly(_nearer(maze, away, moving=True))


def local_search(maze: Maze, radius: int) -> Floats:
    """The shortest path to a cheese within so many steps, else that to the corner."""
    to_corner = shortest_to_corner(maze)
    if maze.cheese is None:
        return to_corner
    steps = np.array([maze.distances(maze.cheese)[y, x] for x, y in maze.squares])
    near: Floats = np.where(steps[:, None, None] <= radius, shortest_to_cheese(maze), to_corner)
    return near


def follow_wall(maze: Maze, side: int) -> Floats:
    """Keeps a hand on the wall: turns to that side if it can, else goes on, else to the other side, else back.

    The move for each heading, float64 `[n, 4, 5]`, in the order left, down, up, right; `side` is 1 for the right hand,
    −1 for the left.
    """
    wishes = np.empty((4, 4), int)
    for place, heading in enumerate(_CLOCKWISE):
        wishes[heading] = [_CLOCKWISE[(place + turn) % 4] for turn in (side, 0, -side, 2)]
    free = np.isfinite(_beside(maze, np.where(maze.open, 0.0, np.inf))[:, :_NOOP])
    wished = free[:, wishes]  # [n, heading, wish]
    first = wishes[np.arange(4), wished.argmax(axis=2)]
    probs: Floats = np.eye(len(MOVES))[np.where(wished.any(axis=2), first, _NOOP)]
    return probs


def uniform(maze: Maze) -> Floats:
    """Draws one of the fifteen actions, each as likely as the others."""
    return np.tile(UNIFORM, (len(maze.squares), 1, 1))


_RULES: dict[str, Callable[[Maze], Floats]] = {
    "shortest-to-cheese": shortest_to_cheese,
    "shortest-to-corner": shortest_to_corner,
    "left-wall": lambda maze: follow_wall(maze, -1),
    "right-wall": lambda maze: follow_wall(maze, 1),
    "greedy-euclidean": greedy_euclidean,
    "random": uniform,
}


class Reference(nn.Module):
    """A rule in place of a network: every exact measurement takes it, whatever needs layers or pictures refuses it.

    Its name is one of `_RULES` or `local-search-R`, after `"reference:"`.

    Raises:
        MazeInterpError: an unknown name.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self._radius = _radius(name)
        # The network's hash is that of its tensors; so is this one's, of its name and the rules' version.
        self.register_buffer("rule", torch.tensor([*name.encode(), _VERSION], device="cpu"))

    def moves(self, maze: Maze) -> tuple[Floats, NDArray[np.intp]]:
        """What it does on every open square.

        Returns:
            float64 `[n, k, 5]`, probabilities of the moves on the squares in order of `maze.squares` for
            each of the k states of its memory (4 headings of a wall follower, else 1); and int `[n]`,
            the state in which it first comes to each square from the start were there no cheese to end
            the walk, 0 where it never does.

        Raises:
            MazeInterpError: the maze lacks the goal.
        """
        try:
            probs = local_search(maze, self._radius) if self._radius else _RULES[self.name.removeprefix(PREFIX)](maze)
        except MazeInterpError as error:
            raise MazeInterpError(f"{self.name} has nowhere to go in level {maze.seed}: {error}") from error
        return probs, _first_headings(maze, probs)

    def __repr__(self) -> str:
        return f"<Reference: {self.name}>"

    def forward(self, x: Tensor) -> NoReturn:
        """Refuse a picture."""
        raise MazeInterpError(f"{self.name} knows the maze, not its picture: it cannot be run on observations")

    def hooks(self, functions: Mapping[str, hooks.HookFunction]) -> AbstractContextManager[None]:
        """Refuse hooks: there is no layer."""
        return hooks.hooked(self, functions)

    def run_with_cache(self, x: Tensor, layers: Layers | None = None, gradients: bool = False) -> NoReturn:
        """Refuse to record: there is no activation."""
        raise MazeInterpError(f"{self.name} has no layers; what reads or edits activations needs a network")

    def run_with_hooks(self, x: Tensor, hooks: Iterable[tuple[str, HookFunction]]) -> NoReturn:
        """Refuse hooks: there is no layer."""
        raise MazeInterpError(f"{self.name} has no layers; what reads or edits activations needs a network")


REFERENCES: tuple[str, ...] = (*(f"{PREFIX}{name}" for name in _RULES), f"{PREFIX}local-search-5")
"""Names of reference policies; the number is any radius from 1."""


def is_reference(agent: object) -> bool:
    """Whether a name is that of a reference policy, known or not."""
    return str(agent).startswith(PREFIX)


def _radius(name: str) -> int:
    """Of a local search; 0 for any other rule.

    Raises:
        MazeInterpError: an unknown name.
    """
    if found := re.fullmatch(rf"{PREFIX}local-search-([1-9][0-9]{{0,3}})", name):
        return int(found[1])
    if name.removeprefix(PREFIX) not in _RULES or not is_reference(name):
        raise unknown_name("reference policy", name, REFERENCES)
    return 0


def _cheese(maze: Maze) -> Square:
    if maze.cheese is None:
        raise MazeInterpError("it has no cheese")
    return maze.cheese


def _beside(maze: Maze, grid: Floats) -> Floats:
    """float64 `[n, 5]`: what `grid` holds where each move from each open square leads; inf off the maze."""
    x, y = (np.array(maze.squares)[:, None] + 1 + STEPS).transpose(2, 0, 1)
    found: Floats = np.pad(grid, 1, constant_values=np.inf)[y, x]
    return found


def _nearer(maze: Maze, away: Floats, moving: bool = False) -> NDArray[np.bool_]:
    """bool `[n, 5]`: the moves that lead where `away` is least, the no-op only if `moving` does not forbid it."""
    reached = _beside(maze, away)
    if moving:
        reached[:, _NOOP] = np.inf
    best: NDArray[np.bool_] = (reached == reached.min(axis=1, keepdims=True)) & np.isfinite(reached)
    return best


def _evenly(chosen: NDArray[np.bool_]) -> Floats:
    """Chosen moves `[n, 5]` as probabilities `[n, 1, 5]`; the no-op where none is."""
    chosen[:, _NOOP] |= ~chosen.any(axis=1)
    probs: Floats = (chosen / chosen.sum(axis=1, keepdims=True))[:, None]
    return probs


def _first_headings(maze: Maze, probs: Floats) -> NDArray[np.intp]:
    """The heading of a wall follower's first arrival on each square; 0 for a rule without memory."""
    first = np.zeros(len(probs), np.intp)
    if probs.shape[1] == 1:
        return first
    row = {square: i for i, square in enumerate(maze.squares)}
    state = maze.start, 0
    known: dict[tuple[Square, int], None] = {}
    while state not in known:
        known[state] = None
        (x, y), heading = state
        move = int(probs[row[x, y], heading].argmax())
        dx, dy = STEPS[move].tolist()
        state = (x + dx, y + dy), heading if move == _NOOP else move
    for square, heading in reversed(known):
        first[row[square]] = heading
    return first
