"""Dead ends: how often an agent goes into branches that hold neither cheese nor corner, and the time it loses there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.sparse import csr_array
from torch import nn

from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.behaviour import HORIZON, arrivals
from maze_interp.measure.chain import Chain, make_chain, occupancy, reach_ever, reach_within
from maze_interp.measure.evaluate import evaluate
from maze_interp.policies.references import PREFIX, Reference
from maze_interp.studies.effects import ratio
from maze_interp.studies.responses import untrained_like
from maze_interp.sweeps.experiment import Experiment
from maze_interp.sweeps.intervals import Estimate, estimate, estimate_statistic

POLICIES = {"agent": "the agent", "untrained": "an untrained network", "random": "random actions"}
"""Whom dead ends are measured for, in words."""

DEPTHS = (0, 2, 4, 7, 15, math.inf)
"""Edges of the bins of depth, each with its upper edge. In procgen's own mazes every depth is even."""

QUANTITIES = {
    "entered": "P(goes in on first leaving the mouth)",
    "ever": "P(ever goes in)",
    "moves": "moves inside, per branch",
    "moves_per_pass": "moves inside, per branch passed",
}
"""What is told of dead ends, in words; an episode has 500 moves at most."""


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
    found = []
    for number in range(1, count + 1):
        squares = tuple((int(x), int(y)) for y, x in np.argwhere(parts == number))
        contacts = [(on, square) for square in squares for on in on_a_way if math.dist(on, square) == 1]
        if len(contacts) == 1:
            (mouth, first), *_ = contacts
            mine = [name for name, way in ways.items() if mouth in way]
            depth = int(max(before.steps(mouth, square) for square in squares))
            found.append(Branch(mouth, first, squares, depth, mine[0] if len(mine) == 1 else "both"))
    return found


@dataclass(frozen=True)
class DeadEnds(Experiment):
    """A row for every policy and dead end; exact, within an episode of 500 moves.

    `p_mouth` is the probability of ever standing on the mouth, `p_first` that the mouse goes in when it
    first leaves the mouth, given that it gets there, `p_enter` that it ever goes in, `moves` the expected
    number of times at which it is inside. Policies are `POLICIES`, without an untrained network for a
    reference policy.
    """

    name: ClassVar[str] = "dead_ends"
    columns: ClassVar[Sequence[str]] = (
        *("policy", "mouth_x", "mouth_y", "way", "depth", "squares"),
        *("p_mouth", "p_first", "p_enter", "moves"),
    )

    @cached_property
    def policies(self) -> dict[str, nn.Module]:
        """By their names in the table."""
        untrained = {} if isinstance(self.policy, Reference) else {"untrained": untrained_like(self.policy, 1)}
        return {"agent": self.policy, **untrained, "random": Reference(f"{PREFIX}random")}

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        found = branches(maze)
        if not found:
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
            for branch, figures in zip(found, visits(policy, maze, found), strict=True)
        ]


def visits(policy: nn.Module, maze: Maze, found: Sequence[Branch], horizon: int = HORIZON) -> list[dict[str, float]]:
    """`p_mouth`, `p_first`, `p_enter` and `moves` of `DeadEnds` for each of some branches, at least one.

    `p_first` is NaN where the mouth is never reached; leaving it may take any time.
    """
    states = make_chain(next(evaluate(policy, [maze])))
    mouths = [arrivals(states, branch.mouth) for branch in found]
    targets = np.column_stack([*(reach for reach, _ in mouths), *(states.states([one.first]) for one in found)])
    stops = np.column_stack([*(stop for _, stop in mouths), *([np.zeros(len(targets), bool)] * len(found))])
    reached = reach_within(states.transitions, targets, horizon, stops)[states.start]
    entered = reached[-len(found) :]
    arriving = reached[: -len(found)].reshape(len(found), -1)
    spent = occupancy(states.transitions, (np.arange(len(targets)) == states.start).astype(float), horizon)
    return [
        {
            "p_mouth": float(min(weights.sum(), 1.0)),
            "p_first": float(weights @ _leaving(states, one) / weights.sum()) if weights.any() else math.nan,
            "p_enter": float(enter),
            "moves": float(spent[states.states(one.squares)].sum()),
        }
        for one, weights, enter in zip(found, arriving, entered, strict=True)
    ]


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


def dead_end_figures(rows: pd.DataFrame) -> dict[str, Estimate]:
    """`QUANTITIES` over levels, from the rows of one policy.

    `ever` and `moves` are means over a level's branches, then over levels; `entered` and
    `moves_per_pass` are ratios of sums, branches weighing by the probability of coming past.
    """
    sums = rows.assign(entered=(rows["p_mouth"] * rows["p_first"]).fillna(0)).groupby("seed")
    total = sums[["entered", "moves", "p_mouth"]].sum()
    mean = sums[["p_enter", "moves"]].mean()
    return {
        "entered": estimate_statistic(ratio, total["entered"], total["p_mouth"]),
        "ever": estimate(mean["p_enter"]),
        "moves": estimate(mean["moves"]),
        "moves_per_pass": estimate_statistic(ratio, total["moves"], total["p_mouth"]),
    }


def depth_names() -> list[str]:
    """The bins of depth in words, shallow first."""
    ends = ((low + 1, high) for low, high in pairwise(DEPTHS))
    return [f"{low:g}–{high:g}" if math.isfinite(high) else f"{low:g} or more" for low, high in ends]


def dead_end_table(rows: pd.DataFrame) -> pd.DataFrame:
    """`dead_end_figures` by depth: columns policy, depth ("any", or a bin), quantity, branches; n, mean, low, high."""
    names = depth_names()
    binned = pd.cut(rows["depth"], DEPTHS, labels=names)
    found = []
    for depth in ("any", *names):
        some = rows if depth == "any" else rows[binned == depth]
        for policy, mine in some.groupby("policy", sort=False):
            for quantity, one in dead_end_figures(mine).items():
                key = {"policy": policy, "depth": depth, "quantity": quantity, "branches": len(mine)}
                found.append({**key, **one.as_dict()})
    return pd.DataFrame(found)


def moves_lost(rows: pd.DataFrame) -> dict[str, Estimate]:
    """Expected moves of an episode in dead ends, by policy; over the levels that have any."""
    total = rows.groupby(["policy", "seed"], sort=False)["moves"].sum()
    return {policy: estimate(total[policy]) for policy in rows["policy"].unique()}
