"""The result of `finetune` in words, with its tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from maze_interp.results.numbers import counted
from maze_interp.results.text import percent
from maze_interp.studies.finetune.figures import change_figure, interpolation_figure, learning_figure, weights_figure
from maze_interp.studies.finetune.measure import QUANTITIES
from maze_interp.studies.finetune.study import Finetune
from maze_interp.studies.finetune.tables import Figures, compute_shares, interpolation_table, tuning_figures
from maze_interp.studies.result import Picture, Result

_REWARDED = {"cheese": "the cheese, wherever it lies", "corner": "the top-right corner"}

_NOTES = (
    "Both agents are measured on the same held-out levels, and differences are paired by level. The cheese ends an "
    "episode, so P(top right) is also given for the levels in which the cheese is not on the way.",
    "A network between the two has the weights (1 − t) · original + t · tuned.",
)


def summarise(study: Finetune, rows: Mapping[str, pd.DataFrame]) -> Result:
    """See `Study`."""
    tuning, weights, learning = (rows[name] for name in ("tuning", "weights", "learning"))
    figures, table, training = tuning_figures(tuning), interpolation_table(tuning), study.training
    spent, moved = compute_shares(learning, training), weights.set_index("layer")["relative"].to_dict()
    lines = [
        f"{words}: {figure['before']} before, {figure['after']} after, difference {figure['difference']}"
        for name, words in QUANTITIES.items()
        if (figure := figures[name])["before"].n
    ]
    return Result(
        statement=_statement(study, figures),
        lines=[*lines, f"weights moved by {moved['all']:.3f} of their length", compute_words(spent)],
        numbers={"quantities": figures, "compute": spent, "relative_weight_change": moved},
        tables={"tuning": tuning, "interpolation": table, "weights": weights, "learning": learning},
        pictures={
            "change": Picture(
                change_figure(figures),
                "Each quantity before and after tuning, with 95% intervals over levels.",
                "A pair of points for each quantity; the paired difference is written beside it.",
            ),
            "interpolation": Picture(
                interpolation_figure(table),
                "What networks do whose weights lie between the original's and the tuned agent's, and beyond.",
                "Lines of three probabilities over the mix of the weights, with bands of 95%.",
            ),
            "weights": Picture(
                weights_figure(weights),
                "How far tuning moved each layer, as a share of the length of its weights.",
                "A bar for each layer; a dashed line for the whole network.",
            ),
            "learning": Picture(
                learning_figure(learning, training.steps if training else None),
                "Success and discounted return on levels not seen before, while it learned.",
                "Two lines over the states evaluated.",
            ),
        },
        captions={"interpolation": "Networks between the two agents", "weights": "The change of each layer"},
        notes=_NOTES,
    )


def _statement(study: Finetune, figures: Figures) -> str:
    shown = {"outside_p_cheese": "outside the training region", "region_p_cheese": "inside it"}
    parts = [
        f"{words} from {percent(figures[name]['before'])} to {percent(figures[name]['after'])}"
        for name, words in shown.items()
    ]
    corner = figures["free_p_top_right"]
    return (
        f"Rewarded for {_REWARDED[study.goal]}, it goes to a cheese {' and '.join(parts)}, and to the top-right corner "
        f"from {percent(corner['before'])} to {percent(corner['after'])}, on {counted(len(study.seeds), 'level')}."
    )


def compute_words(spent: Mapping[str, Any]) -> str:
    """`compute_shares` in a line."""
    words = f"tuning evaluated {spent['steps']:,} states in {spent['flops']:.2e} floating-point operations"
    if spent["flop_share"] is None:
        return f"{words}; what the original's training took is not recorded"
    return f"{words}: {spent['step_share']:.1%} and {spent['flop_share']:.1%} of the original's training"
