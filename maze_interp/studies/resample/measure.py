"""Channels of a level replaced by their values in another level, the cheese on the same square or elsewhere.

A level's *donor* is another level of the same size, drawn by the level's seed, in which the level's cheese square is
open. Its activations are taken twice: with its cheese moved to that square (the same cheese square), and with its
cheese where procgen put it (another one). So the two sources share their walls and differ in the cheese alone, and
squares lie at the same places of the map. The mouse stands on the same square in both levels; squares that only one of
them has open are left out, so that what the channels represent of the mouse never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from maze_interp.edits.where import as_channels
from maze_interp.environment.levels import maze_from_seed
from maze_interp.environment.observe import observe
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.channels import count_channels, require_channels
from maze_interp.measure.masked import run_masks
from maze_interp.policies.hooks import DEFAULT_LAYER, resolve_layer
from maze_interp.policies.moves import to_input
from maze_interp.policies.split import split
from maze_interp.sweeps.experiment import Experiment

Floats = NDArray[np.float64]

DONORS = range(800_000_000, 800_001_000)
"""Levels that donors are drawn from; none of them is measured on."""

SOURCES = {"same": "same cheese square", "other": "another cheese square"}
"""Where the donor's cheese lies, in words: on the level's own cheese square, or on another."""

SETS = {"given": "the channels", "random": "as many others,\nat random", "layer": "the whole layer"}
"""Which channels are replaced, in words: those studied; as many drawn from the rest of the layer; all of it."""

QUANTITIES = {"tv": "total variation distance", "changed": "share of greedy moves changed"}
"""How far the moves change, in words."""


def total_variation(p: Floats, q: Floats) -> Floats:
    """Half the sum of the differences of two distributions in size, over the last axis; 0 to 1."""
    return np.abs(p - q).sum(axis=-1) / 2


def greedy_changes(p: Floats, q: Floats) -> NDArray[np.bool_]:
    """Where the most probable outcome differs, over the last axis."""
    return p.argmax(axis=-1) != q.argmax(axis=-1)


def choose_donor(maze: Maze, donors: Sequence[int]) -> Maze:
    """The donor of a level: drawn by its seed, its cheese where procgen put it.

    Raises:
        MazeInterpError: the maze has no cheese, or none of the donors qualifies.
    """
    if maze.cheese is None:
        raise MazeInterpError("the maze has no cheese, so no donor can have it in the same place")
    x, y = maze.cheese
    for number in np.random.default_rng(maze.seed).permutation(len(donors)):
        donor = maze_from_seed(donors[int(number)], maze.distribution_mode)
        if donor.size == maze.size and donor.open[y, x] and donor.cheese != maze.cheese and donor.seed != maze.seed:
            return donor
    raise MazeInterpError(f"none of {len(donors)} donors has size {maze.size} and {maze.cheese} open without cheese")


@dataclass(frozen=True)
class Resampling(Experiment):
    """How far the moves change when some channels come from another level: total variation and greedy moves.

    A row is one set of channels (`SETS`; `draw` numbers the random ones) with one source
    (`SOURCES`): `tv`, the total variation distance between the distributions over the five moves
    with and without, and `changed`, whether the most probable move differs, each a mean over the
    `squares` that are open in level and donor and hold neither's cheese, the mouse facing left.

    Attributes:
        channels: of the layer, at most half of them.
        layer: the layer.
        draws: random sets, the same on every level.
        donors: level seeds, none of them measured on.

    Raises:
        MazeInterpError: channels that the layer does not have, or too many; donors among the levels.
    """

    name: ClassVar[str] = "resampling"
    columns: ClassVar[Sequence[str]] = ("donor", "squares", "set", "draw", "source", *QUANTITIES)

    channels: tuple[int, ...]
    layer: str = DEFAULT_LAYER
    draws: int = 10
    donors: range = DONORS

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", as_channels(self.channels))
        object.__setattr__(self, "layer", resolve_layer(self.policy, self.layer))
        require_channels(self.policy, self.layer, self.channels)
        size = count_channels(self.policy, self.layer)
        if 2 * len(self.channels) > size:
            raise MazeInterpError(
                f"{len(self.channels)} of the {size} channels of {self.layer} leave too few to draw random sets of "
                f"equal size from; take at most {size // 2}"
            )
        if self.draws < 1:
            raise MazeInterpError(f"there must be at least 1 random set to compare with, not {self.draws}")
        if set(self.donors) & set(self.levels.seeds):
            raise MazeInterpError(
                f"levels {self.donors.start} to {self.donors.stop - 1} are donors; measure on other levels"
            )

    @cached_property
    def sets(self) -> dict[tuple[str, int], tuple[int, ...]]:
        """The sets of channels by (set, draw)."""
        size = count_channels(self.policy, self.layer)
        rest = np.setdiff1d(np.arange(size), self.channels)
        random = np.random.default_rng(0)
        drawn = [tuple(random.permutation(rest)[: len(self.channels)].tolist()) for _ in range(self.draws)]
        return {
            ("given", 0): self.channels,
            **{("random", i): some for i, some in enumerate(drawn)},
            ("layer", 0): tuple(range(size)),
        }

    def set_table(self) -> pd.DataFrame:
        """The sets of channels: columns set, draw, layer, channels (with spaces between them)."""
        return pd.DataFrame(
            {"set": name, "draw": draw, "layer": self.layer, "channels": " ".join(map(str, channels))}
            for (name, draw), channels in self.sets.items()
        )

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        if maze.cheese is None:
            return []
        donor = choose_donor(maze, self.donors)
        squares = common_squares(maze, donor)
        sources = {"same": donor.with_cheese(maze.cheese), "other": donor}
        rows = []
        for source, other in sources.items():
            probs = self._probabilities(maze, other, squares)
            for (name, draw), resampled in zip(self.sets, probs[1:], strict=True):
                rows.append(
                    {
                        **{"donor": donor.seed, "squares": len(squares), "set": name, "draw": draw, "source": source},
                        "tv": round(float(total_variation(resampled, probs[0]).mean()), 7),
                        "changed": round(float(greedy_changes(resampled, probs[0]).mean()), 7),
                    }
                )
        return rows

    @torch.inference_mode()
    def _probabilities(self, maze: Maze, source: Maze, squares: Sequence[Square]) -> Floats:
        """Move probabilities `[1 + sets, squares, 5]`: of the network as it is, then with each set from the source."""
        cut = split(self.policy, self.layer)
        crossings = [cut.prefix(to_input(observe(one, squares))) for one in (maze, source)]
        recipient, taken = crossings
        shape = taken.activation.shape[1:]
        masks = torch.zeros(1 + len(self.sets), shape[0], *(1,) * (len(shape) - 1), dtype=torch.bool)
        for mask, channels in zip(masks[1:], self.sets.values(), strict=True):
            mask[list(channels)] = True
        return run_masks(cut, recipient, taken.activation, masks)[..., :5]


def common_squares(maze: Maze, donor: Maze) -> tuple[Square, ...]:
    """The squares that are open in both and hold the cheese of neither."""
    return tuple((x, y) for x, y in maze.squares if donor.open[y, x] and (x, y) not in (maze.cheese, donor.cheese))
