"""Questions on what single channels show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from maze_interp.questions.resolutions import Measured, resample_levels
from maze_interp.questions.resolvers.setting import Setting
from maze_interp.studies.channels.simple import NETWORKS, SimpleChannels, explained


def simple_channels(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`simple-channels`."""
    levels = setting.levels(parameters["levels"], parameters["cheese"], decision=False)
    features = tuple(parameters["features"])
    experiment = SimpleChannels(setting.policy, setting.agent, levels, layer=parameters["layer"], features=features)
    table = setting.run(experiment)
    by_level = dict(list(table.groupby("seed")))
    networks = {name: np.stack([_sums(some, name) for some in by_level.values()]) for name in NETWORKS}
    index = next(iter(by_level.values())).query("network == 'agent'")[["channel", "feature"]].reset_index(drop=True)

    def statistic(some: pd.DataFrame) -> dict[str, float]:
        shares = {}
        for name, sums in networks.items():
            total = pd.DataFrame(sums[some["level"].to_numpy()].sum(axis=0), columns=_COLUMNS)
            r2 = explained(pd.concat([index, total], axis=1))
            shares[name] = float((r2.max(axis=1) >= float(parameters["explained"])).mean())
        return {"share": shares["agent"], "untrained": shares["untrained"]}

    figures = resample_levels(pd.DataFrame({"level": range(len(by_level))}), statistic, RESAMPLES)
    return setting.measured(figures, levels, f"maze-interp channels --agent {setting.agent}")


RESAMPLES = 500
"""Of the levels; each recomputes the R² of all channels."""

_COLUMNS = ["n", "a", "aa", "f", "ff", "af"]


def _sums(rows: pd.DataFrame, network: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return rows.loc[rows["network"] == network, _COLUMNS].to_numpy(float)
