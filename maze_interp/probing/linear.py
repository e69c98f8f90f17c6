"""A fitted probe as what it is: coefficients, an intercept, and what of a layer they are applied to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.utils.validation import check_is_fitted

from maze_interp.display import html_table
from maze_interp.errors import MazeInterpError
from maze_interp.probing.checks import linear
from maze_interp.probing.convolutional import ConvProbe, Patches
from maze_interp.probing.design import Matrix
from maze_interp.probing.errors import ProbeError
from maze_interp.probing.kinds import ProbeKind
from maze_interp.probing.logistic import LogisticProbe
from maze_interp.probing.ridge import RidgeProbe
from maze_interp.probing.ridge_classes import RidgeClassProbe
from maze_interp.probing.rows import Chosen, Rows
from maze_interp.probing.sparse import TopKProbe

Estimator = LogisticProbe | RidgeClassProbe | RidgeProbe | TopKProbe | ConvProbe

_KINDS: dict[type[Any], ProbeKind] = {RidgeClassProbe: "ridge-classes", LogisticProbe: "logistic", RidgeProbe: "ridge"}


@dataclass(frozen=True, eq=False)
class LinearProbe:
    """A fitted probe, whatever it was fitted by.

    Attributes:
        kind: what its outputs mean.
        coef: `[outputs, features]`, or `[features]` of a single number; two classes have one output.
        intercept: `[outputs]`, or without axes.
        classes: `[classes]`, in the order of the outputs; None for numbers.
        penalty: the C or alpha that it was fitted with.
        channels: int `[k]`, the channels or features of the layer that it takes; None for all.
        kernel: side of the patch of a map that it is applied to at every position; None for the whole layer at once.

    Raises:
        MazeInterpError: arrays that are not finite numbers or do not fit together.
    """

    kind: ProbeKind
    coef: NDArray[np.floating[Any]]
    intercept: NDArray[np.float64]
    classes: NDArray[Any] | None = None
    penalty: float = 1.0
    channels: NDArray[np.intp] | None = None
    kernel: int | None = None

    def __post_init__(self) -> None:
        arrays = {"coef": self.coef, "intercept": self.intercept, "classes": self.classes, "channels": self.channels}
        for name, array in arrays.items():
            if array is not None and (array.dtype.kind not in "fiub" or not np.isfinite(array).all()):
                raise MazeInterpError(f"the {name} of a probe are finite numbers")
        if not self._fits():
            raise MazeInterpError("the arrays of the probe do not fit together")

    def _fits(self) -> bool:
        outputs = self.coef.shape[:-1]
        known = (self.classes is None) == (self.kind == "ridge") and self.coef.ndim in (1, 2) and self.coef.size
        if self.classes is not None:
            count = len(self.classes) if self.classes.ndim == 1 else 0
            known = known and count > 1 and outputs == ((1,) if count == 2 else (count,))
        if (chosen := self.channels) is not None:
            distinct = chosen.ndim == 1 and chosen.dtype.kind in "iu" and len(np.unique(chosen)) == chosen.size > 0
            known = known and distinct and chosen.min() >= 0 and self.coef.shape[-1] % len(chosen) == 0
        return bool(known and self.intercept.shape == outputs)

    @classmethod
    def of(cls, estimator: Estimator, kernel: int | None = None) -> LinearProbe:
        """The probe that an estimator was fitted to be; a kernel is that of `Patches`, a `ConvProbe` has its own.

        Raises:
            MazeInterpError: of another kind, not fitted, or with classes that are not numbers.
        """
        inner, channels = estimator, None
        kind = type(estimator).__name__
        if not isinstance(estimator, Estimator):
            names = ", ".join(known.__name__ for known in (*_KINDS, TopKProbe, ConvProbe))
            raise MazeInterpError(f"a {kind} is no probe; probes are {names}")
        try:
            check_is_fitted(estimator)
        except ValueError as error:
            raise MazeInterpError(f"a {kind} is saved after it was fitted, not before") from error
        if isinstance(inner, ConvProbe):
            kernel, inner = inner.kernel, inner.probe_
        if isinstance(inner, TopKProbe):
            channels, inner = inner.selected_, inner.probe_
        classes = None if isinstance(inner, RidgeProbe) else inner.classes_
        penalty = inner.C_ if isinstance(inner, LogisticProbe) else inner.alpha_
        intercept = np.asarray(inner.intercept_)
        return cls(_KINDS[type(inner)], inner.coef_, intercept, classes, float(penalty), channels, kernel)

    def without_kernel(self) -> LinearProbe:
        """The same probe for rows that are patches of a map already, `[n, channels, kernel, kernel]`."""
        return replace(self, kernel=None)

    def outputs(self, X: ArrayLike | Matrix) -> NDArray[np.float64]:
        """What is compared or, for numbers, predicted: `[n, outputs]`, of maps `[n, h, w, outputs]`.

        Activations are `[n, features]` or `[n, ...]`, of a probe with a kernel maps `[n, channels, h, w]`.

        Raises:
            ProbeError: another number of features, or one that is not finite.
        """
        matrix: Matrix = X if isinstance(X, Matrix) else Rows(np.asarray(X))
        places: tuple[int, ...] = ()
        if self.kernel is not None:
            matrix = Patches(matrix if isinstance(matrix, Rows) else Rows(np.asarray(X)), self.kernel, None)
            places = matrix.mask.shape[1:]
        if self.channels is not None and self.channels.max() < matrix.shape[1]:
            matrix = Chosen(matrix, self.channels)
        if matrix.width != self.coef.shape[-1]:
            raise ProbeError(f"{matrix.name} gives {matrix.width} features, and the probe takes {self.coef.shape[-1]}")
        outputs = linear(matrix, self.coef, self.intercept)
        return outputs.reshape(-1, *places, *outputs.shape[1:]) if places else outputs

    def decision_function(self, X: ArrayLike | Matrix) -> NDArray[np.float64]:
        """As `outputs`; of two classes without the last axis, the second class where it is above 0."""
        outputs = self.outputs(X)
        return outputs[..., 0] if self.classes is not None and len(self.classes) == 2 else outputs

    def predict(self, X: ArrayLike | Matrix) -> NDArray[Any]:
        """The class, or the number, of each row `[n]` or position `[n, h, w]`."""
        outputs = self.decision_function(X)
        if self.classes is None:
            return outputs
        return self.classes[(outputs > 0).astype(int) if len(self.classes) == 2 else outputs.argmax(-1)]

    def predict_proba(self, X: ArrayLike | Matrix) -> NDArray[np.float64]:
        """Probabilities of the classes of a logistic probe, `[n, classes]` or `[n, h, w, classes]`.

        Raises:
            ProbeError: of a probe by least squares, whose outputs are no probabilities.
        """
        if self.kind != "logistic" or self.classes is None:
            raise ProbeError(f"a {self.kind} probe has no probabilities; use its outputs")
        scores = self.decision_function(X)
        logits = np.stack([np.zeros_like(scores), scores], -1) if len(self.classes) == 2 else scores
        return softmax(logits, axis=-1)

    def __repr__(self) -> str:
        """Its kind and size."""
        features = self.coef.shape[-1]
        where = "" if self.kernel is None else f" at every position, kernel {self.kernel}"
        return f"<{self.kind} probe of {features} features{where}>"

    def _repr_html_(self) -> str:
        arrays = {"coef": self.coef.shape, "penalty": self.penalty, "kernel": self.kernel}
        return html_table(f"{self.kind} probe", arrays if self.classes is None else arrays | {"classes": self.classes})
