"""`LogisticProbe`: multinomial logistic regression, the objective of scikit-learn's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from maze_interp.probing.checks import as_classes, as_matrix, ascending, fold_numbers, linear
from maze_interp.probing.design import Matrix
from maze_interp.probing.softmax import Labels, Metric, Weights, minimised, predicted


class LogisticProbe(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Multinomial logistic regression on standardised features, with an L2 penalty on the weights.

    Equal to scikit-learn's `make_pipeline(StandardScaler(), LogisticRegression(C=C))`: it minimises
    `C · (sum of the log losses) + ½ |weights|²`, the intercepts free.

    Args:
        C: inverse of the penalty, or several, of which cross-validation over the groups
            chooses that with the best mean accuracy, among equals the smallest.
        folds: of that cross-validation. The standardisation is that of all rows in each of them.
        tol: the search ends where no component of the gradient of the mean loss exceeds it, taken
            in coordinates in which that loss has a curvature near 1. With more features than rows and C from about 10
            the loss is so flat that 1e-4 ends the search long before its minimum, which takes 1e-8.
        max_iter: or after so many steps, with a `ConvergenceWarning`.

    Attributes:
        classes_: the classes, in order.
        coef_: `[classes, features]`, for two classes `[1, features]`: per unit of the feature as given.
        intercept_: `[classes]`, for two classes `[1]`.
        mean_, scale_: `[features]`, what standardises the features.
        C_: the one in use.
        cv_scores_: `[Cs, folds]`, held-out accuracies in ascending order of C; None for a single C.
        n_features_in_, n_iter_: features; steps of the search.
    """

    def __init__(
        self, C: float | Iterable[float] = 1.0, folds: int = 5, tol: float = 1e-4, max_iter: int = 1000
    ) -> None:
        self.C = C
        self.folds = folds
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: ArrayLike | Matrix, y: ArrayLike, groups: ArrayLike | None = None) -> LogisticProbe:
        """Fit.

        Args:
            X: `[n, features]`, or activations `[n, ...]`, or a `Matrix` such as `Rows`.
            y: `[n]` labels.
            groups: `[n]`, the level of each row, for cross-validation; None makes each row its own.

        Raises:
            ProbeError: shapes that do not match, one class only, a feature that is not a finite
                number, fewer groups than folds, a C that is not positive.
        """
        matrix = as_matrix(self, X, fitting=True)
        self.classes_, codes = as_classes(matrix, y)
        penalties = ascending("C", self.C)
        folds = fold_numbers(groups, len(matrix), self.folds) if len(penalties) > 1 else None
        labels = Labels(matrix.design, codes, len(self.classes_))
        self.cv_scores_ = None if folds is None else self._cross_validated(labels, penalties, folds)
        best = 0 if self.cv_scores_ is None else int(self.cv_scores_.mean(1).argmax())
        self.C_ = float(penalties[best])
        weights, self.n_iter_ = self._minimised(labels, self.C_, Metric(labels, self.C_), np.ones(len(matrix), bool))
        self._keep(matrix, weights)
        return self

    def decision_function(self, X: ArrayLike | Matrix) -> NDArray[np.float64]:
        """Logits `[n, classes]`; for two classes `[n]`, that of the second less that of the first."""
        check_is_fitted(self)
        scores = linear(as_matrix(self, X, fitting=False), self.coef_, self.intercept_)
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X: ArrayLike | Matrix) -> NDArray[np.float64]:
        """Probabilities, `[n, classes]`."""
        scores = self.decision_function(X)
        return softmax(scores if scores.ndim == 2 else np.stack([np.zeros_like(scores), scores], 1), axis=1)

    def predict(self, X: ArrayLike | Matrix) -> NDArray[Any]:
        """The most probable class, `[n]`."""
        scores = self.decision_function(X)
        return self.classes_[scores.argmax(1) if scores.ndim == 2 else (scores > 0).astype(int)]

    def _cross_validated(
        self, labels: Labels, penalties: NDArray[np.float64], folds: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Held-out accuracies `[Cs, folds]`; each fit begins where that of the C before ended."""
        found = np.empty((len(penalties), self.folds))
        weights: list[Weights | None] = [None] * self.folds
        for place, C in enumerate(penalties):
            metric = Metric(labels, C)
            for fold in range(self.folds):
                weights[fold], _ = some, _ = self._minimised(labels, C, metric, folds != fold, weights[fold])
                right = predicted(labels, some) == labels.codes
                found[place, fold] = right[folds == fold].mean()
        return found

    def _minimised(
        self, labels: Labels, C: float, metric: Metric, used: NDArray[np.bool_], start: Weights | None = None
    ) -> tuple[Weights, int]:
        return minimised(labels, C, metric, used, start, self.tol, self.max_iter)

    def _keep(self, matrix: Matrix, weights: Weights) -> None:
        """Set `coef_` and `intercept_` in units of the features as given, in the precision of the arithmetic."""
        design = matrix.design
        self.mean_, self.scale_ = design.mean, design.scale
        coef = (design.feature_weights(weights[:-1]) / design.scale[:, None]).T
        self.intercept_ = weights[-1] - coef @ design.mean
        self.coef_ = np.ascontiguousarray(coef, np.result_type(matrix.dtype, np.float32))
