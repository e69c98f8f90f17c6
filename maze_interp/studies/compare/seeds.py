"""Agents whose training differed in the seed only: what they do, over seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from maze_interp.policies.agents import agent_info, is_agent
from maze_interp.policies.names import agent_of, names_file
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.results.tables import ENDS
from maze_interp.studies.compare.measures import MEASURES, parts_of
from maze_interp.studies.statistics.data import FinishedSweep

OVER = "networks"

_LEVELS = tuple(f"level_{end}" for end in ENDS)
_COLUMNS = ("agent", "seeds", "measure", *ENDS, "over", "spread", *_LEVELS)
_NO_DECISION = ("name", "seed", "history")
"""Settings of a training run that do not decide how it trains."""


def way_of_training(agent: str) -> str:
    """What decided how an agent was trained, but for the seed, down to the first agent that it was trained on from.

    An agent whose training is not recorded is in a way of its own.
    """
    if names_file(agent) or not is_agent(agent):
        return agent
    run = agent_info(agent).run
    if run is None:
        return agent
    settings = {name: value for name, value in run.items() if name not in _NO_DECISION}
    if run.get("start_from"):
        settings["start_from"] = way_of_training(agent_of(run["start_from"]))
    return json.dumps(settings, sort_keys=True)


def over_seeds(sweeps: Mapping[str, FinishedSweep]) -> pd.DataFrame:
    """What agents of one way of training do on the same levels, over the networks and over the levels.

    Returns:
        a row per way of training with several networks, and measure that all of them have: agent, the first; seeds,
        the levels; n, the networks, and mean, low, high over them (Student's t, for a normal distribution of networks);
        over, what they are over; spread, the standard deviation between networks; level_n, level_mean, level_low and
        level_high, the same mean with its interval over levels.
    """
    ways = dict[tuple[str, ...], dict[str, FinishedSweep]]()
    for name, sweep in sweeps.items():
        settings = sweep.settings
        way = (way_of_training(settings["agent"]), settings["mode"], settings["seeds"], str(settings.get("edits")))
        ways.setdefault(way, {})[name] = sweep
    rows = []
    for some in ways.values():
        if len(some) < 2:
            continue
        first, sweep = next(iter(some.items()))
        groups = [parts_of(one.levels, one.region) for one in some.values()]
        for measure, (group, column) in MEASURES.items():
            values = np.array([parts[group][column].to_numpy(float) for parts in groups])
            if (~np.isnan(values)).any(axis=1).all():
                rows.append({"agent": first, "seeds": sweep.settings["seeds"], "measure": measure, **_row(values)})
    return pd.DataFrame(rows, columns=_COLUMNS)


def _row(values: NDArray[np.float64]) -> dict[str, object]:
    """The cells of probabilities `[networks, levels]`."""
    means = np.nanmean(values, axis=1)
    levels = estimate(values.mean(axis=0)).as_dict()
    return {
        **of_networks(means).as_dict(),
        "spread": means.std(ddof=1),
        **dict(zip(_LEVELS, levels.values(), strict=True)),
    }


def of_networks(means: NDArray[np.float64]) -> Estimate:
    """The mean of a share over a few networks, with Student's interval, cut off at 0 and 1."""
    n, mean = len(means), float(means.mean())
    half = float(t.ppf(0.975, n - 1) * means.std(ddof=1) / np.sqrt(n))
    return Estimate(n, mean, max(0.0, mean - half), min(1.0, mean + half), over=OVER)
