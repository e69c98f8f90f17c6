"""A fitted probe as plain settings and named arrays, and back, with everything checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from maze_interp.errors import MazeInterpError, unknown_name
from maze_interp.probing.convolutional import ConvProbe
from maze_interp.probing.logistic import LogisticProbe
from maze_interp.probing.ridge import RidgeProbe
from maze_interp.probing.ridge_classes import RidgeClassProbe
from maze_interp.probing.sparse import TopKProbe

KINDS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (LogisticProbe, RidgeClassProbe, RidgeProbe, TopKProbe, ConvProbe)
}

_SHAPES: dict[str, list[dict[str, str]]] = {
    "LogisticProbe": [{"classes_": "c", "coef_": "of", "intercept_": "o", "mean_": "f", "scale_": "f", "C_": "",
                       "cv_scores_": "sg", "n_iter_": "", "n_features_in_": ""}],
    "RidgeClassProbe": [{"classes_": "c", "coef_": "of", "intercept_": "o", "mean_": "f", "scale_": "f", "alpha_": "",
                         "cv_scores_": "sg", "n_features_in_": ""}],
    "RidgeProbe": [{"coef_": outputs + "f", "intercept_": outputs, "mean_": "f", "scale_": "f", "alpha_": "",
                    "cv_scores_": "sg", "n_features_in_": ""} for outputs in ("o", "")],
    "TopKProbe": [{"explained_": "c", "selected_": "k", "n_features_in_": ""}],
    "ConvProbe": [{"n_features_in_": ""}],
}  # fmt: skip
"""What is kept of each kind, each letter an axis, all axes of one letter alike; one of several patterns holds."""

_OPTIONAL = "cv_scores_"  # of probes whose penalty was chosen
_INNER = "probe_."  # before the names of the arrays of the probe inside another
_WHOLE = ("k", "kernel", "folds", "max_iter")  # parameters

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class ProbeState:
    """A fitted probe taken apart.

    Attributes:
        settings: `kind` and parameters, `probe` a dict of the same form; plain YAML values.
        arrays: fitted attributes by name, those of the probe inside behind `"probe_."`; a number
            is an array without axes.
    """

    settings: Any
    arrays: Arrays


def state_of(probe: Any) -> ProbeState:
    """Take a fitted probe apart.

    Raises:
        MazeInterpError: of another kind, not fitted, or with classes that are not numbers.
    """
    kind = type(probe).__name__
    if KINDS.get(kind) is not type(probe):
        raise MazeInterpError(f"a {kind} cannot be saved; those that can: {', '.join(KINDS)}")
    try:
        check_is_fitted(probe)
    except ValueError as error:
        raise MazeInterpError(f"a {kind} is saved after it was fitted, not before") from error
    settings = {"kind": kind, **{name: _plain(value) for name, value in probe.get_params(deep=False).items()}}
    kept = {name: getattr(probe, name) for name in _SHAPES[kind][0]}
    arrays = {name: np.array(value, order="C") for name, value in kept.items() if value is not None}
    if "probe" in settings:
        inner = state_of(probe.probe_)
        settings["probe"] = inner.settings
        arrays |= {f"{_INNER}{name}": array for name, array in inner.arrays.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "fib":
            raise MazeInterpError(f"{name} of a {kind} is not of numbers, and only numbers can be saved")
    return ProbeState(settings, arrays)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def probe_of(state: ProbeState) -> Any:
    """Put a fitted probe together again.

    Raises:
        MazeInterpError: an unknown kind or parameter, or arrays that are missing, superfluous, not
            finite, or do not fit together.
    """
    kind, parameters = _parameters(state.settings)
    own = {name: array for name, array in state.arrays.items() if not name.startswith(_INNER)}
    inside = {name.removeprefix(_INNER): state.arrays[name] for name in state.arrays.keys() - own.keys()}
    axes = _axes(kind, own)
    fitted = {name: array if array.ndim else array.item() for name, array in own.items()}
    if "probe" in parameters:
        probe = fitted["probe_"] = probe_of(ProbeState(parameters["probe"], inside))
        parameters["probe"] = type(probe)(**probe.get_params(deep=False))
        fits = _reads_what_is_inside(kind, parameters, fitted)
    else:
        fitted.setdefault(_OPTIONAL, None)
        outputs = axes["o"] == (1 if axes["c"] == 2 else axes["c"]) if "c" in axes else True
        fits = not inside and axes["f"] == fitted["n_features_in_"] and outputs
    if not fits:
        raise MazeInterpError(f"the arrays of its {kind} do not fit together")
    found = KINDS[kind](**parameters)
    vars(found).update(fitted)
    return found


def _reads_what_is_inside(kind: str, parameters: Mapping[str, Any], fitted: Mapping[str, Any]) -> bool:
    """Whether a probe around another gives it as many features as it takes."""
    width, inner = fitted["n_features_in_"], fitted["probe_"].n_features_in_
    if kind == "ConvProbe":
        return bool(inner == width * parameters["kernel"] ** 2)
    selected, there, k = fitted["selected_"], len(fitted["explained_"]), parameters["k"]
    known = selected.dtype.kind == "i" and set(selected.tolist()) <= set(range(there))
    return bool(known and len(set(selected.tolist())) == len(selected) == k and inner * there == k * width)


def _parameters(settings: Any) -> tuple[str, dict[str, Any]]:
    """Kind and parameters."""
    if not isinstance(settings, Mapping) or "kind" not in settings:
        raise MazeInterpError("its settings do not say which kind of probe it is")
    kind = str(settings["kind"])
    if kind not in KINDS:
        raise unknown_name("kind of probe", kind, KINDS)
    parameters = {str(name): value for name, value in settings.items() if name != "kind"}
    known = KINDS[kind]().get_params(deep=False)
    if known.keys() != parameters.keys():
        raise MazeInterpError(f"a {kind} has the settings {', '.join(known)}, not {', '.join(parameters)}")
    for name, value in parameters.items():
        several = value if isinstance(value, list) and name in ("C", "alpha") else [value]
        allowed = (int,) if name in _WHOLE else (int, float)
        if name != "probe" and not all(type(one) in allowed for one in several):
            raise MazeInterpError(f"{name} of a {kind} is not {value!r:.80}")
    return kind, parameters


def _axes(kind: str, arrays: Arrays) -> dict[str, int]:
    """The length of each axis in the table of shapes."""
    for name, array in arrays.items():
        if array.dtype.kind not in "fib" or not np.isfinite(array).all():
            raise MazeInterpError(f"{name} of its {kind} holds something else than finite numbers")
    for pattern in _SHAPES[kind]:
        if not pattern.keys() - {_OPTIONAL} <= arrays.keys() <= pattern.keys():
            raise MazeInterpError(f"a {kind} has the arrays {', '.join(pattern)}, not {', '.join(sorted(arrays))}")
        pairs = [(name, letter) for name in arrays for letter in pattern[name]]
        if all(arrays[name].ndim == len(pattern[name]) for name in arrays):
            lengths = [length for name in arrays for length in arrays[name].shape]
            axes = {letter: length for (_, letter), length in zip(pairs, lengths, strict=True)}
            if [axes[letter] for _, letter in pairs] == lengths:
                return axes
    raise MazeInterpError(f"the arrays of its {kind} do not fit together")
