"""Behaviour with one channel at a time set to zero, to its mean, or to its value in another observation."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maze_interp.edits.base import Edit
from maze_interp.edits.kinds import Mean, Resample, Zero
from maze_interp.edits.observations import Observations, mean_activations
from maze_interp.environment.levels import region_maze
from maze_interp.environment.observe import observe
from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.behaviour import HORIZON
from maze_interp.measure.chain import reach_cheese
from maze_interp.measure.channels import ablated_outputs
from maze_interp.measure.field import move_between
from maze_interp.measure.states import states_of
from maze_interp.policies.hooks import resolve_layer, run_with_cache, without_hooks
from maze_interp.policies.moves import MOVES, to_input
from maze_interp.policies.network import PolicyNetwork
from maze_interp.sweeps.experiment import Experiment

Floats = NDArray[np.float64]

KINDS = ("zero", "mean", "resample")
"""What a channel is set to: 0; its mean over the reference observations, position by position; or its value in one
of them, another one for each level."""

METRICS = {
    "decision_p_cheese": "P(cheese | decision square)",
    "decision_p_top_right": "P(top-right | decision square)",
    "p_cheese": "P(cheese), cheese where procgen puts it",
    "p_solve": "P(cheese), cheese in the training region",
}
"""The metrics of both experiments, in words."""

UNEDITED = "unedited"
"""In the column `kind`: the network as it is."""

MAIN_LAYERS = ("main",)
"""Those that the network's architecture names as worth ablating."""

REFERENCE = range(800_000_000, 800_000_064)
"""Levels of the reference observations, the mouse on every square in turn."""


@dataclass(frozen=True)
class Situation:
    """Observations, and the metrics that follow from what a policy does in them.

    Attributes:
        x: `[n, 3, 64, 64]`.
        metrics: from outputs `[k, n, 6]` of k networks to each metric's k values.
    """

    x: Tensor
    metrics: Callable[[Floats], dict[str, Floats]]


@dataclass(frozen=True)
class Ablation(Experiment):
    """One row per channel and kind of ablation, and one for the network as it is; on levels with a decision square.

    Attributes:
        layers: their channels are ablated one at a time; the network's main layers unless given.
        kinds: of `KINDS`.
        reference: levels of the reference observations, none of which may be measured on.

    Raises:
        MazeInterpError: an unknown layer or kind, none, or one twice; a reference level to be measured on.
    """

    metrics: ClassVar[Sequence[str]]

    layers: tuple[str, ...] = MAIN_LAYERS
    kinds: tuple[str, ...] = KINDS
    reference: range = REFERENCE

    def __post_init__(self) -> None:
        layers = self.layers
        if layers == MAIN_LAYERS and isinstance(self.policy, PolicyNetwork):
            layers = self.policy.main_layers
        object.__setattr__(self, "layers", tuple(resolve_layer(self.policy, layer) for layer in layers))
        for kind in self.kinds:
            if kind not in KINDS:
                raise unknown_name("kind of ablation", kind, KINDS)
        for what, names in (("layer", self.layers), ("kind", self.kinds)):
            if not names or len(set(names)) < len(names):
                raise MazeInterpError(f"an ablation needs at least one {what}, each once, not {list(names)}")
        if set(self.reference) & set(self.levels.seeds):
            raise MazeInterpError(
                f"levels {self.reference.start} to {self.reference.stop - 1} are what channels are replaced from; "
                "measure on others"
            )

    @abstractmethod
    def situations(self, maze: Maze) -> Sequence[Situation]:
        """What is looked at in a level with a decision square."""

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        if maze.decision_square is None:
            return []
        situations = self.situations(maze)
        rows: list[dict[str, Any]] = []
        for layer, values in self.substitutes(maze.seed).items():
            channels = list(range(len(values) // len(self.kinds)))
            measured: dict[str, Floats] = {}
            for situation in situations:
                outputs = ablated_outputs(self.policy, layer, situation.x, channels * len(self.kinds), values)
                measured |= situation.metrics(outputs)
            # A forward pass is exact to about 7 digits.
            values_of = [{name: round(v[i], 7) for name, v in measured.items()} for i in range(1 + len(values))]
            if not rows:
                rows.append({"kind": UNEDITED, "layer": None, "channel": None, **values_of[0]})
            rows += [
                {"kind": kind, "layer": layer, "channel": channel, **of}
                for (kind, channel), of in zip(product(self.kinds, channels), values_of[1:], strict=True)
            ]
        return rows

    def substitutes(self, seed: int) -> dict[str, Tensor]:
        """By layer, what replaces its c channels on level `seed`: `[kinds · c, ...]`, the first kind's first."""
        with without_hooks():
            _, drawn = run_with_cache(self.policy, self.source.draw(seed), self.layers)
        made = {
            layer: {"zero": torch.zeros_like(one[0]), "resample": one[0], **self._means.get(layer, {})}
            for layer, one in drawn.items()
        }
        return {layer: torch.cat([by_kind[kind] for kind in self.kinds]) for layer, by_kind in made.items()}

    def edit(self, kind: str, layer: str, channel: int, seed: int) -> Edit:
        """The edit that does the same to one channel on level `seed`, for `behaviour`, `field` and the rest."""
        if kind == "zero":
            return Zero(layer, channel)
        if kind == "mean":
            return Mean(layer, channel, source=self.source)
        return Resample(layer, channel, source=self.source, seed=seed)

    @property
    def source(self) -> Observations:
        """The reference observations."""
        return Observations(self.reference, self.levels.distribution_mode, "all")

    def prepare(self) -> None:
        """See `Experiment`."""
        _ = self._means

    @cached_property
    def _means(self) -> dict[str, dict[str, Tensor]]:
        """Mean activations over the reference observations by layer."""
        if "mean" not in self.kinds:
            return {}
        means = mean_activations(self.policy, self.layers, self.source)
        return {layer: {"mean": mean} for layer, mean in means.items()}


@dataclass(frozen=True)
class DecisionAblation(Ablation):
    """The moves at the decision square: one observation per level, the mouse facing left."""

    name: ClassVar[str] = "decision_ablation"
    metrics: ClassVar[tuple[str, ...]] = ("decision_p_cheese", "decision_p_top_right")
    columns: ClassVar[tuple[str, ...]] = ("kind", "layer", "channel", *metrics)

    def situations(self, maze: Maze) -> list[Situation]:
        """See `Ablation`."""
        square = maze.decision_square
        assert square is not None
        assert maze.cheese is not None
        onward = [maze.path(square, goal)[1] for goal in (maze.cheese, maze.top_right)]
        moves = [MOVES.index(move_between(square, next_square)) for next_square in onward]

        def metrics(outputs: Floats) -> dict[str, Floats]:
            return {name: outputs[:, 0, move] for name, move in zip(self.metrics, moves, strict=True)}

        return [Situation(to_input(observe(maze, [square])), metrics)]


@dataclass(frozen=True)
class ExactAblation(Ablation):
    """Exact probabilities of reaching the cheese, where procgen puts it and in the region, in the same maze.

    Attributes:
        region: the n of the top-right n×n squares in one of which the second cheese lies.
        horizon: moves in an episode.
    """

    name: ClassVar[str] = "exact_ablation"
    metrics: ClassVar[tuple[str, ...]] = ("p_cheese", "p_solve")
    columns: ClassVar[tuple[str, ...]] = ("kind", "layer", "channel", *metrics)

    region: int = 5
    horizon: int = HORIZON

    def situations(self, maze: Maze) -> list[Situation]:
        """See `Ablation`."""
        mazes = (maze, region_maze(maze.seed, self.region, maze.distribution_mode))
        return [_reaching(one, name, self.horizon) for one, name in zip(mazes, self.metrics, strict=True)]


def _reaching(maze: Maze, name: str, horizon: int) -> Situation:
    squares = squares_before_cheese(maze)
    states = states_of([maze])
    (every,), (of_squares,) = states.squares, states.rows
    rows = of_squares[[every.index(square) for square in squares]]
    used, rows = np.unique(rows, return_inverse=True)
    rows = rows.reshape(len(squares), -1)

    def metrics(outputs: Floats) -> dict[str, Floats]:
        return {name: reach_cheese(maze, squares, outputs[:, rows, :5], horizon)}

    return Situation(to_input(states.observations(used)), metrics)


def squares_before_cheese(maze: Maze) -> tuple[Square, ...]:
    """The squares that the mouse can stand on before it reaches the cheese; no others decide whether it does."""
    if maze.cheese is None:
        raise MazeInterpError("the maze has no cheese to reach")
    walled = maze.with_cheese(None).with_open(maze.cheese, False)
    near = walled.distances(walled.start)
    return tuple((x, y) for x, y in walled.squares if np.isfinite(near[y, x]))
