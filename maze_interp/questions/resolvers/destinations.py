"""Questions on sending the agent somewhere: how much must be written, does it arrive, is it the channel that counts?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from maze_interp.errors import Unmeasurable
from maze_interp.policies.hooks import DEFAULT_LAYER
from maze_interp.policies.pixels import map_size
from maze_interp.questions.edit_search import resampled, surest
from maze_interp.questions.measured import Draws, Measured, mean_draws
from maze_interp.questions.overwrites import Overwrites, layer_size
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
    """`retarget`; shares are of all activations of the network, see `activation_total`.

    Of each recipe all is fixed on other levels; the best recipe for a share is the one with the most levels there.
    """
    shares = sorted(float(share) for share in parameters["shares"])
    recipes = _recipes(setting, parameters)
    choosing = setting.levels(parameters["chosen_on"], "none", decision=False, first=CHOOSING, least=6)
    success = levels_reached(setting, recipes, choosing, parameters).mean()
    best = {share: _best(recipes, success, share * activation_total(setting.policy)) for share in shares}
    levels = setting.levels(parameters["levels"], "none", decision=False)
    wanted = list(dict.fromkeys(recipe for recipe in best.values() if recipe is not None))
    reached = levels_reached(setting, wanted, levels, parameters)
    columns = {str(share): reached[str(recipe)] if recipe else 0.0 for share, recipe in best.items()}
    table = pd.DataFrame(columns, reached.index)

    draws = mean_draws(table)
    enough = float(parameters["levels_share"])
    needed = np.min([np.where(draws[share].resamples >= enough, float(share), 1.0) for share in draws], axis=0)
    value = min((float(share) for share in draws if draws[share].value >= enough), default=1.0)
    figures = {"share_needed": Draws(value, needed, len(table)), "levels_reached": draws[str(shares[-1])]}
    what = "; ".join(f"{share:g}: {recipe or 'nothing fits'}" for share, recipe in best.items())
    command = f"maze-interp retarget {setting.options}"
    return setting.measured(figures, levels, command, f"by share of activations, {what}")


class Recipe(NamedTuple):
    """What is written for a destination: a mark at its place, or a whole layer from the run with the cheese there."""

    layer: str
    mark: Mark | None
    activations: int

    def __str__(self) -> str:
        return f"{self.layer}, {self.mark.name if self.mark else 'overwritten whole'}"


def _recipes(setting: Setting, parameters: Mapping[str, Any]) -> list[Recipe]:
    found = []
    for layer in parameters["layers"]:
        size = map_size(setting.policy, layer)
        chosen = chosen_marks(setting, layer, tracking_channels(setting, layer), parameters["chosen_on"])
        marks = [mark for mark in chosen if "random" not in mark.name]
        marks += [replace(mark, name=f"{mark.name}, rest zeroed", fill=0.0) for mark in marks]
        found += [Recipe(layer, mark, mark.activations(size)) for mark in marks]
    if (layer := parameters["overwrite"]) != "none":
        found.append(Recipe(layer, None, layer_size(setting.policy, layer)))
    return found


def levels_reached(
    setting: Setting, recipes: Sequence[Recipe], levels: LevelSet, parameters: Mapping[str, Any]
) -> pd.DataFrame:
    """1 where a recipe reaches a range of a level's destinations, else 0: a row per level, a column per recipe."""
    drawn: dict[str, Any] = {
        "below": float(parameters["below"]),
        "destinations": setting.count(parameters["destinations"], least=4),
    }
    tables = []
    for layer in dict.fromkeys(recipe.layer for recipe in recipes):
        marks = [recipe.mark for recipe in recipes if recipe.layer == layer and recipe.mark]
        if marks:
            rows = measured_destinations(setting, marks, levels, layer, **drawn)
            tables.append(
                rows[rows["mark"] != UNEDITED].assign(mark=lambda some, layer=layer: layer + ", " + some["mark"])
            )
        if any(recipe.layer == layer and recipe.mark is None for recipe in recipes):
            rows = setting.run(Overwrites(setting.policy, setting.agent, levels, **drawn))
            tables.append(rows.assign(mark=str(Recipe(layer, None, 0))))
    return reached_levels(pd.concat(tables, ignore_index=True), parameters)


def _best(recipes: Sequence[Recipe], success: pd.Series, most: float) -> Recipe | None:
    """The recipe that reaches a range in most levels, of those that write no more; None if none does."""
    allowed = [recipe for recipe in recipes if recipe.activations <= most]
    return max(allowed, key=lambda recipe: float(success[str(recipe)]), default=None)


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
    by_level = edited.groupby("seed")[["move", "p_visit"]].mean()

    def statistic(means: pd.DataFrame) -> dict[str, pd.Series]:
        move, arrival = means["move"], means["p_visit"]
        return {"right_move": move, "arrival": arrival, "lead": move - arrival}

    chosen = f"{mark.value:.3g} in channels {', '.join(map(str, mark.channels))} of {layer} at the destination"
    command = f"maze-interp retarget {setting.options} --layers {layer}"
    return setting.measured(level_figures(by_level, statistic, ("move", "p_visit")), levels, command, chosen)


def steering_channels(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`steering-channels`: channels that mark the cheese, since none can mark a destination before it is written.

    The set is chosen by a lower bound of the gain on other levels: of all layers, the tracking channels together or
    any of the first few alone.
    """
    drawn = {"destinations": setting.count(parameters["destinations"], least=4)}
    choosing = setting.levels(parameters["chosen_on"], "none", decision=False, first=CHOOSING, least=6)
    tried: dict[tuple[str, str], pd.Series] = {}
    marks: dict[tuple[str, str], list[Mark]] = {}
    for layer in parameters["layers"]:
        channels = tracking_channels(setting, layer)
        if channels:
            chosen = chosen_marks(setting, layer, channels, parameters["chosen_on"], alone=ALONE)
            wanted = [mark for mark in chosen if mark.name.startswith("tracking")]
            gains = _gains(measured_destinations(setting, wanted, choosing, layer, **drawn))
            tried |= {(layer, mark.name): gains[mark.name] for mark in wanted}
            random = [mark for mark in chosen if mark.name.startswith("random")]
            marks |= {(layer, mark.name): [mark, *random] for mark in wanted}
    if not tried:
        raise Unmeasurable(f"no channel of {', '.join(parameters['layers'])} tracks the cheese beyond untrained ones")
    score = resampled(pd.DataFrame(tried).to_numpy())
    layer, name = list(tried)[surest(score, np.ones_like(score), 0, parameters["confidence"])]
    levels = setting.levels(parameters["levels"], "none", decision=False)
    gains = _gains(measured_destinations(setting, marks[layer, name], levels, layer, **drawn))
    table = pd.DataFrame({"gain": gains[name], "random": gains.drop(columns=name).mean(axis=1)})

    def statistic(means: pd.DataFrame) -> dict[str, pd.Series]:
        return {"gain": means["gain"], "lead": means["gain"] - means["random"]}

    figures = level_figures(table, statistic, tuple(table))
    channels = marks[layer, name][0].channels
    listed = ",".join(map(str, channels))
    count = Draws(float(len(channels)), np.array([float(len(channels))]), len(tracking_levels(setting).seeds))
    command = f"maze-interp retarget {setting.options} --layers {layer} --channels {listed}"
    return setting.measured(
        {"channels": count, **figures}, levels, command, f"channels {listed} of {layer}, of {len(tried)} sets"
    )


ALONE = 3
"""Channels that are tried alone, of those that track the cheese."""


def _gains(table: pd.DataFrame) -> pd.DataFrame:
    """P(standing on the destination) with each mark less without: a row per level, a column per mark."""
    means = table.groupby(["seed", "mark"])["p_visit"].mean().unstack("mark")
    return means.drop(columns=UNEDITED).sub(means[UNEDITED], axis=0)


def chosen_marks(
    setting: Setting, layer: str, channels: Sequence[int], levels: int, alone: int = 0, only: str | None = None
) -> tuple[Mark, ...]:
    """What to write, chosen on levels to choose on: one channel, a subset, those that track the cheese, random ones.

    `channels` are those that track the cheese, the best first, of which some are tried alone, too; `levels` is how many
    the question chooses on, `only` the name of the only mark wanted.
    """
    some = LevelSet(range(CHOOSING, CHOOSING + setting.count(levels, least=6)), setting.mode)
    search = Steering(setting.policy, setting.agent, some, (), layer)
    values = [natural_peak(setting.policy, layer, some) * multiple for multiple in MULTIPLES]
    tracking = {"tracking": tuple(channels)} if channels else {}
    tracking |= {f"tracking {channel} alone": (channel,) for channel in channels[:alone]}
    folder = setting.folder(f"marks-{layer}-{len(some.seeds)}")

    def measured(search: Steering, step: str) -> pd.DataFrame:
        name = f"{step}-{alone}" if step == "sets" and alone else step  # the other steps do not depend on the sets
        return run_experiment(search, folder / name, setting.workers, setting.scheduler)

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
