"""The published study's numbers (arXiv 2310.08043): another agent on other levels, so what compares is directions."""

from __future__ import annotations

AGENT = "rand_region_5 of the paper, in hard mode"

LEVELS, MAJORITY = 5239, 0.714
"""Levels with a decision square, one sampled episode each; accuracy of always guessing the likelier outcome."""

SINGLE_ACCURACY = {
    "euclidean_cheese_region": 0.775,
    "euclidean_cheese_top_right": 0.773,
    "euclidean_cheese_decision_square": 0.761,
    "steps_cheese_decision_square": 0.754,
    "steps_cheese_region": 0.735,
    "steps_cheese_top_right": 0.732,
    "cheese_norm": 0.713,
    "euclidean_decision_square_top_right": 0.712,
    "steps_decision_square_top_right": 0.709,
    "steps_decision_square_region": 0.708,
    "euclidean_decision_square_region": 0.708,
}
"""Of logistic regressions on one variable each."""

SIX = {
    "steps_cheese_region": -0.003,
    "euclidean_cheese_region": 0.282,
    "steps_cheese_top_right": 1.142,
    "euclidean_cheese_top_right": -2.522,
    "steps_cheese_decision_square": -1.200,
    "euclidean_cheese_decision_square": -0.523,
    "intercept": 1.418,
}
"""Coefficients of the L1 regression on the six variables that were useful alone, standardised."""

THREE = {
    "euclidean_cheese_top_right": -1.405,
    "steps_cheese_decision_square": -0.577,
    "euclidean_cheese_decision_square": -0.516,
    "intercept": 1.355,
}
"""The same on the three whose sign was stable."""

ACCURACY = {"six useful": 0.841, "three stable": 0.824, "majority guess": MAJORITY}
"""Of those two regressions, and of guessing."""

CORRELATION = 0.886
"""Of the two distances cheese to decision square."""

INFLATION = {
    "euclidean_cheese_top_right": 1.05,
    "steps_cheese_decision_square": 4.64,
    "euclidean_cheese_decision_square": 4.66,
}
"""Variance inflation factors of the three. The published list does not say which is which of the last two."""

BY_REGION = dict(
    enumerate(
        (0.024, 0.000, 0.161, 0.276, 0.723, 0.653, 0.848, 0.836, 0.911, 0.924, 0.937, 0.947, 0.975, 0.982, 0.970), 1
    )
)
"""By n, for one agent each trained with the cheese in the top-right n×n: how often it gets the cheese in levels with a
decision square and the cheese outside the n×n; about 500 hard levels each."""
