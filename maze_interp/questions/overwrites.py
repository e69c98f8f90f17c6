"""A layer overwritten whole by what it holds where the cheese lies at the destination, on every square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from maze_interp.environment.observe import PIXELS
from maze_interp.mazes.maze import Maze
from maze_interp.measure.decision import visited
from maze_interp.measure.evaluate import evaluate
from maze_interp.policies.hooks import run_with_cache, without_hooks
from maze_interp.policies.network import PolicyNetwork
from maze_interp.studies.retarget.destinations import Destinations
from maze_interp.sweeps.experiment import Experiment


@dataclass(frozen=True)
class Overwrites(Experiment):
    """A row per destination, those of `Destinations`: the exact probability of standing on it (`p_visit`).

    All that follows a layer of the trunk depends on that layer alone, so that it does not matter which is overwritten:
    the agent does what it would do if the cheese lay at the destination.
    """

    name: ClassVar[str] = "overwrites"
    columns: ClassVar[Sequence[str]] = ("x", "y", "p_visit")

    policy: PolicyNetwork
    destinations: int = 12
    below: float | None = None

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        drawn = Destinations(
            self.policy, self.agent, self.levels, (), destinations=self.destinations, below=self.below
        ).rows(maze)
        targets = [(row["x"], row["y"]) for row in drawn]
        if not targets:
            return []
        seen = evaluate(self.policy, [maze.with_cheese(target) for target in targets])
        return [
            {"x": x, "y": y, "p_visit": round(float(visited([result], (x, y))[0]), 7)}
            for (x, y), result in zip(targets, seen, strict=True)
        ]


def layer_size(network: nn.Module, layer: str) -> int:
    """Activations of a layer for one observation."""
    with without_hooks():
        _, seen = run_with_cache(network, torch.zeros(1, 3, PIXELS, PIXELS), [layer])
    return int(seen[layer].numel())
