"""What a linear model is fitted to: a matrix of features, standardised, in few enough coordinates.

With fewer rows than features an L2-penalised solution lies in the span of the rows, weights
W = Xᵀ A. Rows of the triangular R with R Rᵀ = X Xᵀ then stand for the rows of X: a model with
weights U on R has the same predictions and the same penalty as W = Xᵀ R⁻ᵀ U on X, in n
coordinates instead of the features (the representer theorem; Schölkopf, Herbrich and Smola 2001).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from torch import Tensor

from maze_interp.probing.errors import ProbeError

BATCH = 2**22
"""Numbers worked on at once."""

LARGEST = 2**14
"""Coordinates up to which a square matrix over them is formed."""

_BLOCKS = 8  # of columns of a symmetric matrix: what lies above the diagonal blocks is not computed
_JITTER = 1e-12  # added to the diagonal of X Xᵀ, relative to its mean: equal rows make it singular


class Matrix(ABC):
    """Numbers `[n, ...]` that every estimator here takes in place of an array; the features lie behind the first axis.

    What follows from the numbers alone, such as their means, is computed once and kept with the object: fit several
    probes to the same one, of other targets, and they share it. A batch has as many rows as hold `numbers` numbers;
    `name` is for messages.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    name: str
    numbers: int = BATCH

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def width(self) -> int:
        """Features of a row."""
        return math.prod(self.shape[1:])

    @property
    def batch(self) -> int:
        """Rows of a batch."""
        return max(64, self.numbers // max(1, self.width))

    @abstractmethod
    def batches(self) -> Iterator[NDArray[Any]]:
        """All rows in order, some `[m, ...]` at a time; cut alike each time."""

    @abstractmethod
    def place(self, row: int) -> str:
        """Where a row stands, for messages."""

    @cached_property
    def design(self) -> Design:
        """The rows as what a linear model is fitted to.

        Raises:
            ProbeError: a number that is not finite.
        """
        return Design.of(self)


class Design:
    """Standardised rows, batch by batch: shifted by `mean` and divided by `scale`, float64 `[features]`.

    Attributes:
        shape: rows, and coordinates of the weights that are searched for.
        dtype: of the arithmetic: float64 where the features are, else float32.
    """

    def __init__(self, matrix: Matrix, mean: NDArray[np.float64], scale: NDArray[np.float64]) -> None:
        self.matrix, self.mean, self.scale = matrix, mean, scale
        self.shape = (len(matrix), matrix.width)
        self.dtype = torch.float64 if np.result_type(matrix.dtype, np.float32) == np.float64 else torch.float32

    @staticmethod
    def of(matrix: Matrix) -> Design:
        """The design with mean 0 and variance 1 over these rows, in the smaller number of coordinates.

        Raises:
            ProbeError: a number that is not finite.
        """
        whole = Design(matrix, *moments(matrix))
        return SpanDesign(matrix, whole.mean, whole.scale) if len(matrix) < min(matrix.width, LARGEST) else whole

    def standardised(self) -> Iterator[Tensor]:
        """The standardised features in order, `[m, features]`."""
        mean, inverse = (torch.from_numpy(some).to(self.dtype) for some in (self.mean, 1 / self.scale))
        for batch in self.matrix.batches():
            yield torch.tensor(batch, device="cpu").reshape(len(batch), -1).to(self.dtype).sub_(mean).mul_(inverse)

    def rows(self) -> Iterator[Tensor]:
        """The rows in order, in the coordinates of the weights, `[m, coordinates]`."""
        return self.standardised()

    def feature_weights(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights of the standardised features, from those of the coordinates `[coordinates, outputs]`."""
        return weights

    @cached_property
    def curvature(self) -> Tensor:
        """Xᵀ X over the coordinates, its lower triangle."""
        return second_moments(self.rows(), self.shape[1], self.dtype)


class SpanDesign(Design):
    """Standardised rows in coordinates of their span, for fewer rows than features."""

    def __init__(self, matrix: Matrix, mean: NDArray[np.float64], scale: NDArray[np.float64]) -> None:
        super().__init__(matrix, mean, scale)
        count = len(matrix)
        self.shape = (count, count)
        inner = torch.zeros(count, count, dtype=torch.float64, device="cpu")
        place = 0
        for some in self.standardised():
            left, other = some.double(), 0
            for batch in self.standardised():
                right = left if other == place else batch.double()
                inner[place : place + len(left), other : other + len(right)] = left @ right.T
                other += len(right)
                if other > place:
                    break
            place += len(left)
        inner.diagonal().add_(_JITTER * inner.diagonal().mean().clamp(min=1.0))
        self._factor = cholesky(inner)
        self._rows = torch.from_numpy(self._factor.T).to(self.dtype)

    def rows(self) -> Iterator[Tensor]:
        """Rows of R."""
        return iter(torch.split(self._rows, self.matrix.batch))

    def feature_weights(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Xᵀ R⁻ᵀ U."""
        shares = torch.from_numpy(solve_triangular(self._factor, weights, check_finite=False))
        found, first = torch.zeros(self.matrix.width, weights.shape[1], dtype=torch.float64, device="cpu"), 0
        for batch in self.standardised():
            found += batch.double().T @ shares[first : first + len(batch)]
            first += len(batch)
        return found.numpy()


def cholesky(matrix: Tensor) -> NDArray[np.floating[Any]]:
    """The upper triangular U with Uᵀ U = matrix, in the memory of the matrix, of which the lower triangle is read.

    In place, since three such matrices over 8,192 features are all that fits beside the data.
    """
    return scipy.linalg.cholesky(matrix.numpy().T, overwrite_a=True, check_finite=False)


def second_moments(rows: Iterator[Tensor], width: int, dtype: torch.dtype) -> Tensor:
    """Sum of the outer products of rows, `[width, width]`, in this dtype; only its lower triangle is right."""
    found = torch.zeros(width, width, dtype=dtype, device="cpu")
    step = -(-width // _BLOCKS)
    for batch in (some.to(dtype) for some in rows):
        for first in range(0, width, step):
            found[first:, first : first + step] += batch[:, first:].T @ batch[:, first : first + step]
    return found


def moments(matrix: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and standard deviations, float64 `[features]`, in one pass by Chan's rule for joining batches.

    The standard deviation of a feature that does not vary is given as 1.

    Raises:
        ProbeError: a number that is not finite.
    """
    count, mean, squares = 0, np.zeros(matrix.width), np.zeros(matrix.width)
    for batch in matrix.batches():
        flat = batch.reshape(len(batch), -1).astype(np.float64)
        require_finite(matrix, flat, count)
        total, found = count + len(flat), flat.mean(0)
        squares += ((flat - found) ** 2).sum(0) + (found - mean) ** 2 * count * len(flat) / total
        mean += (found - mean) * len(flat) / total
        count = total
    eps = np.finfo(np.float64).eps
    constant = squares / count <= count * eps * squares / count + (count * mean * eps) ** 2  # scikit-learn's test
    return mean, np.where(constant, 1.0, np.sqrt(squares / count))


def require_finite(matrix: Matrix, flat: NDArray[np.float64], first: int) -> None:
    """Check a batch `[m, features]` that begins at row `first`.

    Raises:
        ProbeError: NaN or infinity; the message says where.
    """
    bad = ~np.isfinite(flat)
    if bad.any():
        row, feature = np.argwhere(bad)[0]
        kind = "NaN" if np.isnan(flat[row, feature]) else "infinity"
        raise ProbeError(
            f"{matrix.name} holds {kind} in {matrix.place(first + row)}, feature {feature}; probes need finite numbers"
        )
