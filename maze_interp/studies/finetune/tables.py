"""An agent and one tuned from it: figures paired by level, networks between them, and what the tuning took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from maze_interp.results.estimates import Estimate, estimate
from maze_interp.results.tables import estimate_table
from maze_interp.studies.finetune.measure import QUANTITIES
from maze_interp.training.compute import Compute

Figures = Mapping[str, Mapping[str, Estimate]]
"""By quantity: `before`, `after`, `difference`."""


def tuning_figures(rows: pd.DataFrame) -> dict[str, dict[str, Estimate]]:
    """Each of `QUANTITIES` `before` (mix 0) and `after` (mix 1) tuning, and their `difference`, paired by level."""
    before, after = (rows[rows["mix"] == mix].set_index("seed") for mix in (0, 1))
    return {
        name: {
            "before": estimate(before[name]),
            "after": estimate(after[name]),
            "difference": estimate(after[name] - before[name], "number"),
        }
        for name in QUANTITIES
    }


def interpolation_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns mix, quantity; n, mean, low, high over levels."""
    return estimate_table(
        ({"mix": mix, "quantity": name}, estimate(part[name]))
        for mix, part in rows.groupby("mix")
        for name in QUANTITIES
    )


def compute_shares(learning: pd.DataFrame, training: Compute | None) -> dict[str, Any]:
    """Steps and operations in `training.curve_table`, and as shares of the original's training (None if not known)."""
    spent = Compute(*(int(learning[name].iloc[-1]) for name in ("steps", "flops")))
    return {
        **asdict(spent),
        "step_share": training and spent.steps / training.steps,
        "flop_share": training and spent.flops / training.flops,
    }
