"""Which channels of a layer track something: more than chance, and more than untrained channels do.

Convolutions pass their input on, so some channels of any network with random weights track what moves in the picture.
How well the best one does is a matter of luck (in easy mode it scores .25 to .77 for the cheese, depending on the
seed), so the yardstick is all channels of several untrained networks, on the same observations. A channel *tracks* a
target with the sign 1 or −1 if

- its mean score over levels (see `maze_interp.studies.channels.tracking`) is above 0: one-sided t-test over
  levels, false discovery rate over all channels, signs and targets at most 5% (Benjamini and
  Hochberg 1995); and
- it is above 99% of the scores that untrained channels have for that target, with either sign.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, ttest_1samp
from torch import nn

from maze_interp.arguments import checked, whole
from maze_interp.errors import MazeInterpError, Unmeasurable
from maze_interp.mazes.maze import DistributionMode
from maze_interp.measure.channels import count_channels, require_channels
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.policies.devices import device_of
from maze_interp.policies.hooks import DEFAULT_LAYER, resolve_layer
from maze_interp.policies.identity import beyond_record, structure_hash
from maze_interp.policies.threads import one_thread
from maze_interp.studies.channels.responses import Responses
from maze_interp.studies.channels.tracking import SIGNS, TARGETS
from maze_interp.sweeps.levels import LevelSet

if TYPE_CHECKING:
    from maze_interp.studies.agent_study import LayerStudy
    from maze_interp.studies.runner import Run

CHOOSING = LevelSet(range(800_000_000, 800_000_024), "hard")
"""Levels that channels are chosen on unless others are given, apart from those that figures are reported on."""

RATE = 0.05
"""False discovery rate."""

AS_GOOD = 0.01
"""Share of untrained channels that may score as high as one that tracks."""


SCORE_COLUMNS = (
    *("channel", "sign", "target", "n", "share", "chance", "score", "p", "as_good_untrained", "tracks"),
    "cheese_value",
)


def level_scores(table: pd.DataFrame, target: str) -> pd.DataFrame:
    """Share less chance of hitting a target by level (rows) and by network, channel and sign (columns).

    From rows of `Responses`; NaN where a maze is too small to show it.
    """
    scored = table.assign(score=table[f"{target}_share"] - table[f"{target}_chance"])
    return scored.pivot(index="seed", columns=["network", "channel", "sign"], values="score")


def tracking_scores(table: pd.DataFrame, network: int = 0) -> pd.DataFrame:
    """How well each channel tracks each target, best first, from the table of `Responses`.

    Network 0 is the agent's; an untrained one is set against the other untrained ones.

    Returns:
        columns channel, sign, target, n (levels), share, chance, score (their difference), each a
        mean over levels, p (above 0, adjusted), as_good_untrained (share of untrained channels that
        score as high), tracks (bool), and cheese_value: what the channel shows at the cheese, its
        extremum of that sign within one position of it, median over observations and levels.

    Raises:
        MazeInterpError: fewer than two levels, or no untrained network to compare with.
    """
    return _tracking(table, {target: level_scores(table, target) for target in TARGETS}, network)


def tracking_counts(table: pd.DataFrame) -> pd.DataFrame:
    """How many channels of each network (rows) track each target (columns), with either sign."""
    by_level = {target: level_scores(table, target) for target in TARGETS}
    counts = {}
    for network in sorted(table["network"].unique()):
        scores = _tracking(table, by_level, network)
        counts[network] = scores[scores["tracks"]].groupby("target")["channel"].nunique()
    return pd.DataFrame(counts).T.reindex(columns=TARGETS).fillna(0).astype(int)


def _tracking(table: pd.DataFrame, by_level: Mapping[str, pd.DataFrame], network: int) -> pd.DataFrame:
    if not set(table["network"]) - {0, network}:
        raise MazeInterpError("what a channel tracks is set against untrained networks; give 1 or more")
    if table["seed"].nunique() < 2:
        raise MazeInterpError("whether a channel tracks anything is tested over levels; give 2 or more")
    by_channel = table[table["network"] == network].groupby(["channel", "sign"])
    parts = []
    for target, scores in by_level.items():
        mine, others = scores[network], scores.drop(columns=[0, network], level=0).mean().to_numpy()
        part = pd.DataFrame({"n": mine.notna().sum(), "score": mine.mean(), "p": _above_zero(mine)})
        for what in ("share", "chance"):
            part[what] = by_channel[f"{target}_{what}"].mean()
        part["as_good_untrained"] = [(others >= score).mean() for score in part["score"]]
        part["cheese_value"] = by_channel["cheese_value"].median()
        parts.append(part.assign(target=target))
    result = pd.concat(parts).reset_index()
    result["p"] = false_discovery_control(result["p"])
    result["tracks"] = (result["p"] <= RATE) & (result["as_good_untrained"] < AS_GOOD)
    return result.sort_values("score", ascending=False, kind="stable", ignore_index=True)[list(SCORE_COLUMNS)]


def _above_zero(scores: pd.DataFrame) -> pd.Series:
    """One-sided p-values of the columns' means; 1 for a column that is 0 throughout."""
    with np.errstate(invalid="ignore", divide="ignore"), catch_warnings():
        simplefilter("ignore", RuntimeWarning)  # of columns whose values are all but equal
        p = ttest_1samp(scores.to_numpy(), 0, alternative="greater", nan_policy="omit").pvalue
    return pd.Series(np.nan_to_num(np.asarray(p), nan=1.0), scores.columns)


Placements = Annotated[int, whole(2, 10**6)]
Untrained = Annotated[int, whole(1, 10**4)]

_KEPT = 32
_scores: dict[Hashable, pd.DataFrame] = {}  # the newest, by all that decides them: a network may be loaded again


@checked
def channel_scores(
    policy: nn.Module,
    layer: str = DEFAULT_LAYER,
    levels: LevelSet = CHOOSING,
    placements: Placements = 16,
    untrained: Untrained = 16,
) -> pd.DataFrame:
    """`tracking_scores` of the agent, measured once in this process for the same weights and levels.

    Args:
        policy: the network.
        layer: a layer with a map.
        levels: where their cheese lies does not matter, it is moved about.
        placements: observations of each level.
        untrained: networks with random weights to compare with.

    Raises:
        MazeInterpError: see `Responses`; fewer than two levels.
    """
    experiment = Responses(policy, "", levels, layer, placements, untrained)
    kept = _scores if beyond_record(policy) is None else {}
    network = agent_hash(policy), structure_hash(policy), device_of(policy)
    key = (network, resolve_layer(policy, layer), levels, placements, untrained)
    if key not in kept:
        with one_thread():
            parts = [pd.DataFrame(experiment.rows(levels.maze(seed))).assign(seed=seed) for seed in levels.seeds]
        kept[key] = tracking_scores(pd.concat(parts, ignore_index=True))
    scores = kept[key].copy()
    if len(kept) > _KEPT:
        kept.pop(next(iter(kept)), None)  # which another thread may have done
    return scores


@checked
def cheese_channels(
    policy: nn.Module,
    layer: str = DEFAULT_LAYER,
    levels: LevelSet = CHOOSING,
    sign: Annotated[int, whole(-1, 1)] | None = None,
    placements: Placements = 16,
    untrained: Untrained = 16,
) -> tuple[int, ...]:
    """The channels of a layer that track the cheese, the best first; see this module for what that means.

    `channel_scores` has the figures behind it, among them the value that each shows at the cheese.

    Args:
        policy: the network.
        layer: a layer with a map.
        levels: the levels to choose on; 24 hard ones unless given.
        sign: 1 for the channels that mark the cheese with their highest value, −1 with their
            lowest; None for both.
        placements: observations of each level.
        untrained: networks with random weights to compare with.

    Raises:
        MazeInterpError: an unknown layer or one without a map, another sign, or fewer than two levels.
    """
    if sign not in (None, *SIGNS):
        raise MazeInterpError(f"sign is 1, -1, or None for both, not {sign!r}")
    return tracking_channels(channel_scores(policy, layer, levels, placements, untrained), [sign] if sign else SIGNS)


def tracking_channels(scores: pd.DataFrame, signs: Sequence[int] = SIGNS) -> tuple[int, ...]:
    """The channels that track the cheese with one of the signs, the best first, from `tracking_scores`."""
    wanted = scores["tracks"] & (scores["target"] == "cheese") & scores["sign"].isin(signs)
    return tuple(int(channel) for channel in scores["channel"][wanted].unique())


def measured_scores(study: LayerStudy, run: Run) -> pd.DataFrame:
    """`channel_scores` of a study's agent and layer in its mode, measured by its run."""
    responses = Responses(study.policy, study.agent, study.levels(CHOOSING.seeds), study.layer)
    return tracking_scores(run.rows(responses, f"search/{responses.name}"))


def channel_numbers(
    policy: nn.Module,
    layer: str,
    channels: Sequence[int] | str,
    mode: DistributionMode,
    scores: Callable[[], pd.DataFrame] | None = None,
) -> tuple[int, ...]:
    """The channels that an option of the type `Channels` names.

    Numbers, or `"auto"` for those that track the cheese in levels of a mode, the best first, at most half of the layer:
    as many are left to compare with. `scores` are measured here unless a function gives them.

    Raises:
        MazeInterpError: an unknown layer, or a channel that it does not have.
        Unmeasurable: no channel tracks the cheese.
    """
    if not isinstance(channels, str):
        require_channels(policy, layer, channels)
        return tuple(channels)
    measured = scores() if scores else channel_scores(policy, layer, LevelSet(CHOOSING.seeds, mode))
    found = tracking_channels(measured)[: count_channels(policy, layer) // 2]
    if not found:
        raise Unmeasurable(f"no channel of {layer} tracks the cheese; name some, such as 3,17")
    return found
