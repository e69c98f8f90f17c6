"""`ConvProbe`: one linear probe shared by all positions of a map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from maze_interp.probing.design import Matrix
from maze_interp.probing.errors import ProbeError
from maze_interp.probing.logistic import LogisticProbe
from maze_interp.probing.ridge import RidgeProbe
from maze_interp.probing.ridge_classes import RidgeClassProbe
from maze_interp.probing.rows import Rows


class ConvProbe(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """Another probe on the channels at, or around, each position: a 1×1 or larger convolution.

    Maps have an axis too many for scikit-learn's own checks; the probe inside passes them.

    Args:
        kernel: odd side of the square of positions; beyond the map lie zeros.
        probe: what is fitted to them, a `LogisticProbe`, `RidgeClassProbe` or `RidgeProbe`; None for `LogisticProbe()`.

    Attributes:
        probe_: fitted to positions; `probe_.coef_` is `[classes, channels · kernel²]`, laid out as
            the weights `[classes, channels, kernel, kernel]` of a convolution.
        n_features_in_: channels.
    """

    def __init__(self, kernel: int = 1, probe: LogisticProbe | RidgeClassProbe | RidgeProbe | None = None) -> None:
        self.kernel = kernel
        self.probe = probe

    def fit(
        self, X: NDArray[Any] | Rows, y: ArrayLike, groups: ArrayLike | None = None, mask: ArrayLike | None = None
    ) -> ConvProbe:
        """Fit.

        Args:
            X: `[n, channels, h, w]`.
            y: `[n, h, w]`, a label for each position; those off the mask are not looked at.
            groups: `[n]`, the level of each map, for cross-validation; None makes each map its own.
            mask: bool `[n, h, w]` or what broadcasts to it, the positions that count; None for all.

        Raises:
            ProbeError: shapes that do not match, no position at all, an even kernel; and as the probe does.
        """
        patches = self._patches(X, mask)
        self.n_features_in_ = patches.maps.shape[1]
        levels = np.arange(len(patches.maps)) if groups is None else np.asarray(groups)
        if levels.shape != patches.mask.shape[:1]:
            raise ProbeError(f"{len(patches.maps)} maps need as many groups, not an array of shape {levels.shape}")
        self.probe_ = LogisticProbe() if self.probe is None else clone(self.probe)
        self.probe_.fit(patches, patches.at(y), levels[np.nonzero(patches.mask)[0]])
        return self

    def predict(self, X: NDArray[Any] | Rows) -> NDArray[Any]:
        """`[n, h, w]`."""
        patches = self._fitted(X)
        return self.probe_.predict(patches).reshape(patches.mask.shape)

    @available_if(is_classifier)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: NDArray[Any] | Rows) -> NDArray[np.float64]:
        """`[n, h, w, classes]`."""
        patches = self._fitted(X)
        return self.probe_.predict_proba(patches).reshape(*patches.mask.shape, -1)

    def score(self, X: NDArray[Any] | Rows, y: ArrayLike, mask: ArrayLike | None = None) -> float:
        """Accuracy, or R² of a regression, over the positions on the mask."""
        patches = self._fitted(X, mask)
        return float(self.probe_.score(patches, patches.at(y)))

    @property
    def classes_(self) -> NDArray[Any]:
        """Of the probe."""
        return self.probe_.classes_

    def _fitted(self, X: NDArray[Any] | Rows, mask: ArrayLike | None = None) -> Patches:
        check_is_fitted(self)
        patches = self._patches(X, mask)
        if patches.maps.shape[1] != self.n_features_in_:
            raise ProbeError(f"the maps have {patches.maps.shape[1]} channels, not {self.n_features_in_} as fitted")
        return patches

    def _patches(self, X: NDArray[Any] | Rows, mask: ArrayLike | None) -> Patches:
        return Patches(X if isinstance(X, Rows) else Rows(np.asarray(X)), self.kernel, mask)

    def __sklearn_tags__(self) -> Any:
        return get_tags(LogisticProbe() if self.probe is None else self.probe)


class Patches(Matrix):
    """The channels around each position on a mask as a row, `[positions, channels, kernel, kernel]`.

    Of maps `[n, channels, h, w]`; the mask, bool, is broadcast to `[n, h, w]`, None for all positions.

    Raises:
        ProbeError: no maps, an even kernel, another shape of the mask, or no position on it.
    """

    def __init__(self, maps: Rows, kernel: int, mask: ArrayLike | None) -> None:
        if maps.ndim != 4:
            raise ProbeError(f"{maps.name} has no map of positions: [n, channels, h, w], not {maps.shape}")
        if kernel < 1 or kernel % 2 == 0:
            raise ProbeError(f"a kernel has an odd number of positions on a side, not {kernel}")
        count, channels, *side = maps.shape
        self.maps, self.kernel, self.mask = maps, kernel, _mask(mask, (count, *side))
        self.shape = (int(self.mask.sum()), channels, kernel, kernel)
        self.dtype = np.result_type(maps.dtype, np.float32)
        self.name = maps.name
        if not self.shape[0]:
            raise ProbeError(f"there is no position of {maps.name} on the mask")

    def batches(self) -> Iterator[NDArray[Any]]:
        """The rows of a batch of maps at a time, cut small."""
        first, (height, width) = 0, self.mask.shape[1:]
        some = max(1, self.batch // (height * width))
        for batch in self.maps.batches():
            for maps in torch.split(torch.tensor(batch.astype(self.dtype), device="cpu"), some):
                keep = self.mask[first : first + len(maps)].reshape(len(maps), -1)
                first += len(maps)
                spread = torch.nn.functional.unfold(maps, self.kernel, padding=self.kernel // 2)
                yield spread.transpose(1, 2)[torch.from_numpy(keep)].numpy().reshape(-1, *self.shape[1:])

    def place(self, row: int) -> str:
        """Map, row and column."""
        number, y, x = (axis[row] for axis in np.nonzero(self.mask))
        return f"{self.maps.place(number)} at or next to position ({y}, {x})"

    def at(self, y: ArrayLike) -> NDArray[Any]:
        """The labels `[n, h, w]` of the rows.

        Raises:
            ProbeError: another shape.
        """
        labels = np.asarray(y)
        if labels.shape != self.mask.shape:
            raise ProbeError(f"maps of {self.mask.shape} positions need a label for each, not {labels.shape}")
        return labels[self.mask]


def _mask(mask: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    given = np.asarray(True if mask is None else mask)
    try:
        return np.broadcast_to(given, shape).astype(bool)
    except ValueError as error:
        raise ProbeError(f"a mask of shape {given.shape} does not fit maps of {shape} positions") from error
