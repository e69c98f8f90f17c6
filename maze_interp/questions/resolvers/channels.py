"""Questions on what single channels show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from maze_interp.questions.measured import Measured, mean_draws
from maze_interp.questions.resolvers.setting import Setting
from maze_interp.studies.channels.simple import NETWORKS, SimpleChannels, explained


def simple_channels(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`simple-channels`; the units of the share are the channels, not the levels."""
    levels = setting.levels(parameters["levels"], parameters["cheese"], decision=False)
    features = tuple(parameters["features"])
    experiment = SimpleChannels(setting.policy, setting.agent, levels, layer=parameters["layer"], features=features)
    table = setting.run(experiment)
    by_level = dict(list(table.groupby("seed")))
    networks = {name: np.stack([_sums(some, name) for some in by_level.values()]) for name in NETWORKS}
    index = next(iter(by_level.values())).query("network == 'agent'")[["channel", "feature"]].reset_index(drop=True)

    holds = {}
    for name, figure in {"agent": "share", "untrained": "untrained"}.items():
        r2 = explained(pd.concat([index, pd.DataFrame(networks[name].sum(axis=0), columns=_COLUMNS)], axis=1))
        holds[figure] = (r2.max(axis=1) >= float(parameters["explained"])).to_numpy(float)
    figures = mean_draws(pd.DataFrame(holds))
    return setting.measured(figures, levels, f"maze-interp channels {setting.options}")


_COLUMNS = ["n", "a", "aa", "f", "ff", "af"]


def _sums(rows: pd.DataFrame, network: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return rows.loc[rows["network"] == network, _COLUMNS].to_numpy(float)
