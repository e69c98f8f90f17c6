"""The variables and outcomes of the statistics, in words."""

from __future__ import annotations

from maze_interp.studies.statistics.layout import ATTRIBUTES

_PLACES = {
    "cheese_decision_square": "cheese – decision square",
    "cheese_top_right": "cheese – corner",
    "decision_square_top_right": "decision square – corner",
    "cheese_region": "cheese – region",
    "decision_square_region": "decision square – region",
}
_METRICS = {"euclidean": "straight line (squares)", "steps": "along the maze (steps)"}
WORDS = {
    **{f"{metric}_{pair}": f"{words}, {how}" for pair, words in _PLACES.items() for metric, how in _METRICS.items()},
    "cheese_norm": "cheese – bottom left of the world (squares)",
    "intercept": "intercept",
    **ATTRIBUTES,
}
"""The variables in words."""

OUTCOME_WORDS = {
    "p_cheese": "P(cheese)",
    "sampled_cheese": "cheese in one sampled episode",
    "exit_choice": "P(first exit to the cheese | exit to cheese or corner)",
    "decision_p_cheese": "P(cheese | decision square)",
}
