"""Questions on the value head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from maze_interp.bundled import HELD_OUT
from maze_interp.questions.resolutions import Measured
from maze_interp.questions.resolvers.setting import Setting, level_figures
from maze_interp.studies.values.measure import ValueAgreement

FIRST = {"test": HELD_OUT, "train": 0}
"""First seed of the levels by split: below `HELD_OUT` lie those that agents are trained on."""


def value_agreement(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`value-agreement`."""
    squares, first = parameters["squares"], FIRST[parameters["split"]]
    levels = setting.levels(parameters["levels"], parameters["cheese"], decision=squares == "decision", first=first)
    table = setting.run(ValueAgreement(setting.policy, setting.agent, levels, setting.region))
    some = table[(table["network"] == "agent") & (table["squares"] == squares)]

    def statistic(drawn: pd.DataFrame) -> dict[str, float]:
        return {"agreement": float(drawn["agreement"].mean())}

    figures = level_figures(some, statistic, ("agreement",))
    return setting.measured(figures, levels, f"maze-interp values --agent {setting.agent}")
