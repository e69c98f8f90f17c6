"""Scores of one distribution over a question's outcomes against what happened; the lower the better.

What happened may itself be uncertain: a distribution over the same outcomes. The score is then the expected one. All
three are proper: no forecast has a lower expected score than the true distribution (for the log score, as long as no
true probability lies strictly between 0 and its bound).

- `brier_score`: half the squared differences, summed over all outcomes, 0 to 1. For a yes-or-no question that is the
  one-sided score (p − outcome)², of which 50% gets 0.25; Brier's own two-sided score of 1950 is twice it.
- `log_score`: −ln of the probability of what happened, in nats, 0 to about 4.6. Probabilities below `BOUND` count as
  `BOUND`.
- `ranked_probability_score`: of thresholds, the mean over thresholds of the one-sided Brier score of "it is met", 0
  to 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, log_loss

from maze_interp.questions.question import Question

BOUND = 0.01
"""The least probability that the log score knows."""

Floats = NDArray[np.float64]


def brier_score(forecast: Floats, outcome: Floats) -> float:
    """Half of the summed squared differences, expected over the outcome.

    Forecast and outcome are probabilities `[labels]`, each summing to 1: of what happened 1 for one, if that is
    certain.
    """
    labels = np.arange(len(forecast))
    every = np.tile(forecast, (len(labels), 1))
    return float(brier_score_loss(labels, every, sample_weight=outcome, labels=labels, scale_by_half=True))


def log_score(forecast: Floats, outcome: Floats) -> float:
    """−ln of the probability of what happened, expected over the outcome, in nats; arguments as in `brier_score`.

    Probabilities are raised to `BOUND` and divided by their new sum.
    """
    raised = np.maximum(forecast, BOUND)
    labels = np.arange(len(forecast))
    return float(
        log_loss(labels, np.tile(raised / raised.sum(), (len(labels), 1)), sample_weight=outcome, labels=labels)
    )


def ranked_probability_score(forecast: Floats, outcome: Floats) -> float:
    """Mean over thresholds of the squared error of "it is met", expected over the outcome.

    Arguments as in `brier_score`; the outcomes are none and the thresholds from the easiest to the hardest.
    """
    met = np.cumsum(forecast[::-1])[::-1][1:]
    truly = np.tri(len(forecast))[:, 1:]  # row: the outcome; column: whether that threshold is met
    return float(outcome @ ((met - truly) ** 2).mean(axis=1))


def scores(question: Question, forecast: Floats, outcome: Floats) -> dict[str, float]:
    """All scores, by name; `rps` is NaN unless the question has thresholds."""
    ranked = question.kind == "thresholds"
    return {
        "brier": brier_score(forecast, outcome),
        "log": log_score(forecast, outcome),
        "rps": ranked_probability_score(forecast, outcome) if ranked else float("nan"),
    }
