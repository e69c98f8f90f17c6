"""An agent and one tuned from it: behaviour paired by level, how far the weights moved, and what lies between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from torch import nn

from maze_interp.environment.levels import region_maze
from maze_interp.mazes.maze import Maze
from maze_interp.measure.behaviour import Behaviour, behaviour
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.policies.devices import on_host
from maze_interp.policies.network import Network, PolicyNetwork, require_same_shape
from maze_interp.sweeps.experiment import Experiment

MIXES = (-0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
"""How far from the original's weights, at 0, to the tuned agent's, at 1; beyond these the line goes on."""

QUANTITIES = {
    "p_cheese": "P(cheese), cheese anywhere",
    "outside_p_cheese": "P(cheese), cheese outside the training region",
    "region_p_cheese": "P(cheese), cheese in the training region",
    "p_top_right": "P(top right), cheese anywhere",
    "free_p_top_right": "P(top right), the cheese not on the way",
    "decision_p_cheese": "P(cheese | decision square)",
    "decision_p_top_right": "P(top right | decision square)",
    "variation": "total variation of the moves from the original's, mean over squares",
}
"""What is measured of each agent, in words. The cheese ends an episode: on the way to the corner it bars that."""


def interpolate(original: Network, tuned: Network, mix: float) -> Network:
    """The network with the weights (1 − mix) · original + mix · tuned, in evaluation mode; mix may lie beyond 0 and 1.

    Raises:
        MazeInterpError: the networks differ in architecture or settings.
    """
    require_same_shape(original, tuned)
    mixed = original.untrained(f"{original.name} + {mix:g} · ({tuned.name} − {original.name})")
    ends = original.state_dict(), tuned.state_dict()
    mixed.load_state_dict({name: (1 - mix) * ends[0][name] + mix * ends[1][name] for name in ends[0]})
    return mixed.eval().requires_grad_(False)


def weight_change(original: PolicyNetwork, tuned: PolicyNetwork) -> pd.DataFrame:
    """How far tuning moved each layer: its weights and biases as one vector W.

    Returns:
        columns layer, parameters, norm (‖W‖), change (‖ΔW‖), relative (‖ΔW‖ / ‖W‖) and share of the squared
        change of all layers; the last row, `"all"`, is of the whole network.

    Raises:
        MazeInterpError: the networks differ in architecture or settings.
    """
    require_same_shape(original, tuned)
    ends = original.state_dict(), tuned.state_dict()
    layers: dict[str, list[str]] = {}
    for name in ends[0]:
        layers.setdefault(name.rpartition(".")[0], []).append(name)
    rows = []
    for layer, names in (layers | {"all": list(ends[0])}).items():
        before, after = (np.concatenate([on_host(end[name]).ravel() for name in names]) for end in ends)
        norm, change = (float(np.linalg.norm(weights.astype(float))) for weights in (before, after - before))
        rows.append({"layer": layer, "parameters": len(before), "norm": norm, "change": change})
    table = pd.DataFrame(rows)
    whole = max(float(table["change"].iloc[-1]), np.finfo(float).tiny)
    return table.assign(relative=table["change"] / table["norm"], share=(table["change"] / whole) ** 2)


@dataclass(frozen=True)
class Tuning(Experiment):
    """A row per level and mix of the original's weights with the tuned agent's; all exact.

    Columns are the mix, the level's size and `QUANTITIES`, empty where the level does not qualify (the cheese lies in
    the region, or on the way to the corner; there is no decision square). Levels are to have the cheese anywhere; for
    `region_p_cheese` it is put into the training region of the same maze.

    Attributes:
        tuned: what was made of it.
        mixes: 0 is the original, 1 the tuned agent.
    """

    name: ClassVar[str] = "tuning"
    columns: ClassVar[Sequence[str]] = ("mix", "size", *QUANTITIES)

    policy: PolicyNetwork
    tuned: PolicyNetwork
    region: int
    mixes: tuple[float, ...] = (0.0, 1.0)

    @property
    def settings(self) -> dict[str, Any]:
        """See `Experiment`; the tuned agent by its name and hash."""
        return {**super().settings, "tuned": f"{self.tuned.name} {agent_hash(self.tuned)}"}

    @cached_property
    def mixed(self) -> dict[float, nn.Module]:
        """The networks by mix."""
        return {mix: interpolate(self.policy, self.tuned, mix) for mix in self.mixes}

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        inside = region_maze(maze.seed, self.region, maze.distribution_mode)
        original = behaviour(self.policy, maze)
        rows = []
        for mix, policy in self.mixed.items():
            result = original if mix == 0 else behaviour(policy, maze)
            row = {"mix": mix, "size": maze.size, **_quantities(result, self.region)}
            row["region_p_cheese"] = behaviour(policy, inside).p_cheese
            row["variation"] = 0.5 * np.abs(result.field.probs - original.field.probs).sum(axis=1).mean()
            rows.append(row)
        return rows


def _quantities(result: Behaviour, region: int) -> dict[str, float | None]:
    maze = result.maze
    barred = maze.cheese in maze.path(maze.start, maze.top_right)
    return {
        "p_cheese": result.p_cheese,
        "outside_p_cheese": None if maze.cheese in maze.region(region) else result.p_cheese,
        "p_top_right": result.p_top_right,
        "free_p_top_right": None if barred else result.p_top_right,
        "decision_p_cheese": result.field.p_cheese,
        "decision_p_top_right": result.field.p_top_right,
    }
