"""The sweep: one row per level, the maze's features and the policy's exact behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, ClassVar

import pandas as pd
from torch import nn

from maze_interp.arguments import checked, whole
from maze_interp.edits.base import Edit, Edits, as_edits
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.features import FEATURE_NAMES, maze_features
from maze_interp.mazes.maze import DistributionMode, Maze
from maze_interp.measure.behaviour import HORIZON, Behaviour, Horizon, behaviours
from maze_interp.policies.agents import agent_mode, is_agent, load_network
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.sweeps.experiment import Experiment, run_experiment
from maze_interp.sweeps.levels import LevelSet

OUTCOMES = (
    *("p_cheese", "p_top_right", "p_region", "expected_steps"),
    *("decision_p_cheese", "decision_p_top_right", "decision_p_other"),
    *("exit_cheese", "exit_top_right", "exit_other"),
)
"""What a policy does in a level, as in `Behaviour` and, at the decision square, `VectorField` and `FirstExit`."""

COLUMNS = (
    *("seed", "size", "open_squares", "cheese_x", "cheese_y", "decision_x", "decision_y"),
    *FEATURE_NAMES,
    *OUTCOMES,
)
"""Columns of `levels.csv`; what a level has not (no decision square, say) is left empty."""


@dataclass(frozen=True)
class LevelSweep(Experiment):
    """A row for every level.

    Attributes:
        edits: changes to the network's activations, in force throughout.
        horizon: moves in an episode.
    """

    name: ClassVar[str] = "levels"
    columns: ClassVar[Sequence[str]] = COLUMNS[1:]
    batch: ClassVar[int] = 16

    edits: tuple[Edit, ...] = ()
    horizon: int = HORIZON

    def rows(self, maze: Maze) -> list[dict[str, Any]]:
        """See `Experiment`."""
        return self.rows_of_levels([maze])[0]

    def rows_of_levels(self, mazes: Sequence[Maze]) -> list[list[dict[str, Any]]]:
        """See `Experiment`."""
        return [[level_row(result)] for result in behaviours(self.policy, mazes, self.edits, self.horizon)]


@checked
def sweep(
    policy: nn.Module,
    seeds: Sequence[int],
    distribution_mode: DistributionMode | None = None,
    region: int | str = "anywhere",
    edits: Edits = (),
    horizon: Horizon = HORIZON,
    workers: Annotated[int, whole(1)] | None = 1,
) -> pd.DataFrame:
    """Exact behaviour on many levels.

    Args:
        policy: a network.
        seeds: procgen level seeds.
        distribution_mode: `"easy"` or `"hard"`; None for the mode that the agent was trained on if it is one by name,
            else hard: a file does not say how its network was trained. The progress bar names the mode.
        region: where the cheese lies, as in `LevelSet.cheese`.
        edits: one edit or several, in force throughout.
        horizon: moves in an episode.
        workers: processes on this machine, 1 for the calling process, None for one per core. A script that asks for
            more than one needs an `if __name__ == "__main__"` guard.

    Returns:
        a row per level with the columns `COLUMNS`; a missing value is NaN.

    Raises:
        MazeInterpError: seeds, mode, region or edits that do not exist; no mode for a network that has the name of
            an agent and other weights.

    Examples:
        >>> import maze_interp as mi
        >>> rows = mi.sweep(mi.load_policy("reference:shortest-to-cheese"), range(3), "easy")
        >>> rows[["seed", "p_cheese"]].to_numpy().tolist()
        [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]
    """
    name = str(getattr(policy, "name", type(policy).__name__))
    mode = distribution_mode or _own_mode(policy, name)
    with TemporaryDirectory(prefix="maze-interp-") as folder:
        swept = LevelSweep(policy, name, LevelSet(seeds, mode, region), as_edits(edits), horizon)
        return run_experiment(swept, Path(folder) / "run", workers)


def _own_mode(policy: nn.Module, name: str) -> DistributionMode:
    """The mode of the agent of that name, if this is its network; hard if there is no such agent."""
    if not is_agent(name):
        return "hard"
    if agent_hash(policy) != agent_hash(load_network(name)):
        raise MazeInterpError(f"the network called {name} has not that agent's weights: say distribution_mode")
    return agent_mode(name)


def level_row(result: Behaviour) -> dict[str, Any]:
    """One level's row."""
    maze, field, first_exit = result.maze, result.field, result.first_exit
    return {
        "size": maze.size,
        "open_squares": len(maze.squares),
        **dict(zip(("cheese_x", "cheese_y"), maze.cheese or (None, None), strict=True)),
        **dict(zip(("decision_x", "decision_y"), maze.decision_square or (None, None), strict=True)),
        **maze_features(maze),
        "p_cheese": result.p_cheese,
        "p_top_right": result.p_top_right,
        "p_region": result.p_region,
        "expected_steps": result.expected_steps,
        "decision_p_cheese": field.p_cheese,
        "decision_p_top_right": field.p_top_right,
        "decision_p_other": field.p_other,
        "exit_cheese": first_exit and first_exit.cheese,
        "exit_top_right": first_exit and first_exit.top_right,
        "exit_other": first_exit and first_exit.other,
    }
