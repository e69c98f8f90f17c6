"""Held-out levels, and how well a probe does on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import GroupKFold, GroupShuffleSplit

from maze_interp.errors import MazeInterpError, Unmeasurable
from maze_interp.probing.targets import Kind, Observed
from maze_interp.results.estimates import Estimate
from maze_interp.results.sums import Statistic, Sums, all_or_none, estimate_sums, second_of_first

HELD_OUT_SHARE = 0.25
"""Of the levels, where there is one split."""

MAIN: dict[Kind, str] = {"class": "balanced_accuracy", "coordinate": "accuracy", "number": "r2"}
"""The figure that stands for the others, by kind of target; of a square, both coordinates must be right."""


@dataclass(frozen=True)
class Fold:
    """Which observations a probe is fitted to, and on which it is scored: int arrays of row numbers."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]


def folds_by_level(levels: ArrayLike, folds: int, seed: int = 0) -> list[Fold]:
    """Splits of observations in which no level is on both sides.

    Args:
        levels: `[n]`, the level of each observation.
        folds: 1 for one split, a quarter of the levels held out; k for k splits, each level held out once.
        seed: of the draw.

    Raises:
        MazeInterpError: fewer levels than folds, or than the two that one split needs.
    """
    groups = np.asarray(levels)
    there = len(np.unique(groups))
    if folds < 1:
        raise MazeInterpError(f"the levels are split into at least 1 fold, not {folds}")
    if there < max(2, folds):
        raise Unmeasurable(f"{folds} folds need at least {max(2, folds)} levels, there are {there}")
    empty = np.empty((len(groups), 0))
    if folds == 1:
        splits = GroupShuffleSplit(1, test_size=HELD_OUT_SHARE, random_state=seed).split(empty, groups=groups)
    else:
        splits = GroupKFold(folds, shuffle=True, random_state=seed).split(empty, groups=groups)
    return [Fold(train, test) for train, test in splits]


def score(kind: Kind, truth: NDArray[np.float64], guess: NDArray[np.float64], levels: ArrayLike) -> dict[str, Estimate]:
    """How well a probe does.

    Args:
        kind: of the target.
        truth: `[n, axes]`; two axes are the x and y of a square.
        guess: `[n, axes]`; of a class also `[n, 2]`, the second column for the balanced accuracy.
        levels: `[n]`, the level of each observation.

    Returns:
        for a class `accuracy`, `balanced_accuracy` (mean recall of the classes there are), `macro_f1`;
        for a coordinate also `within_1`, `mean_error` (of |guess − truth|) and `r2`, the guess rounded first
        for all but the last two;
        for a square `accuracy` (both axes right), `within_1` (both), `mean_error` (straight line), and
        for each axis `x_accuracy`, `x_r2` and so on;
        for a number `r2`, `within_1` and `mean_error`.
    """
    if kind == "class":
        plain, even = (_score_classes(truth[:, 0], guess[:, column], levels) for column in (0, -1))
        return {**plain, "balanced_accuracy": even["balanced_accuracy"]}
    whole, error = truth == np.rint(guess), np.abs(truth - guess)
    means = {"within_1": (error <= 1).all(axis=1), "mean_error": np.hypot.reduce(error, axis=1)}
    if kind == "coordinate":
        means |= {"accuracy": whole.all(axis=1), "within_1": (np.abs(truth - np.rint(guess)) <= 1).all(axis=1)}
    if truth.shape[1] == 2:
        each = [_score_axis(truth[:, axis], guess[:, axis], levels) for axis in (0, 1)]
        axes = {f"{name}_{metric}": one for name, some in zip("xy", each, strict=True) for metric, one in some.items()}
        return _score_means(means, levels) | axes
    axis = truth[:, 0], guess[:, 0]
    if kind == "number":
        return _score_means(means, levels) | estimate_sums(_squares(*axis), levels, {"r2": _r2})
    found = _score_classes(axis[0], np.rint(axis[1]), levels)
    return found | _score_means(means, levels) | _score_axis(*axis, levels)


def gain(kind: Kind, levels: ArrayLike, task: tuple[Sums, Sums], control: tuple[Sums, Sums]) -> Estimate:
    """The main figure (`MAIN`) of a target less that of a control task, on the same examples.

    Args:
        kind: of the target.
        levels: `[n]`, the level of each example.
        task: truth and guess, as for `score`.
        control: the control task's.
    """
    first, second = _main(kind, *task), _main(kind, *control)
    width = first[0].shape[1]
    statistic: Statistic = lambda sums: first[1](sums[:, :width]) - second[1](sums[:, width:])  # noqa: E731
    return estimate_sums(np.concatenate([first[0], second[0]], axis=1), levels, {"gain": statistic})["gain"]


def _main(kind: Kind, truth: Sums, guess: Sums) -> tuple[Sums, Statistic]:
    """The main figure: what each example adds to the sums, and the statistic of the sums."""
    if kind == "number":
        return _squares(truth[:, 0], guess[:, 0]), _r2
    if kind == "class":
        return _counts(truth[:, 0], guess[:, -1]), _recall
    right = (truth == np.rint(guess)).all(axis=1)
    return np.column_stack([np.ones(len(right)), right]), second_of_first


def _score_means(values: Mapping[str, NDArray[np.generic]], levels: ArrayLike) -> dict[str, Estimate]:
    """Means over observations."""
    found: dict[str, Estimate] = {}
    for name, each in values.items():
        table = np.column_stack([np.ones(len(each)), each])
        found |= estimate_sums(table, levels, {name: second_of_first}, all_or_none if each.dtype == bool else None)
    return found


def _score_classes(truth: Sums, guess: Sums, levels: ArrayLike) -> dict[str, Estimate]:
    means = _score_means({"accuracy": truth == guess}, levels)
    figures: dict[str, Statistic] = {"balanced_accuracy": _recall, "macro_f1": _macro_f1}
    return means | estimate_sums(_counts(truth, guess), levels, figures, _no_or_every_hit)


def _no_or_every_hit(mean: Sums) -> tuple[Sums, Sums]:
    """The counts of a level in which no guess is right, and of one in which all are."""
    there, guessed, hits = np.split(mean, 3)
    return np.concatenate([there, guessed, 0 * hits]), np.concatenate([there, there, there])


def _counts(truth: Sums, guess: Sums) -> Sums:
    """`[n, 3 · classes]`: for each class whether it is there, for each whether it is guessed, for each whether both."""
    classes = np.unique(np.concatenate([truth, guess]))
    there, guessed = truth[:, None] == classes, guess[:, None] == classes
    return np.concatenate([there, guessed, there & guessed], axis=1).astype(float)


def _recall(sums: Sums) -> Sums:
    there, _, hits = np.split(sums, 3, axis=1)
    return _mean_where(hits, there)


def _macro_f1(sums: Sums) -> Sums:
    there, guessed, hits = np.split(sums, 3, axis=1)
    return _mean_where(2 * hits, there + guessed)


def _mean_where(a: Sums, b: Sums) -> Sums:
    """Mean over columns of a / b, of those where b is not 0."""
    ratio = np.divide(a, b, out=np.zeros_like(a), where=b > 0)
    found: Sums = ratio.sum(axis=1) / (b > 0).sum(axis=1)
    return found


def _score_axis(truth: Sums, guess: Sums, levels: ArrayLike) -> dict[str, Estimate]:
    means = _score_means({"accuracy": truth == np.rint(guess)}, levels)
    return means | estimate_sums(_squares(truth, guess), levels, {"r2": _r2})


def _squares(truth: Sums, guess: Sums) -> Sums:
    return np.column_stack([np.ones(len(truth)), truth, truth**2, (truth - guess) ** 2])


def _r2(sums: Sums) -> Sums:
    """1 less the squared errors' share of the squared deviations, from the columns of `_squares`; NaN without any."""
    n, total, squares, errors = sums.T
    spread = squares - total**2 / n
    return 1 - np.divide(errors, spread, out=np.full_like(errors, np.nan), where=spread > 1e-9 * squares)


def parts(seen: Observed, region: int) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The parts of some observations that are also scored alone, each with its name.

    By where the cheese lies (in the top-right region n×n or outside), by the size of the maze, and in bins of two
    squares by the straight-line distance of the cheese from the mouse and from the top-right corner.
    """
    corner = (seen.size - 1)[:, None]
    edge = (seen.size - np.minimum(region, seen.size))[:, None]
    there = ~np.isnan(seen.cheese[:, 0])
    inside = (seen.cheese >= edge).all(axis=1)
    yield f"cheese in the top-right {region}×{region}", there & inside
    yield f"cheese outside the top-right {region}×{region}", there & ~inside
    for size in np.unique(seen.size):
        yield f"maze of size {size}", seen.size == size
    for place, name in ((seen.square, "the mouse"), (corner, "the corner")):
        distance = np.hypot.reduce(seen.cheese - place, axis=1)
        for low in range(0, int(np.nanmax(distance, initial=-1)) + 1, 2):
            some = there & (distance >= low) & (distance < low + 2)
            yield f"cheese {low} to {low + 2} squares from {name}", some


def error_map(seen: Observed, observation: NDArray[np.intp], right: NDArray[np.bool_]) -> pd.DataFrame:
    """Accuracy by the cheese's square in procgen's world.

    Args:
        seen: the observations.
        observation: int `[m]`, which of them each answer is about.
        right: `[m]`, whether it is right.

    Returns:
        columns x, y, levels, n (answers), accuracy; observations without cheese are left out.
    """
    place = (seen.cheese + seen.padding[:, None])[observation]
    columns = {"x": place[:, 0], "y": place[:, 1], "seed": seen.seed[observation], "right": right}
    found = pd.DataFrame(columns).dropna().groupby(["x", "y"])
    table = found.agg(levels=("seed", "nunique"), n=("right", "size"), accuracy=("right", "mean")).reset_index()
    return table.astype({"x": int, "y": int})
