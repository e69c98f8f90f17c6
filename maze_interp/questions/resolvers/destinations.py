"""Questions on sending the agent somewhere: how much must be written, does it arrive, is it the channel that counts?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from maze_interp.errors import Unmeasurable
from maze_interp.policies.hooks import DEFAULT_LAYER
from maze_interp.policies.pixels import map_size
from maze_interp.questions.resolutions import Draws, Measured, resample_levels
from maze_interp.questions.resolvers.edits import TRACKING, tracking_channels, tracking_levels
from maze_interp.questions.resolvers.setting import CHOOSING, Setting, level_figures
from maze_interp.studies.channels.scores import channel_scores
from maze_interp.studies.retarget.destinations import UNEDITED, Destinations, activation_total
from maze_interp.studies.retarget.marks import MULTIPLES, Mark, natural_peak
from maze_interp.studies.retarget.search import Steering, choose_marks
from maze_interp.sweeps.experiment import run_experiment
from maze_interp.sweeps.levels import LevelSet

RANDOM_SETS = 3
"""Sets of random channels that marks are compared with."""


def retarget(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`retarget`; shares are of all activations of the network, see `activation_total`."""
    shares = sorted(float(share) for share in parameters["shares"])
    layer = setting.policy.default_layer
    chosen = chosen_marks(setting, layer, tracking_channels(setting, layer), parameters["chosen_on"])
    marks = [mark for mark in chosen if "random" not in mark.name]
    marks += [replace(mark, name=f"{mark.name}, rest zeroed", fill=0.0) for mark in marks]
    run: dict[str, Any] = {
        "below": float(parameters["reached_if"]),
        "destinations": setting.count(parameters["destinations"], least=4),
    }
    choosing = setting.levels(parameters["chosen_on"], "none", decision=False, first=CHOOSING, least=6)
    tried = measured_destinations(setting, marks, choosing, **run)
    best = _best_marks(setting, marks, reached_levels(tried, parameters).mean(), shares)
    levels = setting.levels(parameters["levels"], "none", decision=False)
    wanted = list(dict.fromkeys(mark for mark in best.values() if mark is not None))
    reached = reached_levels(measured_destinations(setting, wanted, levels, **run), parameters)
    table = pd.DataFrame({share: reached[mark.name] if mark else 0.0 for share, mark in best.items()}, reached.index)

    def statistic(some: pd.DataFrame) -> dict[str, float]:
        means = some.mean()
        enough = [share for share in shares if means[share] >= float(parameters["levels_share"])]
        return {"share_needed": min(enough, default=1.0), "levels_reached": means[shares[-1]]}

    what = "; ".join(f"{share:g}: {mark.name if mark else 'nothing fits'}" for share, mark in best.items())
    command = f"maze-interp retarget --agent {setting.agent}"
    return setting.measured(resample_levels(table, statistic), levels, command, f"by share of activations, {what}")


def move_against_arrival(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`move-against-arrival`."""
    layer = parameters["layer"]
    mark = chosen_marks(setting, layer, _tracking(setting, layer), parameters["chosen_on"], only="tracking")[0]
    levels = setting.levels(parameters["levels"], "none", decision=False)
    table = measured_destinations(
        setting,
        [mark],
        levels,
        layer,
        destinations=setting.count(parameters["destinations"], least=4),
        nearest=int(parameters["nearest"]),
    )
    edited = table[(table["mark"] == mark.name) & table["move"].notna()]
    means = edited.groupby("seed")[["move", "p_visit"]].mean()

    def statistic(some: pd.DataFrame) -> dict[str, float]:
        move, arrival = some.mean()
        return {"right_move": move, "arrival": arrival, "lead": move - arrival}

    chosen = f"{mark.value:.3g} in channels {', '.join(map(str, mark.channels))} of {layer} at the destination"
    command = f"maze-interp retarget --agent {setting.agent} --layers {layer}"
    return setting.measured(level_figures(means, statistic, ("move", "p_visit")), levels, command, chosen)


def steering_channels(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`steering-channels`: channels that mark the cheese, since none can mark a destination before it is written."""
    layer = parameters["layer"]
    channels = _tracking(setting, layer)
    layer = setting.policy.default_layer
    marks = chosen_marks(setting, layer, channels, parameters["chosen_on"])
    wanted = [mark for mark in marks if mark.name == "tracking" or mark.name.startswith("random")]
    levels = setting.levels(parameters["levels"], "none", decision=False)
    table = measured_destinations(
        setting, wanted, levels, layer, destinations=setting.count(parameters["destinations"], least=4)
    )
    means = table.groupby(["seed", "mark"])["p_visit"].mean().unstack("mark")
    random = means[[mark.name for mark in wanted if mark.name != "tracking"]].mean(axis=1)
    gains = pd.DataFrame({"tracking": means["tracking"] - means[UNEDITED], "random": random - means[UNEDITED]})

    def statistic(some: pd.DataFrame) -> dict[str, float]:
        found = some.mean()
        return {"gain": found["tracking"], "lead": found["tracking"] - found["random"]}

    figures = level_figures(gains, statistic, tuple(gains))
    count = Draws(float(len(channels)), np.array([float(len(channels))]), len(tracking_levels(setting).seeds))
    command = f"maze-interp retarget --agent {setting.agent} --layers {layer} --channels {','.join(map(str, channels))}"
    return setting.measured({"channels": count, **figures}, levels, command)


def chosen_marks(
    setting: Setting, layer: str, channels: Sequence[int], levels: int, only: str | None = None
) -> tuple[Mark, ...]:
    """What to write, chosen on levels to choose on: one channel, a subset, those that track the cheese, random ones."""
    some = LevelSet(range(CHOOSING, CHOOSING + setting.count(levels, least=6)), setting.mode)
    search = Steering(setting.policy, setting.agent, some, (), layer)
    values = [natural_peak(setting.policy, layer, some) * multiple for multiple in MULTIPLES]
    tracking = {"tracking": tuple(channels)} if channels else {}
    folder = setting.folder(f"marks-{layer}-{len(some.seeds)}")

    def measured(search: Steering, step: str) -> pd.DataFrame:
        return run_experiment(search, folder / step, setting.workers, setting.scheduler)

    marks = choose_marks(search, measured, values, sets=tracking, draws=RANDOM_SETS)
    return tuple(mark for mark in marks if only in (None, mark.name))


def measured_destinations(
    setting: Setting, marks: Sequence[Mark], levels: LevelSet, layer: str = DEFAULT_LAYER, **options: Any
) -> pd.DataFrame:
    """Where marks send the agent."""
    experiment = Destinations(setting.policy, setting.agent, levels, tuple(marks), layer, **options)
    return setting.run(experiment)


def reached_levels(table: pd.DataFrame, parameters: Mapping[str, Any]) -> pd.DataFrame:
    """1 where a mark reaches a range of a level's destinations, else 0: a row per level, a column per mark."""
    arrived = table.assign(arrived=table["p_visit"] >= float(parameters["reached_if"]))
    share = arrived.groupby(["seed", "mark"])["arrived"].mean().unstack("mark")
    return (share >= float(parameters["range"])).astype(float)


def _best_marks(
    setting: Setting, marks: Sequence[Mark], success: pd.Series, shares: Sequence[float]
) -> dict[float, Mark | None]:
    """For every share of activations the best of the marks that write no more; None if none does."""
    total, size = activation_total(setting.policy), map_size(setting.policy, DEFAULT_LAYER)
    best: dict[float, Mark | None] = {}
    for share in shares:
        allowed = [mark for mark in marks if mark.activations(size) <= share * total]
        best[share] = max(allowed, key=lambda mark: float(success[mark.name]), default=None)
    return best


def _tracking(setting: Setting, layer: str) -> tuple[int, ...]:
    scores = channel_scores(setting.policy, layer, tracking_levels(setting), **TRACKING[setting.size])
    found = tracking_channels(setting, layer)
    if not found:
        best = scores[scores["target"] == "cheese"].iloc[0]
        raise Unmeasurable(
            f"no channel of {layer} tracks the cheese beyond untrained ones; the best, {best['channel']}, scores "
            f"{best['score']:.2f}"
        )
    return found
