"""Scores, intervals and control labels of probes, by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, r2_score

from maze_interp.probing.controls import majority, random_per_type, shuffled
from maze_interp.probing.scoring import gain, score
from maze_interp.results.estimates import estimate
from maze_interp.results.sums import estimate_sums


def classes(random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Truth, guess (right two times of three) and levels of unequal size."""
    truth = random.integers(4, size=(300, 1)).astype(float)
    guess = np.where(random.random((300, 1)) < 2 / 3, truth, random.integers(4, size=(300, 1)))
    return truth, guess, np.sort(random.integers(25, size=300))


def test_scores_are_scikit_learns() -> None:
    truth, guess, levels = classes(np.random.default_rng(1))
    found = score("class", truth, guess, levels)
    flat = truth[:, 0], guess[:, 0]
    expected = {
        "accuracy": accuracy_score(*flat),
        "balanced_accuracy": balanced_accuracy_score(*flat),
        "macro_f1": f1_score(*flat, average="macro"),
    }
    assert {name: one.mean for name, one in found.items()} == pytest.approx(expected)
    assert all(one.n == 25 for one in found.values())
    noisy = truth + np.random.default_rng(2).normal(size=truth.shape)
    number = score("number", truth, noisy, levels)
    assert number["r2"].mean == pytest.approx(r2_score(truth, noisy))
    assert number["mean_error"].mean == pytest.approx(np.abs(noisy - truth).mean())


def test_scores_of_a_square_by_hand() -> None:
    truth = np.array([[1, 1], [2, 5], [3, 3], [0, 0]], float)
    guess = np.array([[1, 1.2], [2, 4], [3, 6], [4.0, 3.0]])
    found = {name: one.mean for name, one in score("coordinate", truth, guess, [0, 1, 2, 3]).items()}
    assert found["accuracy"] == 1 / 4
    assert found["within_1"] == 2 / 4
    assert found["x_accuracy"] == 3 / 4
    assert found["y_accuracy"] == 1 / 4
    assert found["mean_error"] == pytest.approx((0.2 + 1 + 3 + 5) / 4)


def test_intervals_are_over_levels_with_one_more_that_is_all_wrong_or_all_right() -> None:
    truth, guess, levels = classes(np.random.default_rng(3))
    random = np.random.default_rng(0)
    hits, count = np.bincount(levels, (truth == guess)[:, 0]), np.bincount(levels)
    weights = random.dirichlet(np.ones(26), 4000)
    whole = weights @ np.append(count, count.mean())
    ends = [weights @ np.append(hits, end) / whole for end in (0, count.mean())]
    found = score("class", truth, guess, levels)["accuracy"]
    assert found.low == pytest.approx(np.percentile(ends[0], 2.5), abs=0.01)
    assert found.high == pytest.approx(np.percentile(ends[1], 97.5), abs=0.01)
    # With one value per level it is the mean of the levels, as everywhere else.
    values = random.random(60)
    table = np.column_stack([np.ones(60), values])
    mean = estimate_sums(table, np.arange(60), {"mean": lambda sums: sums[:, 1] / sums[:, 0]})["mean"]
    usual = estimate(values)
    assert mean.n == usual.n == 60
    assert mean.mean == pytest.approx(usual.mean)
    assert mean.low == pytest.approx(usual.low, abs=0.01)
    assert estimate_sums(table[:0], [], {"mean": lambda sums: sums[:, 1]})["mean"].mean is None


def test_control_labels() -> None:
    random = np.random.default_rng(0)
    levels = np.repeat(np.arange(50), 4)
    labels = random.integers(3, size=(200, 2)).astype(float)
    task = random_per_type(labels, levels)
    assert all((task[levels == level] == task[levels == level][0]).all() for level in range(50))
    assert len(np.unique(task, axis=0)) == 9
    mixed = shuffled(labels)
    assert sorted(map(tuple, mixed)) == sorted(map(tuple, labels))
    assert not np.array_equal(mixed, labels)
    assert majority(np.array([[1.0, 2], [1, 3], [1, 3]])).tolist() == [1, 3]


def test_selectivity_is_the_difference_of_the_two_tasks() -> None:
    truth, guess, levels = classes(np.random.default_rng(4))
    control = shuffled(truth)
    found = gain("class", levels, (truth, guess), (control, guess))
    parts = [balanced_accuracy_score(task[:, 0], guess[:, 0]) for task in (truth, control)]
    assert found.mean == pytest.approx(parts[0] - parts[1])
    exact = gain("coordinate", levels, (truth, truth), (control, truth))
    assert exact.mean == pytest.approx(1 - (control == truth).mean())
