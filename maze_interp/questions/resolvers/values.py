"""Questions on the value head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maze_interp.bundled import HELD_OUT
from maze_interp.questions.measured import Measured, mean_draws
from maze_interp.questions.resolvers.setting import Setting
from maze_interp.studies.values.measure import ValueAgreement

FIGURES = ("agreement", "moving")

FIRST = {"test": HELD_OUT, "train": 0}
"""First seed of the levels by split: below `HELD_OUT` lie those that agents are trained on."""


def value_agreement(setting: Setting, parameters: Mapping[str, Any]) -> Measured:
    """`value-agreement`."""
    squares, first = parameters["squares"], FIRST[parameters["split"]]
    levels = setting.levels(parameters["levels"], parameters["cheese"], decision=squares == "decision", first=first)
    table = setting.run(ValueAgreement(setting.policy, setting.agent, levels, setting.region, untrained=0))
    some = table[table["squares"] == squares]

    figures = mean_draws(some[list(FIGURES)].dropna())
    return setting.measured(figures, levels, f"maze-interp values {setting.options}")
