"""`RidgeProbe`: least squares with an L2 penalty, exact."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, cho_solve
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from maze_interp.probing.checks import as_matrix, as_numbers, ascending, fold_numbers, linear
from maze_interp.probing.design import LARGEST, Design, Matrix, cholesky, second_moments
from maze_interp.probing.errors import ProbeError

Score = Callable[[NDArray[np.float64], NDArray[np.float64]], float]
"""From held-out targets and guesses, `[n, targets]` each: the more the better."""

_ABOVE = 100  # times the rounding error: less than that, and what the factorisation divides by is not reliable


class RidgeProbe(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Ridge regression on standardised features.

    Equal to scikit-learn's `make_pipeline(StandardScaler(), Ridge(alpha))`: it minimises
    `|errors|² + alpha |weights|²`, the intercepts free.

    Args:
        alpha: of the penalty, or several, of which cross-validation over the groups
            chooses that with the best mean R², among equals the largest.
        folds: of that cross-validation. The standardisation is that of all rows in each of them.

    Attributes:
        coef_: `[features]` or `[targets, features]`, per unit of the feature as given.
        intercept_: a number or `[targets]`.
        mean_, scale_: `[features]`, what standardises the features.
        alpha_: the one in use.
        cv_scores_: `[alphas, folds]`, held-out R² in ascending order of alpha; None for a single alpha.
        n_features_in_: features.
    """

    def __init__(self, alpha: float | Iterable[float] = 1.0, folds: int = 5) -> None:
        self.alpha = alpha
        self.folds = folds

    def fit(self, X: ArrayLike | Matrix, y: ArrayLike, groups: ArrayLike | None = None) -> RidgeProbe:
        """Fit.

        Args:
            X: `[n, features]`, or activations `[n, ...]`, or a `Matrix` such as `Rows`.
            y: `[n]` or `[n, targets]` numbers.
            groups: `[n]`, the level of each row, for cross-validation; None makes each row its own.

        Raises:
            ProbeError: shapes that do not match, a number that is not finite, fewer groups than
                folds, an alpha that is not positive or is lost in rounding, more than 16,384 rows and features.
        """
        return self.fit_by(r2_score, X, y, groups)

    def fit_by(self, score: Score, X: ArrayLike | Matrix, y: ArrayLike, groups: ArrayLike | None = None) -> RidgeProbe:
        """As `fit`, with another score than R² to choose the penalty by, of which `cv_scores_` then are.

        It takes held-out targets and guesses, `[n, targets]`, to a number, the more the better.
        """
        matrix = as_matrix(self, X, fitting=True)
        numbers = as_numbers(matrix, y)
        targets = numbers.reshape(len(numbers), -1)
        alphas = ascending("alpha", self.alpha)
        folds = fold_numbers(groups, len(matrix), self.folds) if len(alphas) > 1 else None
        if min(matrix.shape[0], matrix.width) > LARGEST:
            raise ProbeError(f"ridge regression takes at most {LARGEST} rows or {LARGEST} features, not {matrix.shape}")
        design = matrix.design
        self.cv_scores_ = None
        if folds is not None:  # one after the other: two matrices over the features are all that fits beside the data
            held = [folds == fold for fold in range(folds.max() + 1)]
            self.cv_scores_ = np.array([_held_out_scores(design, targets, alphas, some, score) for some in held]).T
        best = 0 if self.cv_scores_ is None else len(alphas) - 1 - int(self.cv_scores_.mean(1)[::-1].argmax())
        self.alpha_ = float(alphas[best])
        whole = Sums.over(design, targets, np.ones(len(matrix), bool))
        self._keep(matrix, *whole.solution(self.alpha_), single=numbers.ndim == 1)
        return self

    def predict(self, X: ArrayLike | Matrix) -> NDArray[np.float64]:
        """`[n]` or `[n, targets]`."""
        check_is_fitted(self)
        return linear(as_matrix(self, X, fitting=False), self.coef_, self.intercept_)

    def _keep(self, matrix: Matrix, weights: Tensor, intercept: Tensor, single: bool) -> None:
        design = matrix.design
        self.mean_, self.scale_ = design.mean, design.scale
        coef = (design.feature_weights(weights.numpy()) / design.scale[:, None]).T
        shift = intercept.numpy() - coef @ design.mean
        coef = np.ascontiguousarray(coef, np.result_type(matrix.dtype, np.float32))
        self.coef_: NDArray[np.floating[Any]] = coef[0] if single else coef
        self.intercept_: float | NDArray[np.float64] = float(shift[0]) if single else shift


class Sums(NamedTuple):
    """Sums over n rows x with targets t, in float64: of x, t, x xᵀ (its lower triangle) and x tᵀ."""

    n: int
    x: Tensor
    t: Tensor
    xx: Tensor
    xt: Tensor

    @staticmethod
    def over(design: Design, targets: NDArray[np.float64], used: NDArray[np.bool_]) -> Sums:
        """In two passes over the rows used, bool `[n]`."""
        width, wanted = design.shape[1], torch.from_numpy(targets)
        x, xt = (
            torch.zeros(width, dtype=torch.float64, device="cpu"),
            torch.zeros(width, targets.shape[1], dtype=torch.float64, device="cpu"),
        )
        for rows, place in _used(design, used):
            x += rows.sum(0, dtype=torch.float64)
            xt += rows.double().T @ wanted[place]
        xx = second_moments((rows for rows, _ in _used(design, used)), width, torch.float64)
        return Sums(int(used.sum()), x, wanted[torch.from_numpy(used)].sum(0), xx, xt)

    def solution(self, alpha: float) -> tuple[Tensor, Tensor]:
        """Weights `[coordinates, targets]` and intercepts `[targets]`.

        Raises:
            ProbeError: alpha is lost in the rounding of the sums.
        """
        x, t = self.x / self.n, self.t / self.n
        system = torch.addr(self.xx, x, self.x, alpha=-1.0)
        system.diagonal().add_(alpha)
        right = (self.xt - torch.outer(self.x, t)).numpy()
        rounding = len(system) * np.finfo(float).eps * system.diagonal().numpy()
        try:
            factor = cholesky(system)
            lost = bool((np.diagonal(factor) ** 2 <= _ABOVE * rounding).any())
        except LinAlgError:
            lost = True
        if lost:
            raise ProbeError(f"alpha {alpha:g} is too small for features that depend on each other")
        weights = torch.from_numpy(cho_solve((factor, False), right, check_finite=False))
        return weights, t - x @ weights


def _used(design: Design, used: NDArray[np.bool_]) -> Iterable[tuple[Tensor, Tensor]]:
    """The rows used, batch by batch, with their numbers."""
    first = 0
    for rows in design.rows():
        keep = torch.from_numpy(np.flatnonzero(used[first : first + len(rows)]))
        if len(keep):
            yield rows if len(keep) == len(rows) else rows[keep], keep + first
        first += len(rows)


def _held_out_scores(
    design: Design, targets: NDArray[np.float64], alphas: NDArray[np.float64], held: NDArray[np.bool_], score: Score
) -> list[float]:
    """Scores on the rows held out, bool `[n]`, of fits to the others: one for each alpha."""
    rest = Sums.over(design, targets, ~held)
    solutions = [rest.solution(alpha) for alpha in alphas]
    weights = torch.cat([some for some, _ in solutions], 1).to(design.dtype)
    guesses = torch.cat([(rows @ weights).double() for rows, _ in _used(design, held)])
    each = torch.split(guesses, targets.shape[1], 1)
    shifted = [guess + shift for guess, (_, shift) in zip(each, solutions, strict=True)]
    return [score(targets[held], guess.numpy()) for guess in shifted]
