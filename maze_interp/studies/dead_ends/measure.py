"""Dead ends: how often an agent goes into branches that hold neither cheese nor corner, and the time it loses there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.sparse import csr_array
from torch import nn

from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.behaviour import HORIZON
from maze_interp.measure.chain import Chain, make_chain, occupancy, reach_ever, reach_within
from maze_interp.measure.evaluate import evaluate
from maze_interp.policies.references import PREFIX, Reference
from maze_interp.policies.untrained import xavier_like
from maze_interp.sweeps.experiment import Experiment

POLICIES = {"agent": "the agent", "untrained": "an untrained network", "random": "random actions"}
"""Whom dead ends are measured for, in words."""


@dataclass(frozen=True)
class Branch:
    """A part of a maze that hangs on the ways to cheese and corner by one square and holds neither.

    Attributes:
        mouth: the square of the ways from which it goes off.
        first: its square next to the mouth.
        squares: all of its squares.
        depth: steps from the mouth to its farthest square.
        way: the way that the mouth is on: `"cheese"`, `"corner"` or `"both"`.
    """

    mouth: Square
    first: Square
    squares: tuple[Square, ...]
    depth: int
    way: str


def branches(maze: Maze) -> list[Branch]:
    """The dead ends of a maze that the mouse can get to before it reaches the cheese, from the bottom up.

    The ways are the shortest paths from the start to the cheese, if there is one, and to the top-right
    corner. What joins them at two squares, in an edited maze with loops, is no dead end.

    Raises:
        MazeInterpError: the cheese or the corner is out of reach or reached by several shortest paths.
    """
    goals = {"corner": maze.top_right} | ({} if maze.cheese is None else {"cheese": maze.cheese})
    ways = {name: maze.path(maze.start, goal) for name, goal in goals.items()}
    on_a_way = set(chain.from_iterable(ways.values()))
    before = maze if maze.cheese is None else maze.with_cheese(None).with_open(maze.cheese, False)
    off = np.isfinite(before.distances(maze.start))
    off[tuple(np.array(list(on_a_way)).T[::-1])] = False
    parts, count = label(off)
    dead_ends = []
    for number in range(1, count + 1):
        squares = tuple((int(x), int(y)) for y, x in np.argwhere(parts == number))
        contacts = [(on, square) for square in squares for on in on_a_way if math.dist(on, square) == 1]
        if len(contacts) == 1:
            (mouth, first), *_ = contacts
            mine = [name for name, way in ways.items() if mouth in way]
            depth = int(max(before.steps(mouth, square) for square in squares))
            dead_ends.append(Branch(mouth, first, squares, depth, mine[0] if len(mine) == 1 else "both"))
    return dead_ends


@dataclass(frozen=True)
class DeadEndVisits(Experiment):
    """A row for every policy and dead end; exact, within an episode of 500 moves.

    `p_mouth` is the probability of ever standing on the mouth, `p_first` that the mouse goes in when it first leaves
    the mouth, given that it gets there, `p_enter` that it ever goes in, `moves` the expected number of times at which
    it is inside. Policies are `POLICIES`, without an untrained network for a reference policy.
    """

    name: ClassVar[str] = "dead_ends"
    columns: ClassVar[Sequence[str]] = (
        *("policy", "mouth_x", "mouth_y", "way", "depth", "squares"),
        *("p_mouth", "p_first", "p_enter", "moves"),
    )

    @cached_property
    def policies(self) -> dict[str, nn.Module]:
        """By their names in the table."""
        untrained = {} if isinstance(self.policy, Reference) else {"untrained": xavier_like(self.policy, 1)}
        return {"agent": self.policy, **untrained, "random": Reference(f"{PREFIX}random")}

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        dead_ends = branches(maze)
        if not dead_ends:
            return []
        return [
            {
                "policy": name,
                "mouth_x": branch.mouth[0],
                "mouth_y": branch.mouth[1],
                "way": branch.way,
                "depth": branch.depth,
                "squares": len(branch.squares),
                **figures,
            }
            for name, policy in self.policies.items()
            for branch, figures in zip(dead_ends, visits(policy, maze, dead_ends), strict=True)
        ]


def visits(
    policy: nn.Module, maze: Maze, dead_ends: Sequence[Branch], horizon: int = HORIZON
) -> list[dict[str, float]]:
    """`p_mouth`, `p_first`, `p_enter` and `moves` of `DeadEndVisits` for each of some branches, at least one.

    `p_first` is NaN where the mouth is never reached; leaving it may take any time.
    """
    states = make_chain(next(evaluate(policy, [maze])))
    mouths = [_arrivals(states, branch.mouth) for branch in dead_ends]
    targets = np.column_stack(
        [*(reach for reach, _ in mouths), *(states.states([branch.first]) for branch in dead_ends)]
    )
    stops = np.column_stack([*(stop for _, stop in mouths), *([np.zeros(len(targets), bool)] * len(dead_ends))])
    reached = reach_within(states.transitions, targets, horizon, stops)[states.start]
    entered = reached[-len(dead_ends) :]
    arriving = reached[: -len(dead_ends)].reshape(len(dead_ends), -1)
    spent = occupancy(states.transitions, (np.arange(len(targets)) == states.start).astype(float), horizon)
    return [
        {
            "p_mouth": float(min(weights.sum(), 1.0)),
            "p_first": float(weights @ _leaving(states, branch) / weights.sum()) if weights.any() else math.nan,
            "p_enter": float(enter),
            "moves": float(spent[states.states(branch.squares)].sum()),
        }
        for branch, weights, enter in zip(dead_ends, arriving, entered, strict=True)
    ]


def _arrivals(states: Chain, square: Square) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """First arrivals at a square: bool `[states, facings]`, the square with each facing, and with any other."""
    here = states.states([square])
    reach = np.zeros((len(here), states.facings), bool)
    reach[np.flatnonzero(here), range(states.facings)] = True
    return reach, here[:, None] & ~reach


def _leaving(states: Chain, branch: Branch) -> NDArray[np.float64]:
    """Probability, from each state on the mouth, of first leaving it into the branch."""
    here = np.flatnonzero(states.states([branch.mouth]))
    onward = states.transitions[here].toarray()
    inside = onward[:, states.states([branch.first])].sum(axis=1)
    elsewhere = np.delete(onward, here, axis=1).sum(axis=1) - inside
    small = np.zeros((len(here) + 2, len(here) + 2))
    small[: len(here)] = np.column_stack([onward[:, here], inside, np.maximum(elsewhere, 0)])
    goal = np.arange(len(small)) == len(here)
    return np.array([reach_ever(csr_array(small), goal, state) for state in range(len(here))])
