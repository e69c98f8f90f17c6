"""Minimising the penalised log loss of a softmax: L-BFGS in coordinates in which the problem is round.

Activations are so correlated that plain L-BFGS needs hundreds of passes over the data. The Hessian of the loss is near
h · Xᵀ X + penalty for each class, with h = (K − 1) / K² the mean of p (1 − p) where all K classes are equally probable.
With its Cholesky factor U' U, the search runs over U times the weights, where it needs some tens of passes.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from maze_interp.probing.design import LARGEST, Design, cholesky

Weights = NDArray[np.float64]
"""Weights over intercepts, `[coordinates + 1, columns]`: a column per class, or one for two classes."""


@dataclass(frozen=True)
class Labels:
    """What a softmax is fitted to.

    Attributes:
        design: the features of n rows.
        codes: int `[n]`, the number of each row's class.
        classes: how many there are.
    """

    design: Design
    codes: NDArray[np.intp]
    classes: int

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weights."""
        return self.design.shape[1] + 1, 1 if self.classes == 2 else self.classes


def logits(rows: Tensor, weights: Tensor) -> Tensor:
    """Of every class, `[classes, m]`; with a single column those of the first of two classes are 0.

    From rows `[m, coordinates]` and weights `[columns, coordinates + 1]`, transposed, which multiplies fastest.
    """
    found = torch.addmm(weights[:, -1:], weights[:, :-1], rows.T)
    return found if len(found) > 1 else torch.cat([torch.zeros_like(found), found])


def predicted(labels: Labels, weights: Weights) -> NDArray[np.intp]:
    """The most probable class of every row, int `[n]`."""
    known = _transposed(labels, weights)
    return torch.cat([logits(rows, known).argmax(0) for rows in labels.design.rows()]).numpy()


def log_loss(labels: Labels, used: NDArray[np.bool_], weights: Weights) -> tuple[float, Weights]:
    """Sum of the log losses over the rows used, bool `[n]`, and its gradient."""
    known = _transposed(labels, weights)
    loss, gradient, first = 0.0, torch.zeros(known.shape, dtype=torch.float64, device="cpu"), 0
    for rows in labels.design.rows():
        some = slice(first, first + len(rows))
        first += len(rows)
        keep = torch.from_numpy(used[some])
        target = torch.from_numpy(labels.codes[some])[None]
        logs = torch.log_softmax(logits(rows, known), 0)
        loss -= float(logs.gather(0, target)[0, keep].sum(dtype=torch.float64))
        slope = logs.exp_()
        slope.scatter_add_(0, target, torch.full_like(slope[:1], -1.0))
        slope = slope[-len(known) :] * keep
        gradient[:, :-1] += slope @ rows
        gradient[:, -1] += slope.sum(1, dtype=torch.float64)
    return loss, np.ascontiguousarray(gradient.T.numpy())


def _transposed(labels: Labels, weights: Weights) -> Tensor:
    return torch.from_numpy(weights.T).to(labels.design.dtype).contiguous()


class Metric:
    """The coordinates of the search, for one C, the inverse of the penalty."""

    def __init__(self, labels: Labels, C: float) -> None:
        count, width = labels.design.shape
        curvature = (labels.classes - 1) / labels.classes**2
        self._intercept = self._length = 1 / np.sqrt(curvature)
        self._factor: NDArray[np.floating[Any]] | None = None
        if width <= LARGEST:
            hessian = labels.design.curvature * curvature
            rounding = torch.finfo(hessian.dtype).eps * hessian.trace()
            hessian.diagonal().add_(1 / C + rounding)
            self._length = np.sqrt(count)
            self._factor = cholesky(hessian)

    def coordinates(self, weights: Weights) -> Weights:
        """Of given weights."""
        head = weights[:-1] if self._factor is None else self._factor @ weights[:-1].astype(self._factor.dtype)
        return np.concatenate([head / self._length, weights[-1:] / self._intercept])

    def weights(self, coordinates: Weights) -> Weights:
        """At given coordinates."""
        return self._solved(coordinates, transposed=False)

    def gradient(self, gradient: Weights) -> Weights:
        """By the coordinates, from that by the weights."""
        return self._solved(gradient, transposed=True)

    def _solved(self, some: Weights, transposed: bool) -> Weights:
        head = some[:-1]
        if self._factor is not None:
            head = head.astype(self._factor.dtype)
            head = solve_triangular(self._factor, head, trans=int(transposed), check_finite=False)
        return np.concatenate([head * self._length, some[-1:] * self._intercept], dtype=np.float64)


def minimised(
    labels: Labels, C: float, metric: Metric, used: NDArray[np.bool_], start: Weights | None, tol: float, max_iter: int
) -> tuple[Weights, int]:
    """The weights that minimise C · (sum of the log losses) + ½ the squared weights, intercepts free; and the steps.

    The search is on the rows used, bool `[n]`, and begins at `start` or 0. It ends where no component of the gradient
    of the mean loss exceeds `tol`, or after `max_iter` steps, with a `ConvergenceWarning`.
    """
    count = int(used.sum())

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = metric.weights(flat.reshape(labels.shape))
        loss, slope = log_loss(labels, used, weights)
        penalty = weights[:-1] / C
        slope[:-1] += penalty
        return (loss + 0.5 * float((penalty * weights[:-1]).sum())) / count, metric.gradient(slope / count).ravel()

    first = np.zeros(labels.shape) if start is None else metric.coordinates(start)
    options = {"maxiter": max_iter, "maxls": 50, "gtol": tol, "ftol": 64 * np.finfo(float).eps}
    found = minimize(objective, first.ravel(), method="L-BFGS-B", jac=True, options=options)
    if found.nit >= max_iter:
        message = f"no minimum found in max_iter = {max_iter} steps; allow more, or a larger tol"
        warnings.warn(message, ConvergenceWarning, stacklevel=2)
    return metric.weights(found.x.reshape(labels.shape)), max(1, int(found.nit))
