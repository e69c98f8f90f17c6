"""Sending the agent to squares that it would not reach by itself: arrival, and the right move where paths part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from maze_interp.environment.observe import PIXELS
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.behaviour import HORIZON
from maze_interp.measure.edited import evaluate_edits
from maze_interp.measure.evaluate import Evaluation
from maze_interp.measure.field import move_between
from maze_interp.measure.targets import paths_to, visits
from maze_interp.policies.devices import device_of
from maze_interp.policies.hooks import DEFAULT_LAYER, activation_layers, resolve_layer, run_with_cache, without_hooks
from maze_interp.policies.moves import MOVES, STEPS
from maze_interp.policies.pixels import map_size, pixel_in
from maze_interp.studies.retarget.marks import Mark
from maze_interp.sweeps.experiment import Experiment

UNEDITED = "unedited"
"""In the column `mark`: the network as it is."""


@dataclass(frozen=True)
class Destinations(Experiment):
    """A row per mark and destination, and one for the network as it is; the cheese is taken away.

    Columns: `p_visit`, the exact probability of standing on the destination in an episode; `move`, that of
    the move towards it on the last square that the way there shares with the unedited agent's
    most probable path (empty where that leads to the destination).

    Attributes:
        marks: what is tried.
        layer: a layer with a map.
        destinations: of each level, at most, drawn by its seed.
        below: only squares that the unedited agent reaches with a lower probability; None for any.
        nearest: only squares at least so many steps from the start.
    """

    name: ClassVar[str] = "destinations"
    columns: ClassVar[Sequence[str]] = ("mark", "x", "y", "steps", "p_visit", "move")

    marks: tuple[Mark, ...]
    layer: str = DEFAULT_LAYER
    destinations: int = 12
    below: float | None = None
    nearest: int = 1

    def __post_init__(self) -> None:
        map_size(self.policy, self.layer)
        object.__setattr__(self, "layer", resolve_layer(self.policy, self.layer))

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        maze = maze.with_cheese(None)
        paths = {target: path for target, path in paths_to(maze, None).items() if len(path) > self.nearest}
        if not paths:
            return []
        plain = evaluate_edits(self.policy, maze, self.layer, [()])
        chances = visits(plain, [0] * len(paths), list(paths), HORIZON)
        allowed = [t for t, p in zip(paths, chances, strict=True) if self.below is None or p < self.below]
        order = np.random.default_rng(maze.seed).permutation(len(allowed))[: self.destinations]
        drawn = [allowed[i] for i in sorted(order)]
        if not drawn:
            return []
        usual_path = most_probable_path(plain[0])
        size = map_size(self.policy, self.layer)
        rows = self._rows(UNEDITED, plain * len(drawn), [paths[target] for target in drawn], usual_path)
        for mark in self.marks:
            edits = [(mark.edit(self.layer, pixel_in(maze, target, size)),) for target in drawn]
            results = evaluate_edits(self.policy, maze, self.layer, edits)
            rows += self._rows(mark.name, results, [paths[target] for target in drawn], usual_path)
        return rows

    def _rows(
        self, name: str, results: Sequence[Evaluation], paths: Sequence[Sequence[Square]], usual_path: Sequence[Square]
    ) -> list[dict[str, Any]]:
        reached = visits(results, range(len(results)), [path[-1] for path in paths], HORIZON)
        return [
            {
                "mark": name,
                **dict(zip("xy", path[-1], strict=True)),
                "steps": len(path) - 1,
                "p_visit": round(float(p), 7),
                "move": _move_at_fork(result, path, usual_path),
            }
            for result, path, p in zip(results, paths, reached, strict=True)
        ]


def most_probable_path(result: Evaluation) -> list[Square]:
    """The squares from the start along the most probable moves that go anywhere, until one comes again."""
    maze, row = result.maze, {square: i for i, square in enumerate(result.squares)}
    way = [maze.start]
    while way[-1] in row:
        x, y = way[-1]
        order = np.argsort(-result.probs[row[x, y], 0, : len(STEPS) - 1], kind="stable")
        beside = ((x + int(STEPS[move][0]), y + int(STEPS[move][1])) for move in order)
        onward = next((square for square in beside if square in row), None)
        if onward is None or onward in way:
            return way
        way.append(onward)
    return way


def _move_at_fork(result: Evaluation, path: Sequence[Square], usual_path: Sequence[Square]) -> float | None:
    common = min(len(path), len(usual_path))
    shared = next((i for i in range(common) if path[i] != usual_path[i]), common)
    if shared == len(path):
        return None
    fork = path[shared - 1]
    row = result.squares.index(fork)
    return round(float(result.probs[row, 0, MOVES.index(move_between(fork, path[shared]))]), 7)


def activation_total(network: nn.Module) -> int:
    """All activations that a network computes of one observation: outputs of its innermost modules, copies left out."""
    layers = [layer for layer in activation_layers(network) if not layer.endswith("flatten")]
    with without_hooks():
        _, seen = run_with_cache(network, torch.zeros(1, 3, PIXELS, PIXELS, device=device_of(network)), layers)
    return sum(activation[0].numel() for activation in seen.values())
