"""The cheese on every square of a level, before the network as it is and as edited: what the explorer shows."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from maze_interp.edits.base import Edit
from maze_interp.edits.kinds import Add
from maze_interp.edits.vectors import cheese_vector, top_right_vector
from maze_interp.mazes.constructed import cheese_everywhere
from maze_interp.mazes.maze import Maze
from maze_interp.measure.behaviour import Behaviour, behaviour, behaviours_of
from maze_interp.measure.edited import evaluate_edits
from maze_interp.policies.hooks import DEFAULT_LAYER, resolve_layer
from maze_interp.policies.references import Reference
from maze_interp.sweeps.experiment import Experiment

PLAIN, NO_CHEESE, CORNER, OWN = "as it is", "cheese vector subtracted", "top-right vector added", "with the edits given"
NETWORKS = (PLAIN, NO_CHEESE, CORNER, OWN)
"""In the order in which they are shown. Without cheese there is no cheese vector, and in a maze that fills its world no
top-right vector."""
NO_VALUE = -(2**15)
"""Stands for the value of a policy without a value head."""


@dataclass(frozen=True)
class Explored(Experiment):
    """A row for every place of the cheese, and for none, and every network: the agent as it is, and as edited.

    `x` and `y` are the cheese's square, empty without one; `p_cheese`, `p_top_right` and `moves` (of the episode,
    expected) are exact; `to_cheese` and `to_corner` are the probabilities at the decision square, if there is one;
    `squares` is `pack`'s.

    Attributes:
        edits: a network of its own: these in force throughout.
        layer: of the cheese vector and the top-right vector, computed for every place of the cheese.
    """

    name: ClassVar[str] = "explored"
    columns: ClassVar[Sequence[str]] = (
        *("network", "x", "y"),
        *("p_cheese", "p_top_right", "moves", "to_cheese", "to_corner", "squares"),
    )

    edits: tuple[Edit, ...] = ()
    layer: str = DEFAULT_LAYER

    def __post_init__(self) -> None:
        if not isinstance(self.policy, Reference):
            object.__setattr__(self, "layer", resolve_layer(self.policy, self.layer))

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        none = () if isinstance(self.policy, Reference) else (maze.with_cheese(None),)  # a rule may need a cheese
        return [row for one in (*none, *cheese_everywhere(maze)) for row in self._rows(one)]

    def _rows(self, maze: Maze) -> Iterator[dict[str, Any]]:
        x, y = maze.cheese or (None, None)
        for network, result in self._behaviours(maze):
            yield {
                "network": network,
                "x": x,
                "y": y,
                "p_cheese": round(result.p_cheese, 6),
                "p_top_right": round(result.p_top_right, 6),
                "moves": round(result.expected_steps, 3),
                "to_cheese": result.field.p_cheese,
                "to_corner": result.field.p_top_right,
                "squares": pack(result),
            }

    def _behaviours(self, maze: Maze) -> Iterator[tuple[str, Behaviour]]:
        if isinstance(self.policy, Reference):
            yield PLAIN, behaviour(self.policy, maze)
            return
        networks: dict[str, tuple[Edit, ...]] = {PLAIN: ()}
        if maze.cheese is not None:
            networks[NO_CHEESE] = (Add(self.layer, cheese_vector(self.policy, maze, self.layer), -1.0),)
        if maze.padding:
            networks[CORNER] = (Add(self.layer, top_right_vector(self.policy, maze, self.layer)),)
        evaluations = evaluate_edits(self.policy, maze, self.layer, list(networks.values()))
        yield from zip(networks, behaviours_of(evaluations), strict=True)
        if self.edits:
            yield OWN, behaviour(self.policy, maze, self.edits)


def pack(result: Behaviour) -> str:
    """What a policy does on every open square, in the order of `Maze.squares`, as text.

    Base64 of a zlib stream of little-endian numbers: for each square the probabilities of the five moves in 255ths
    (uint8); then for each the expected visits in hundredths (uint16); then for each the value in hundredths (int16,
    `NO_VALUE` without a value head). On the cheese the first and the last are 0.
    """
    maze, field = result.maze, result.field
    places = [maze.squares.index(square) for square in field.squares]
    probs, value = np.zeros((len(maze.squares), 5)), np.zeros(len(maze.squares))
    probs[places], value[places] = field.probs, field.value
    x, y = np.array(maze.squares).T
    hundredths = np.where(
        np.isnan(value), NO_VALUE, np.clip(np.rint(np.nan_to_num(100 * value)), NO_VALUE + 1, -NO_VALUE - 1)
    )
    parts = (
        np.rint(255 * probs).astype("u1"),
        np.rint(100 * result.occupancy[y, x]).astype("<u2"),
        hundredths.astype("<i2"),
    )
    return base64.b64encode(zlib.compress(b"".join(part.tobytes() for part in parts), 9)).decode()
