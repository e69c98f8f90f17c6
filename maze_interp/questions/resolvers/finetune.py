"""Questions on fine-tuning: real runs of exact policy gradients from the agent, towards the cheese and the corner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from maze_interp.errors import MazeInterpError, Unmeasurable
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.policies.network import PolicyNetwork
from maze_interp.questions.candidates import UNEDITED, Direction
from maze_interp.questions.measured import Draws, Measured, resample_levels
from maze_interp.questions.resolvers.edits import found_edit, measured_candidates
from maze_interp.questions.resolvers.setting import Setting
from maze_interp.studies.finetune.measure import Tuning
from maze_interp.studies.finetune.study import Finetune, Goal
from maze_interp.studies.finetune.training import tuning_config
from maze_interp.sweeps.levels import LevelSet
from maze_interp.sweeps.spread import cluster, ordered
from maze_interp.training.compute import Compute, curve_compute, forward_flops, training_compute
from maze_interp.training.exact import train_exactly

LEAST = 10_000
"""States that a smaller run evaluates, unless the question has fewer."""


def finetune_compute(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`finetune-compute`."""
    try:
        before = training_compute(setting.agent)
    except MazeInterpError as error:
        raise Unmeasurable(str(error)) from error
    tuned, spent = finetuned(setting, ("cheese",), int(parameters["steps"]))["cheese"]
    levels = setting.levels(parameters["levels"], parameters["cheese"], decision=False)
    table = _tuned(setting, tuned, levels)

    def statistic(means: pd.DataFrame) -> dict[str, pd.Series]:
        return {"ratio": means["p_cheese", 1.0] / means["region_p_cheese", 0.0]}

    shares = {"flop_share": spent.flops / before.flops, "step_share": spent.steps / before.steps}
    fixed = {name: Draws(value, np.array([value]), len(levels.seeds)) for name, value in shares.items()}
    return setting.measured(
        {**resample_levels(table, statistic), **fixed}, levels, _command(setting, "cheese", parameters)
    )


def tuning_against_editing(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`tuning-against-editing`."""
    networks = finetuned(setting, ("cheese", "corner"), int(parameters["steps"]))
    levels = setting.levels(parameters["levels"], parameters["cheese"])
    changes: dict[str, list[pd.Series]] = {"tuning": [], "editing": []}
    directions: dict[str, Direction] = {"cheese": "more", "corner": "less"}
    for goal, direction in directions.items():
        p = _tuned(setting, networks[goal][0], levels)["p_cheese"]
        changes["tuning"].append(p[1.0] - p[0.0])
        edit, _ = found_edit(setting, parameters, direction)
        by_candidate = measured_candidates(setting, [edit], levels, solve_rate=False)
        p = by_candidate.pivot(index="seed", columns="candidate", values="p_cheese").reset_index(drop=True)
        changes["editing"].append(p[0] - p[UNEDITED])
    table = pd.concat([one for some in changes.values() for one in some], axis=1, ignore_index=True)

    def statistic(means: pd.DataFrame) -> dict[str, pd.Series]:
        more, less, edited_more, edited_less = (means[number] for number in range(4))
        tuning, editing = (more - less) / 2, (edited_more - edited_less) / 2
        return {"tuning": tuning, "editing": editing, "lead": tuning - editing}

    return setting.measured(resample_levels(table, statistic), levels, _command(setting, "corner", parameters))


def finetuned(setting: Setting, goals: tuple[Goal, ...], steps: int) -> dict[str, tuple[PolicyNetwork, Compute]]:
    """The agent fine-tuned for each goal, the cheese anywhere, and what it took; a process each."""
    with cluster(setting.workers, setting.scheduler) as client:
        done = ordered(client, _tune, (setting, steps), list(goals))
        return dict(zip(goals, done, strict=True))


def _tune(about: tuple[Setting, int], goal: Goal) -> tuple[PolicyNetwork, Compute]:
    setting, steps = about
    count = setting.count(steps, LEAST)
    config = tuning_config(setting.agent, goal, count, setting.mode)
    folder = setting.folder(f"finetune-{goal}-{count}-{agent_hash(setting.policy)}")
    tuned = train_exactly(config, folder)
    return tuned.requires_grad_(False), curve_compute(folder / "curve.jsonl", forward_flops(setting.policy))


def _tuned(setting: Setting, tuned: PolicyNetwork, levels: LevelSet) -> pd.DataFrame:
    """Outcomes by (quantity, mix), a row per level; mix 0 is the agent, 1 the tuned one."""
    rows = setting.run(Tuning(setting.policy, setting.agent, levels, tuned, setting.region))
    wide = rows.pivot(index="seed", columns="mix", values=["p_cheese", "region_p_cheese"])
    return wide.astype(float).reset_index(drop=True)


def _command(setting: Setting, goal: Goal, parameters: Mapping[str, Any]) -> str:
    steps = setting.count(int(parameters["steps"]), LEAST)
    return Finetune(agent=setting.agent, mode=setting.mode, goal=goal, steps=steps).command()
