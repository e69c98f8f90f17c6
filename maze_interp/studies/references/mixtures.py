"""Mixtures of reference policies as models of an agent, and how they are fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from maze_interp.errors import MazeInterpError, Unmeasurable, unknown_name
from maze_interp.measure.effects import EFFECTS
from maze_interp.studies.references.measure import (
    CHEESE,
    COMPARED,
    CONTEXTS,
    CORNER,
    RANDOM,
    reference_effects,
    weights,
)

BINS = 4
"""Groups of about equal size that each context is cut into."""

PRIOR = 1.0
"""Of every fit, unless said otherwise; see `fit_mixture`."""

_TOLERANCE = 1e-7  # nats per level that a step of the fit must gain for it to go on
_STEPS = 5000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A mixture of reference policies and random moves, the weights the same everywhere or by context.

    The weight of the random moves is how firmly the references are followed.

    Attributes:
        references: of `COMPARED`, one or more.
        contexts: of `CONTEXTS`; each is cut into `BINS` groups and one for levels that lack it, and
            every combination has weights of its own.

    Raises:
        MazeInterpError: no reference, or an unknown name.
    """

    references: tuple[str, ...]
    contexts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.references:
            raise MazeInterpError("a model mixes at least one reference")
        for kind, names, known in (("reference", self.references, COMPARED), ("context", self.contexts, CONTEXTS)):
            for name in names:
                if name not in known:
                    raise unknown_name(kind, name, known)


GOALS = (CHEESE, CORNER)

MODELS: dict[str, Model] = {
    **{name: Model((name,)) for name in COMPARED},
    "mixture": Model(GOALS),
    "mixture by distance to the mouse": Model(GOALS, CONTEXTS[:2]),
    "mixture by decision square": Model(GOALS, CONTEXTS[2:]),
    "mixture of all": Model(COMPARED),
}
"""The models of the study: single references, and mixtures of the shortest paths to cheese and corner."""


NAMES = {
    CHEESE: "shortest path to the cheese",
    CORNER: "shortest path to the corner",
    **{f"local-search-{radius}": f"cheese within {radius} steps, else corner" for radius in (5, 8, 12)},
    "greedy-euclidean": "straight towards the cheese",
    "left-wall": "left hand on the wall",
    "right-wall": "right hand on the wall",
    RANDOM: "random actions",
    "mixture": "cheese or corner, one weight",
    "mixture by distance to the mouse": "cheese or corner, by distance cheese – mouse",
    "mixture by decision square": "cheese or corner, by decision square",
    "mixture of all": "all of the rules, one weight each",
}
"""Reference policies and models in words, by their names in the tables."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """A fitted model.

    Attributes:
        edges: for each context, the inner edges of its groups, in squares.
        weights: float64, an axis per context of `BINS` + 1 groups, the last for levels that lack it; then
            one of the references and, last, the random moves, along which they sum to 1.
        mass: float64, the axes of the contexts: how many levels' worth of squares it was fitted on.
    """

    model: Model
    edges: tuple[Floats, ...]
    weights: Floats
    mass: Floats

    def predict(self, rows: pd.DataFrame) -> Floats:
        """Probabilities of `EFFECTS` on the squares of `ReferenceMoves`, `[n, 5]`."""
        by_row = self.weights[_groups(rows, self.model.contexts, self.edges)]
        found: Floats = np.einsum(
            "nk,nmk->nm", np.broadcast_to(by_row, (len(rows), by_row.shape[-1])), _parts(rows, self.model)
        )
        return found


def fit_mixture(model: Model, rows: pd.DataFrame, squares: str = "visited", prior: float = PRIOR) -> Mixture:
    """The weights under which a model gives the agent's moves the highest expected log-likelihood.

    By expectation and maximisation, which ends in the one optimum: the likelihood is concave.

    Args:
        model: what is mixed.
        rows: of `ReferenceMoves`, of the levels to fit on.
        squares: of `SQUARES`, which count; each level counts alike.
        prior: how much a combination of contexts is drawn to the weights fitted without contexts, in levels.

    Raises:
        MazeInterpError: no square of these levels counts.
    """
    weight = weights(rows, squares).to_numpy()
    if not weight.any():
        raise Unmeasurable("there is no square to fit the mixture on; give more levels, with a cheese")
    edges = tuple(_edges(rows[name]) for name in model.contexts)
    shape = (BINS + 1,) * len(edges)
    cell = np.zeros(len(rows), int)
    if edges:
        cell = np.ravel_multi_index(_groups(rows, model.contexts, edges), shape)
    seen = weight[:, None] * rows[list(EFFECTS)].to_numpy(float)
    square, effect = np.nonzero(seen)
    parts, counts = _parts(rows, model)[square, effect], seen[square, effect]
    even = np.full((1, parts.shape[1]), 1 / parts.shape[1])
    overall = _maximise(parts, counts, np.zeros_like(square), even, 0.0)
    fitted = (
        _maximise(parts, counts, cell[square], np.repeat(overall, np.prod(shape, dtype=int), axis=0), prior)
        if edges
        else overall
    )
    mass = np.bincount(cell, weight, minlength=len(fitted)).astype(float)
    return Mixture(model, edges, fitted.reshape(*shape, -1), mass.reshape(shape))


def _maximise(parts: Floats, counts: Floats, cell: NDArray[np.intp], start: Floats, prior: float) -> Floats:
    """Mixture weights `[cells, k]` for observations: parts `[o, k]`, counts and cells `[o]`.

    `prior` levels' worth of the weights to start with are added to every cell.
    """
    found, before = start, -np.inf
    for _ in range(_STEPS):
        joint = found[cell] * parts
        mixed = joint.sum(axis=1)
        now = float(counts @ np.log(mixed)) + prior * float((start * np.log(np.maximum(found, 1e-300))).sum())
        if now - before < _TOLERANCE * counts.sum():
            break
        before = now
        share = joint * (counts / mixed)[:, None]
        sums = np.column_stack([np.bincount(cell, one, minlength=len(start)) for one in share.T]) + prior * start
        found = sums / sums.sum(axis=1, keepdims=True)
    return found


def _parts(rows: pd.DataFrame, model: Model) -> Floats:
    """What is mixed, `[n, 5, k]`: the references and the random moves."""
    return np.stack([reference_effects(rows, name) for name in (*model.references, RANDOM)], axis=-1)


def _edges(values: pd.Series) -> Floats:
    known = values[np.isfinite(values)]
    if not len(known):
        return np.zeros(BINS - 1)
    found: Floats = np.quantile(known, np.arange(1, BINS) / BINS)
    return found


def _groups(rows: pd.DataFrame, contexts: Sequence[str], edges: Sequence[Floats]) -> tuple[NDArray[np.intp], ...]:
    """For each context the group of each square, int `[n]`; `BINS` where it is not known."""
    return tuple(
        np.where(rows[name].isna(), BINS, np.searchsorted(inner, rows[name].to_numpy(float)))
        for name, inner in zip(contexts, edges, strict=True)
    )
