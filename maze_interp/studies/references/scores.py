"""How well models of an agent predict its moves on levels that they were not fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlogy

from maze_interp.errors import MazeInterpError, Unmeasurable
from maze_interp.measure.effects import EFFECTS
from maze_interp.results.estimates import Estimate, estimate, estimate_statistic
from maze_interp.results.tables import cells
from maze_interp.studies.references.measure import COMPARED, RANDOM, reference_effects, weights
from maze_interp.studies.references.mixtures import Model, fit_mixture

OWN = "own"
"""The agent's own probabilities as a prediction: no other scores higher."""

Floats = NDArray[np.float64]


def log_likelihood(agent: Floats, predicted: Floats) -> Floats:
    """Expected log-probability `[n]`, in nats, that a prediction gives to what the agent does; both `[n, 5]`."""
    found: Floats = xlogy(agent, predicted).sum(axis=1)
    return found


def held_out_scores(
    models: Mapping[str, Model], fitted_on: pd.DataFrame, reported_on: pd.DataFrame, squares: str = "visited"
) -> pd.DataFrame:
    """Fit models by name on some rows of `ReferenceMoves` and score them on others, `squares` (of `SQUARES`) counting.

    Returns:
        a row for each level scored with a square that counts: seed; for each model, for `RANDOM` moves and
        for the agent's `OWN` probabilities the expected log-likelihood of the agent's moves, in nats per move.

    Raises:
        MazeInterpError: a level is among both, or no square counts.
    """
    if shared := set(fitted_on["seed"]) & set(reported_on["seed"]):
        raise MazeInterpError(f"level {min(shared)} is among those to fit on and those to score on")
    agent = reported_on[list(EFFECTS)].to_numpy(float)
    predictions = {RANDOM: reference_effects(reported_on, RANDOM), OWN: agent}
    for name, model in models.items():
        predictions[name] = fit_mixture(model, fitted_on, squares).predict(reported_on)
    weight = weights(reported_on, squares)
    seeds = reported_on["seed"]
    counted = weight.groupby(seeds).sum() > 0
    if not counted.any():
        raise Unmeasurable("there is no square to score the models on; give more levels, with a cheese")
    scores = {
        name: (weight * log_likelihood(agent, predictions[name])).groupby(seeds).sum()[counted]
        for name in (*models, RANDOM, OWN)
    }
    return pd.DataFrame(scores).reset_index()


def gain(scores: pd.DataFrame, model: str) -> Estimate:
    """Of what the agent's own probabilities gain over random moves, the share that a model gains.

    Of means over levels; without a value where the agent itself gains nothing.
    """
    return estimate_statistic(_share, scores[model], scores[RANDOM], scores[OWN])


def best_reference(fitted_on: pd.DataFrame, squares: str = "visited", references: Sequence[str] = COMPARED) -> str:
    """The single reference that predicts best on the levels it is fitted on."""
    agent, weight = fitted_on[list(EFFECTS)].to_numpy(float), weights(fitted_on, squares).to_numpy()

    def score(name: str) -> float:
        predicted = fit_mixture(Model((name,)), fitted_on, squares).predict(fitted_on)
        return float(weight @ log_likelihood(agent, predicted))

    return max(references, key=score)


def score_table(scores: pd.DataFrame, best: str) -> pd.DataFrame:
    """Each model's score over levels, from `held_out_scores`, beside that of the model `best`.

    Returns:
        columns model; n, mean, low, high of the log-likelihood in nats per move; gain, gain_low, gain_high;
        and over_best, over_best_low, over_best_high, the log-likelihood less that of `best`, paired by level.
    """
    return pd.DataFrame(
        {
            "model": name,
            **estimate(scores[name], "number").as_dict(),
            **cells("gain", gain(scores, name)),
            **cells("over_best", estimate(scores[name] - scores[best], "number")),
        }
        for name in scores.columns.drop("seed")
    )


def _share(model: Floats, random: Floats, own: Floats, axis: int) -> Floats:
    gained, most = (side.mean(axis=axis) - random.mean(axis=axis) for side in (model, own))
    found: Floats = np.divide(gained, most, out=np.full_like(np.asarray(most), np.nan), where=most > 0)
    return found
