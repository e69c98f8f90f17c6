"""`RidgeClassProbe`: classes by least squares with an L2 penalty, exact."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from maze_interp.probing.checks import as_classes, as_matrix, linear
from maze_interp.probing.design import Matrix
from maze_interp.probing.ridge import RidgeProbe


class RidgeClassProbe(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Ridge regression on standardised features to 1 for a row's class and −1 for any other; the largest output wins.

    Equal to scikit-learn's `make_pipeline(StandardScaler(), RidgeClassifier(alpha))`. With more features than
    rows it often predicts better than the log loss, which is 0 there for many weights: least squares also says which
    weights cancel what all rows have in common, such as a maze's walls behind a cheese.

    Args:
        alpha: of the penalty, or several, of which cross-validation over the groups
            chooses that with the best mean accuracy, among equals the largest.
        folds: of that cross-validation. The standardisation is that of all rows in each of them.

    Attributes:
        classes_: the classes, in order.
        coef_: `[classes, features]`, for two classes `[1, features]`: per unit of the feature as given.
        intercept_: `[classes]`, for two classes `[1]`.
        mean_, scale_: `[features]`, what standardises the features.
        alpha_: the one in use.
        cv_scores_: `[alphas, folds]`, held-out accuracies in ascending order of alpha; None for a single alpha.
        n_features_in_: features.
    """

    def __init__(self, alpha: float | Iterable[float] = 1.0, folds: int = 5) -> None:
        self.alpha = alpha
        self.folds = folds

    def fit(self, X: ArrayLike | Matrix, y: ArrayLike, groups: ArrayLike | None = None) -> RidgeClassProbe:
        """Fit to labels `[n]`, else as `RidgeProbe.fit`.

        Raises:
            ProbeError: as there, or one class only.
        """
        matrix = as_matrix(self, X, fitting=True)
        self.classes_, codes = as_classes(matrix, y)
        numbers = np.arange(len(self.classes_))[1 if len(self.classes_) == 2 else 0 :]
        targets = np.where(codes[:, None] == numbers, 1.0, -1.0)
        ridge = RidgeProbe(self.alpha, self.folds).fit_by(_accuracy, matrix, targets, groups)
        self.coef_, self.intercept_ = np.atleast_2d(ridge.coef_), np.atleast_1d(ridge.intercept_)
        self.mean_, self.scale_ = ridge.mean_, ridge.scale_
        self.alpha_, self.cv_scores_ = ridge.alpha_, ridge.cv_scores_
        return self

    def decision_function(self, X: ArrayLike | Matrix) -> NDArray[np.float64]:
        """Outputs `[n, classes]`; for two classes `[n]`, that of the second."""
        check_is_fitted(self)
        outputs = linear(as_matrix(self, X, fitting=False), self.coef_, self.intercept_)
        return outputs[:, 0] if len(self.classes_) == 2 else outputs

    def predict(self, X: ArrayLike | Matrix) -> NDArray[Any]:
        """The class with the largest output, `[n]`."""
        outputs = self.decision_function(X)
        return self.classes_[_winners(outputs.reshape(len(outputs), -1))]


def _winners(outputs: NDArray[np.float64]) -> NDArray[np.intp]:
    """The number of each row's class, of outputs `[n, classes]`, for two classes `[n, 1]`."""
    return outputs.argmax(1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0).astype(np.intp)


def _accuracy(targets: NDArray[np.float64], outputs: NDArray[np.float64]) -> float:
    return float((_winners(targets) == _winners(outputs)).mean())
