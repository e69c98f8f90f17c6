"""`TopKProbe`: a probe of only the k channels that carry most of what is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from maze_interp.probing.checks import as_classes, as_matrix, as_numbers
from maze_interp.probing.design import Matrix
from maze_interp.probing.errors import ProbeError
from maze_interp.probing.logistic import LogisticProbe
from maze_interp.probing.ridge import RidgeProbe
from maze_interp.probing.ridge_classes import RidgeClassProbe
from maze_interp.probing.rows import Chosen


class TopKProbe(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Another probe on the k best channels of maps `[n, channels, h, w]`, or features of `[n, features]`.

    They are chosen inside `fit`, from the rows fitted to: those with the largest share of variance explained, that
    between the classes (η², which ranks features as the F of an analysis of variance does) or by a line through numbers
    (r²), averaged over the positions of a channel and over the targets.

    Args:
        k: how many.
        probe: what is fitted to them, a `LogisticProbe`, `RidgeClassProbe` or `RidgeProbe`; None for `LogisticProbe()`.

    Attributes:
        explained_: `[channels]` or `[features]`, the share of each, 0 to 1.
        selected_: int `[k]`, those chosen, the best first.
        probe_: fitted to them.
        n_features_in_: features.
    """

    def __init__(self, k: int = 10, probe: LogisticProbe | RidgeClassProbe | RidgeProbe | None = None) -> None:
        self.k = k
        self.probe = probe

    def fit(self, X: ArrayLike | Matrix, y: ArrayLike, groups: ArrayLike | None = None) -> TopKProbe:
        """Choose, and fit the probe to what was chosen, as `LogisticProbe.fit` takes features, labels and groups.

        Raises:
            ProbeError: k below 1 or above the channels or features there are; and as the probe does.
        """
        matrix = as_matrix(self, X, fitting=True)
        self.probe_ = LogisticProbe() if self.probe is None else clone(self.probe)
        self.explained_ = explained(matrix, _standard_targets(matrix, y, is_classifier(self.probe_)))
        there = len(self.explained_)
        if not 1 <= self.k <= there:
            kind = "channels" if matrix.ndim > 2 else "features"
            raise ProbeError(f"k is 1 to n_{kind} = {there} of {matrix.name}, not {self.k}")
        self.selected_ = np.argsort(-self.explained_, kind="stable")[: self.k]
        self.probe_.fit(Chosen(matrix, self.selected_), y, groups)
        return self

    def predict(self, X: ArrayLike | Matrix) -> NDArray[Any]:
        """As the probe."""
        chosen = self._chosen(X)
        return self.probe_.predict(chosen)

    @available_if(is_classifier)  # type: ignore[untyped-decorator]
    def decision_function(self, X: ArrayLike | Matrix) -> NDArray[np.float64]:
        """As the probe."""
        chosen = self._chosen(X)
        return self.probe_.decision_function(chosen)

    @available_if(is_classifier)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: ArrayLike | Matrix) -> NDArray[np.float64]:
        """As the probe."""
        chosen = self._chosen(X)
        return self.probe_.predict_proba(chosen)

    def score(self, X: ArrayLike | Matrix, y: ArrayLike) -> float:
        """Accuracy, or R² of a regression."""
        chosen = self._chosen(X)
        return float(self.probe_.score(chosen, y))

    @property
    def classes_(self) -> NDArray[Any]:
        """Of the probe."""
        return self.probe_.classes_

    def _chosen(self, X: ArrayLike | Matrix) -> Matrix:
        check_is_fitted(self)
        return Chosen(as_matrix(self, X, fitting=False), self.selected_)

    def __sklearn_tags__(self) -> Any:
        return get_tags(LogisticProbe() if self.probe is None else self.probe)


def explained(matrix: Matrix, targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the variance of each feature, or of each channel of maps, that targets explain.

    Args:
        matrix: `[n, features]` or `[n, channels, ...]`.
        targets: `[n, targets]`; orthonormal columns explain the sum of what each does.

    Returns:
        `[features]` or `[channels]`, of a channel the mean over its positions; a feature that does
        not vary counts as 0.
    """
    whole = matrix.design
    sums, first = torch.zeros(matrix.width, targets.shape[1], dtype=torch.float64, device="cpu"), 0
    for batch in whole.standardised():
        sums += batch.double().T @ torch.from_numpy(targets[first : first + len(batch)])
        first += len(batch)
    shares = (sums**2).sum(1).numpy() / len(matrix)
    return shares.reshape(matrix.shape[1], -1).mean(1)


def _standard_targets(matrix: Matrix, y: ArrayLike, classes: bool) -> NDArray[np.float64]:
    """Classes as orthonormal indicator columns; numbers with mean 0 and length 1, over √targets."""
    if classes:
        _, codes = as_classes(matrix, y)
        indicators = np.eye(codes.max() + 1)[codes]
        return indicators / np.sqrt(indicators.sum(0))
    numbers = as_numbers(matrix, y).reshape(len(matrix), -1)
    centred = numbers - numbers.mean(0)
    lengths = np.linalg.norm(centred, axis=0)
    return centred / np.where(lengths > 0, lengths, 1.0) / np.sqrt(numbers.shape[1])
