"""`questions resolve`: every question measured on one agent, each answer kept as soon as it is known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from maze_interp.errors import MazeInterpError
from maze_interp.policies.agents import agent_mode
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.policies.names import agent_label
from maze_interp.questions.measured import METHOD, Measured, resolve
from maze_interp.questions.question import Question
from maze_interp.questions.resolution_files import NAME, read_resolutions, write_resolutions
from maze_interp.questions.resolutions import Resolution, Resolutions
from maze_interp.questions.resolvers import (
    channels,
    constructed,
    destinations,
    distances,
    edits,
    finetune,
    probes,
    references,
    values,
)
from maze_interp.questions.resolvers.setting import SIZES, Setting
from maze_interp.sweeps.spread import cluster
from maze_interp.validation import unknown

RESOLVERS: dict[str, Callable[[Setting, Mapping[str, Any]], Measured]] = {
    "ablation-agreement": edits.ablation_agreement,
    "branch-swap": constructed.branch_swap,
    "change-point": distances.change_point,
    "coordinate-frames": probes.coordinate_frames,
    "dead-ends": references.dead_ends,
    "dissociation": edits.dissociation,
    "distance-coefficient": distances.distance_coefficient,
    "edit-search": edits.edit_search,
    "finetune-compute": finetune.finetune_compute,
    "first-exit": distances.first_exit,
    "goal-models": references.goal_models,
    "luck-coefficient": distances.luck_coefficient,
    "matched-difference": constructed.region_parts,
    "move-against-arrival": destinations.move_against_arrival,
    "predictive-power": distances.predictive_power,
    "probe-accuracy": probes.probe_accuracy,
    "reference-behaviour": references.reference_behaviour,
    "reference-lead": references.reference_lead,
    "retarget": destinations.retarget,
    "simple-channels": channels.simple_channels,
    "square-probe": probes.square_probe,
    "steering-channels": destinations.steering_channels,
    "tracking-importance": edits.tracking_importance,
    "tuning-against-editing": finetune.tuning_against_editing,
    "value-agreement": values.value_agreement,
}
"""What measures each word of the vocabulary."""


def resolve_all(
    setting: Setting, questions: Mapping[str, Question], path: Path, command: str, only: Collection[str] = ()
) -> Iterator[tuple[str, Resolution]]:
    """Resolve questions in their order, or `only` some, and write the resolution file at the end.

    Everything measured is kept in the setting's folder: stopped, it goes on there. The file's overrides, answers under
    former versions of a question, and answers to questions that are not asked stay.

    Yields:
        each question's id and its resolution.

    Raises:
        MazeInterpError: the folder is another run's; an unknown question; a mistake in the earlier file, or it is of
            other weights or levels, or of a larger run while this one is of all questions.
    """
    earlier = read_resolutions(path, questions) if path.exists() else None
    for name in only:
        if name not in questions:
            raise MazeInterpError(unknown("question", name, questions))
    own = agent_hash(setting.policy)
    mode = None if setting.mode == agent_mode(setting.agent) else setting.mode
    if earlier and earlier.precision != setting.precision:
        raise MazeInterpError(f"{path} is of {earlier.precision}, not {setting.precision}; give --out another folder")
    if earlier and (earlier.agent_hash, earlier.mode) != (own, mode):
        raise MazeInterpError(
            f"{path} is of other weights or levels, {earlier.agent_hash} on {earlier.mode or 'their own'} ones, not "
            f"{own} on {mode or 'their own'} ones; give --out another folder"
        )
    if earlier and not only and SIZES[earlier.setting] < SIZES[setting.size]:
        held = f"{path} holds a {earlier.setting} resolution"
        raise MazeInterpError(f"{held}; give --out another folder for a {setting.size} one")
    answers: dict[str, Resolution] = {}
    with cluster(setting.workers, setting.scheduler):
        for name, question in questions.items():
            if only and name not in only:
                continue
            setting.used.clear()
            answers[name] = resolve(question, partial(RESOLVERS[question.measurement], setting))
            yield name, answers[name]
    measured = Resolutions(
        agent=setting.agent,
        agent_hash=own,
        setting=setting.size,
        mode=mode,
        precision=setting.precision,
        command=command,
        outcomes=METHOD,
        answers=answers,
    )
    write_resolutions(path, measured.after(earlier) if earlier else measured, questions)


def resolution_path(out: Path, agent: str) -> Path:
    """The resolution file of an agent: in a folder of its name in `out`."""
    return out / agent_label(agent) / NAME
