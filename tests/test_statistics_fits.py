"""Fits of statistics: fractional outcomes as statsmodels has them, held-out scores, resampled levels, the best step."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression

from maze_interp.results.estimates import estimate_fit
from maze_interp.studies.statistics.fits import Array, fit, held_out, predict
from maze_interp.studies.statistics.shapes import Step


def test_fractional_fits_agree_with_statsmodels_and_with_copied_rows() -> None:
    rng = np.random.default_rng(0)
    x, p = rng.normal(size=(200, 3)), rng.random(200)
    model = LogisticRegression(C=1e9, solver="newton-cholesky", tol=1e-8)
    fit(model, x, p)
    expected = sm.GLM(p, sm.add_constant(x), family=sm.families.Binomial()).fit().params
    np.testing.assert_allclose(np.append(model.intercept_, model.coef_[0]), expected, atol=1e-6)

    counts = rng.integers(0, 3, 200).astype(float)
    fit(model, x, p, counts)
    copied = np.repeat(np.arange(200), counts.astype(int))
    expected = sm.GLM(p[copied], sm.add_constant(x[copied]), family=sm.families.Binomial()).fit().params
    np.testing.assert_allclose(np.append(model.intercept_, model.coef_[0]), expected, atol=1e-6)


def test_held_out_scores_levels_the_model_has_not_seen() -> None:
    class Remembers:
        """Says 1 of rows it was fitted on and 0 of all others."""

        def fit(self, X: Array, y: Array, sample_weight: Array) -> None:
            self.seen = set(X[:, 0])

        def predict_proba(self, X: Array) -> Array:
            p = np.array([float(x in self.seen) for x in X[:, 0]])
            return np.stack([1 - p, p], axis=1)

    p = np.linspace(0, 1, 50)
    scores = held_out(Remembers(), np.arange(50.0)[:, None], p, repeats=3)
    np.testing.assert_allclose(scores["accuracy"], 1 - p)  # it says 0 of every level held out
    np.testing.assert_allclose(scores["log_likelihood"], p * np.log(1e-9), atol=1e-8)


def test_bootstrap_resamples_levels() -> None:
    x = np.random.default_rng(1).normal(size=400)
    (mean,) = estimate_fit(lambda counts: np.array([counts @ x / counts.sum()]), 400, refits=500)
    error = x.std() / np.sqrt(400)
    assert mean.mean == pytest.approx(x.mean())
    assert mean.low == pytest.approx(x.mean() - 1.96 * error, abs=0.3 * error)
    assert mean.high == pytest.approx(x.mean() + 1.96 * error, abs=0.3 * error)


def test_best_step_by_brute_force() -> None:
    rng = np.random.default_rng(3)
    x, p = rng.integers(0, 12, 80).astype(float), rng.random(80)
    step = Step()
    fit(step, x[:, None], p)

    def worth(place: int) -> float:
        sides = [float(p[some].sum() + 0.5) / float(some.sum() + 1) for some in (x <= place, x > place)]
        guess = np.where(x <= place, sides[0], sides[1])
        return float(np.sum(p * np.log(guess) + (1 - p) * np.log(1 - guess)))

    best = max(range(11), key=worth)
    assert step.at == best
    np.testing.assert_allclose(predict(step, np.array([[best], [best + 0.1]])), [step.inside, step.outside])
