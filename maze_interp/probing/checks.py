"""What every estimator asks of its data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import GroupKFold
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d, validate_data

from maze_interp.probing.design import Matrix, require_finite
from maze_interp.probing.errors import ProbeError
from maze_interp.probing.rows import Rows


def as_matrix(estimator: BaseEstimator, X: ArrayLike | Matrix, fitting: bool) -> Matrix:
    """Features as a `Matrix`; fitting sets `n_features_in_` of the estimator, anything else compares it.

    Raises:
        ProbeError: no matrix of numbers, no row, or another width than fitted.
    """
    if isinstance(X, Matrix):
        _require_width(estimator, X, fitting)
        return X
    array = np.asarray(X) if isinstance(X, np.ndarray) and X.ndim > 2 else None
    flat = X if array is None else array.reshape(len(array), -1)
    dtypes = [np.float64, np.float32, np.float16]
    try:
        checked = validate_data(estimator, flat, reset=fitting, dtype=dtypes, ensure_all_finite=False)
    except ValueError as error:
        raise one_line(error) from error
    return Rows(checked if array is None else checked.reshape(array.shape))


def _require_width(estimator: BaseEstimator, X: Matrix, fitting: bool) -> None:
    if not len(X):
        raise ProbeError(f"there is no row of {X.name}")
    if fitting:
        estimator.n_features_in_ = X.width
    elif estimator.n_features_in_ != X.width:
        name, fitted = type(estimator).__name__, estimator.n_features_in_
        raise ProbeError(f"{X.name} has {X.width} features, but {name} is expecting {fitted} features as input")


def as_classes(X: Matrix, y: ArrayLike) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """The classes in order, and the number of each row's class, int `[n]`.

    Raises:
        ProbeError: not one label per row, or one class only.
    """
    try:
        labels = column_or_1d(y, warn=True)
        check_consistent_length(X, labels)
        check_classification_targets(labels)
    except ValueError as error:
        raise one_line(error) from error
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ProbeError(f"there is only one class among the labels, {classes[0]}; a classifier needs two")
    return classes, codes


def as_numbers(X: Matrix, y: ArrayLike | None) -> NDArray[np.float64]:
    """Targets of a regression, `[n]` or `[n, targets]`.

    Raises:
        ProbeError: not one target per row, or one that is not finite.
    """
    if y is None:
        raise ProbeError("fitting requires y to be passed, but the target y is None")
    try:
        targets = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        check_consistent_length(X, targets)
    except ValueError as error:
        raise one_line(error) from error
    return targets


def one_line(error: ValueError) -> ProbeError:
    """Scikit-learn's complaint in one line."""
    return ProbeError(" ".join(str(error).split()))


def ascending(name: str, values: float | Iterable[float]) -> NDArray[np.float64]:
    """The values of C or alpha to choose from, in ascending order.

    Raises:
        ProbeError: one that is not a positive number.
    """
    ordered = np.unique(np.asarray(values, float))
    if not (len(ordered) and np.isfinite(ordered).all() and (ordered > 0).all()):
        raise ProbeError(f"{name} is a positive number or several, not {values}")
    return ordered


def fold_numbers(groups: ArrayLike | None, n: int, folds: int) -> NDArray[np.intp]:
    """The fold in which each row is held out, int `[n]`: whole groups, as even as they come.

    `groups` is the level of each row, `[n]`; None makes each row its own.

    Raises:
        ProbeError: fewer than 2 folds, fewer groups than folds, or not one group per row.
    """
    levels = np.arange(n) if groups is None else np.asarray(groups)
    if levels.shape != (n,):
        raise ProbeError(f"{n} rows need as many groups, not an array of shape {levels.shape}")
    there = len(np.unique(levels))
    if folds < 2 or there < folds:
        raise ProbeError(f"cross-validation in {folds} folds needs {max(folds, 2)} levels or more, not {there}")
    found = np.empty(n, np.intp)
    for fold, (_, held_out) in enumerate(GroupKFold(folds).split(np.empty((n, 1)), groups=levels)):
        found[held_out] = fold
    return found


def linear(X: Matrix, coef: NDArray[np.floating[Any]], intercept: ArrayLike) -> NDArray[np.float64]:
    """`X @ coef.T + intercept` in float64, batch by batch.

    Raises:
        ProbeError: a feature that is not a finite number.
    """
    found, first = np.empty((len(X), *coef.shape[:-1])), 0
    for batch in X.batches():
        flat = batch.reshape(len(batch), -1).astype(np.float64)
        require_finite(X, flat, first)
        found[first : first + len(batch)] = flat @ coef.T
        first += len(batch)
    return found + np.asarray(intercept)
