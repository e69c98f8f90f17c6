"""How often each reference policy, without fitting, makes the agent's move."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from maze_interp.errors import Unmeasurable
from maze_interp.measure.effects import EFFECTS
from maze_interp.results.estimates import estimate
from maze_interp.results.tables import bin_names, estimate_table
from maze_interp.studies.references.measure import COMPARED, RANDOM, SQUARES, reference_effects, weights
from maze_interp.studies.references.scores import log_likelihood

SOFTNESS = 0.05
"""The share of random moves that a reference policy is given, so that no move of the agent's is impossible."""

DISTANCES = (0, 2, 4, 8, 16, 32, math.inf)
"""Edges of the bins of steps from mouse to cheese, each with its upper edge."""


def agreement_table(rows: pd.DataFrame) -> pd.DataFrame:
    """How well each reference policy, without fitting, predicts the agent's moves: by squares and by steps to cheese.

    Returns:
        columns squares, steps ("any", or a bin), reference, quantity; n, mean, low, high over levels.
        Quantities are `agreement`, the probability that the reference gives to the agent's most probable
        effect, and `log_likelihood`, in nats per move, of the reference with `SOFTNESS`; a level's squares
        are averaged first, with their weights.

    Raises:
        Unmeasurable: there are no rows.
    """
    if not len(rows):
        raise Unmeasurable("no level has a cheese for the reference policies to go to")
    rows = rows.reset_index(drop=True)
    predictions = _predictions(rows)
    labels = bin_names(DISTANCES)
    steps_of = pd.cut(rows["steps_cheese_mouse"], DISTANCES, labels=labels).astype(str)
    table = []
    for squares, steps in product(SQUARES, ("any", *labels)):
        part = rows if steps == "any" else rows[steps_of == steps]
        weight = weights(part, squares)
        counted = weight.groupby(part["seed"]).sum() > 0
        for (reference, quantity), values in predictions.items():
            by_level = (weight * values[part.index]).groupby(part["seed"]).sum()[counted]
            key = {"squares": squares, "steps": steps, "reference": reference, "quantity": quantity}
            table.append((key, estimate(by_level)))
    return estimate_table(table)


def _predictions(rows: pd.DataFrame) -> dict[tuple[str, str], NDArray[np.float64]]:
    """By reference policy and quantity, a value for each row."""
    agent, random = rows[list(EFFECTS)].to_numpy(float), reference_effects(rows, RANDOM)
    values = {}
    for name in (*COMPARED, RANDOM):
        probs = reference_effects(rows, name)
        values[name, "agreement"] = probs[np.arange(len(rows)), agent.argmax(axis=1)]
        values[name, "log_likelihood"] = log_likelihood(agent, (1 - SOFTNESS) * probs + SOFTNESS * random)
    return values
