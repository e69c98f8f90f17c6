"""Questions on what edits do: the search for the best one, separable sets of channels, their ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from maze_interp.errors import Unmeasurable
from maze_interp.measure.channels import count_channels
from maze_interp.questions.candidates import SETS, UNEDITED, Candidate, CandidateEffects, Direction, propose
from maze_interp.questions.edit_search import Means, best_candidate, finalists, kept, resampled_means, surest
from maze_interp.questions.measured import Draws, Measured, level_sets, resample_levels
from maze_interp.questions.resolvers.setting import CHOOSING, Setting, level_figures
from maze_interp.studies.ablate.effects import level_effects
from maze_interp.studies.ablate.measure import DecisionAblation
from maze_interp.studies.channels.scores import cheese_channels
from maze_interp.sweeps.levels import LevelSet

RANDOM_SETS = 10
"""Sets of random channels that chosen ones are compared with."""


def edit_search(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`edit-search`."""
    levels = setting.levels(parameters["levels"], parameters["cheese"])
    chosen, tried = found_edit(setting, parameters, parameters["direction"])
    table = measured_candidates(setting, [chosen], levels, solve_rate=parameters["keep"] == "ability")
    figures = change_figures(table, parameters["direction"], KEPT[parameters["keep"]][0])
    command = "vectors" if chosen.family == "cheese-vector" else "ablate"
    what = f"{chosen}, of {tried} edits"
    return setting.measured(figures, levels, f"maze-interp {command} {setting.options}", what)


FINALISTS = {"full": 1, "medium": 1, "quick": None}
"""Of each family, amount and layer; None for one of each family and amount."""

KEPT = {"top_right": ("p_top_right", "decision_p_top_right"), "ability": ("region_p_cheese",)}
"""Columns of `CandidateEffects` by what a question says is to be kept (`ability` is the solve rate in the training
region): first the one reported; a search keeps all of them, since few of its levels may end on the corner at all."""


def found_edit(setting: Setting, parameters: Mapping[str, Any], direction: Direction) -> tuple[Candidate, int]:
    """The edit that a search ends in, found on levels to choose on, and of how many over whole episodes.

    Raises:
        Unmeasurable: the families have no edit to try.
    """
    keep = KEPT[parameters.get("keep", "ability")]
    choosing = setting.levels(parameters["chosen_on"], parameters["cheese"], first=CHOOSING, least=6)
    layers, families = tuple(parameters["layers"]), tuple(parameters["families"])
    ablation = ablated(setting, choosing, layers)
    wanted = "cheese-channels" in families
    tracking = {layer: tracking_channels(setting, layer) for layer in layers if wanted}
    candidates = propose(families, ablation, tracking, direction)
    if not candidates:
        raise Unmeasurable(f"there is no edit to try: no channel of {', '.join(layers)} tracks the cheese")
    at_decision = measured_candidates(setting, candidates, choosing, episodes=False, solve_rate=False)
    final = finalists(candidates, at_decision, direction, FINALISTS[setting.size])
    table = measured_candidates(setting, final, choosing, solve_rate="region_p_cheese" in keep)
    aim = parameters.get("aim", np.inf)
    best = best_candidate(final, table, direction, keep, parameters["keep_share"], parameters["confidence"], aim)
    return best, len(final)


def dissociation(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`dissociation`: of every layer and size the sets that cost most of the one choice and least of the other."""
    choosing = setting.levels(parameters["chosen_on"], parameters["cheese"], first=CHOOSING, least=6)
    levels = setting.levels(parameters["levels"], parameters["cheese"])
    candidates = _opposite_sets(ablated(setting, choosing, tuple(parameters["layers"])))
    tried = resampled_means(measured_candidates(setting, candidates, choosing))
    confidence = parameters["confidence"]
    numbers = [
        surest(_lost(tried, own) - _lost(tried, other), kept(tried, spared), REACHED, confidence)
        for own, other, spared in ROLES
    ]
    sets = [candidates[number] for number in numbers]
    wide = by_level(measured_candidates(setting, sets, levels))

    def statistic(some: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
        means = {str(name): some[name].to_numpy() for name in some.columns.unique(level=0)}
        dissociated = [(_lost(means, own) - _lost(means, other))[:, i] for i, (own, other, _) in enumerate(ROLES)]
        reached = np.min([kept(means, spared)[:, i] for i, (_, _, spared) in enumerate(ROLES)], axis=0)
        both = kept(means, ["region_p_cheese"]).min(axis=1)
        return {"cheese_set": dissociated[0], "corner_set": dissociated[1], "reached": reached, "ability": both}

    command, chosen = f"maze-interp ablate {setting.options}", f"{sets[0]}; {sets[1]}; of {len(candidates)} sets"
    return setting.measured(resample_levels(wide, statistic), levels, command, chosen)


DECISION = {"cheese": "decision_p_cheese", "corner": "decision_p_top_right"}

ROLES = (
    (DECISION["cheese"], DECISION["corner"], ["p_top_right"]),
    (DECISION["corner"], DECISION["cheese"], ["p_cheese"]),
)
"""Of a set for the cheese and one for the corner: the choice that it costs, the one that it spares, and what is still
to be reached without it."""

REACHED = 0.75
"""Share of that which a set must leave on the levels for choosing."""


def _opposite_sets(ablation: pd.DataFrame) -> list[Candidate]:
    """The first and the last channels of each layer, in the order of what the cheese loses beyond the corner."""
    whole = ablation[ablation["kind"] == "unedited"]
    share = {
        name: level_effects(ablation, column).mean().droplevel("kind") / whole[column].mean()
        for name, column in DECISION.items()
    }
    lead = share["cheese"] - share["corner"]
    found = []
    for layer in lead.index.unique("layer"):
        order = lead.loc[layer].sort_values(ascending=False, kind="stable").index.tolist()
        found += [Candidate("ablation", layer, tuple(sorted(some))) for n in SETS for some in (order[:n], order[-n:])]
    return list(dict.fromkeys(found))


def _lost(means: Means, column: str) -> NDArray[np.float64]:
    """The share of a column's unedited mean that candidates lose, `[resamples, candidates]`."""
    lost: NDArray[np.float64] = 1.0 - means[column][:, 1:] / means[column][:, :1]
    return lost


def ablation_agreement(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`ablation-agreement`; the resampled correlations are shifted to centre on that of all levels.

    Means over resampled levels scatter more than those over the levels, which pulls correlations
    towards zero; on Fisher's scale that is a shift.
    """
    levels = setting.levels(parameters["levels"], parameters["cheese"])
    table = ablated(setting, levels, (parameters["layer"],), ("zero", "mean"))
    effects = level_effects(table, "decision_p_cheese")
    zero, mean = effects["zero"].to_numpy(), effects["mean"].to_numpy()

    def correlation(some: NDArray[np.int64]) -> float:
        return float(np.corrcoef(*(rankdata(one[some].mean(axis=0)) for one in (zero, mean)))[0, 1])

    found = Draws.of_sets([correlation(some) for some in level_sets(len(effects))], len(effects))
    fisher = np.arctanh(np.clip(found.resamples, -0.999999, 0.999999))
    centre = np.arctanh(np.clip(found.value, -0.999999, 0.999999))
    figures = {"correlation": Draws(found.value, np.tanh(fisher - fisher.mean() + centre), found.n)}
    return setting.measured(figures, levels, f"maze-interp ablate {setting.options} --layers {parameters['layer']}")


def tracking_importance(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`tracking-importance`."""
    layer = parameters["layer"]
    channels = tracking_channels(setting, layer)
    if not channels:
        raise Unmeasurable(f"no channel of {layer} tracks the cheese")
    others = np.setdiff1d(np.arange(count_channels(setting.policy, layer)), channels)
    if len(others) < len(channels):
        raise Unmeasurable(f"{len(channels)} channels of {layer} track the cheese, too many to compare with others")
    drawn = [np.random.default_rng(draw).permutation(others)[: len(channels)] for draw in range(RANDOM_SETS)]
    sets = [channels, *(tuple(sorted(some.tolist())) for some in drawn)]
    levels = setting.levels(parameters["levels"], parameters["cheese"])
    candidates = [Candidate("ablation", layer, some) for some in sets]
    wide = by_level(measured_candidates(setting, candidates, levels, episodes=False, solve_rate=False))[
        "decision_p_cheese"
    ]
    lost = wide.rsub(wide[UNEDITED], axis=0)
    table = pd.DataFrame({"tracking": lost[0], "random": lost[list(range(1, len(sets)))].mean(axis=1)})

    def statistic(means: pd.DataFrame) -> dict[str, pd.Series]:
        return {"loss": means["tracking"], "lead": means["tracking"] - means["random"]}

    command = f"maze-interp channels {setting.options}"
    chosen = f"channels {', '.join(map(str, channels))} zeroed"
    return setting.measured(level_figures(table, statistic, ("tracking", "random")), levels, command, chosen)


def tracking_channels(setting: Setting, layer: str) -> tuple[int, ...]:
    """Channels that track the cheese, found on levels to choose on."""
    return cheese_channels(setting.policy, layer, tracking_levels(setting), **TRACKING[setting.size])


TRACKING: dict[str, dict[str, int]] = {
    "full": {"placements": 16, "untrained": 16},
    "medium": {"placements": 16, "untrained": 16},
    "quick": {"placements": 8, "untrained": 4},
}
"""How closely channels are looked at, see `cheese_channels`."""


def tracking_levels(setting: Setting) -> LevelSet:
    """The levels on which it is found which channels track the cheese."""
    return LevelSet(range(CHOOSING, CHOOSING + setting.count(24, least=6)), setting.mode)


def ablated(
    setting: Setting, levels: LevelSet, layers: tuple[str, ...], kinds: tuple[str, ...] = ("zero",)
) -> pd.DataFrame:
    """Every channel of some layers ablated at the decision square."""
    experiment = DecisionAblation(setting.policy, setting.agent, levels, layers, kinds)
    return setting.run(experiment)


def measured_candidates(
    setting: Setting, candidates: Sequence[Candidate], levels: LevelSet, episodes: bool = True, solve_rate: bool = True
) -> pd.DataFrame:
    """What candidates do on levels that qualify."""
    measured = (tuple(candidates), setting.region, episodes, solve_rate)
    experiment = CandidateEffects(setting.policy, setting.agent, levels, *measured)
    return setting.run(experiment)


def by_level(table: pd.DataFrame) -> pd.DataFrame:
    """A row per level; columns by (outcome, candidate)."""
    return table.dropna(axis=1, how="all").pivot(index="seed", columns="candidate").reset_index(drop=True)


def change_figures(table: pd.DataFrame, direction: Direction, keep: str) -> dict[str, Draws]:
    """`change` and `kept` of the only candidate in a table."""
    wide = by_level(table)

    def statistic(means: pd.DataFrame) -> dict[str, pd.Series]:
        ratio = means["p_cheese", 0] / means["p_cheese", UNEDITED]  # where it is not finite, `Draws` refuses it
        kept = (means[keep, 0] / means[keep, UNEDITED]).where(means[keep, UNEDITED] > 0, 1.0)  # else nothing to be lost
        return {"change": 1 - ratio if direction == "less" else ratio - 1, "kept": kept}

    return resample_levels(wide, statistic)
