"""Intervals: how often they hold the truth, at the boundary too; what they are over; against exact ones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from maze_interp.results.estimates import Estimate, estimate, estimate_statistic, ratio
from maze_interp.results.numbers import counted, decimal
from maze_interp.results.sums import all_or_none, estimate_sums, second_of_first

COUNT = 100
"""Levels of a simulated study."""


def coverage(sample: NDArray[np.generic], truth: float) -> float:
    """Share of the rows `[studies, levels]` whose interval holds the truth."""
    found = [estimate(row) for row in sample]
    return float(np.mean([one.low <= truth + 1e-12 and truth - 1e-12 <= one.high for one in found]))  # type: ignore[operator]


@pytest.mark.parametrize("truth", [0.5, 0.9, 0.99, 1.0])
def test_intervals_of_successes_hold_the_truth_as_often_as_they_say(truth: float) -> None:
    sample = np.random.default_rng(1).random((400, COUNT)) < truth
    assert coverage(sample, truth) >= 0.93


@pytest.mark.parametrize("failing", [0.5, 0.1, 0.01, 0.0])
def test_intervals_of_probabilities_hold_the_truth_as_often_as_they_say(failing: float) -> None:
    """Levels are solved nearly always or hardly ever: by chance a study may see none of the latter."""
    random = np.random.default_rng(2)
    failed = random.random((300, COUNT)) < failing
    sample = np.where(failed, 0.1 * random.random(failed.shape), 1 - 0.02 * random.random(failed.shape))
    truth = failing * 0.05 + (1 - failing) * 0.99
    assert coverage(sample, truth) >= 0.93


def test_the_percentile_bootstrap_would_not() -> None:
    sample = np.random.default_rng(1).random((200, COUNT)) < 0.99
    found = [estimate_statistic(np.mean, row, method="percentile") for row in sample if not row.all()]
    held = sum(one.low <= 0.99 <= one.high for one in found)  # type: ignore[operator]
    assert held / len(sample) < 0.75  # no failure seen: [1, 1]


@pytest.mark.parametrize("right", [0, 3, 40])
def test_of_successes_both_kinds_of_interval_are_clopper_and_pearsons(right: int) -> None:
    values = np.arange(40) < right
    exact = list(binomtest(right, 40).proportion_ci(0.95, "exact"))
    found = estimate(values)
    assert [found.low, found.high] == pytest.approx(exact)
    table = np.column_stack([np.ones(40), values])
    sums = estimate_sums(table, np.arange(40), {"right": second_of_first}, all_or_none)["right"]  # by resampling
    assert [sums.low, sums.high] == pytest.approx(exact, abs=0.01)


def test_a_perfect_score_leaves_room_below_it() -> None:
    assert estimate(np.ones(50)).low == pytest.approx(0.025 ** (1 / 50))
    assert (estimate(np.full(50, 0.999)).low or 0) < 0.95  # the level that fails may not have been seen
    assert (estimate(np.zeros(50), "number").low, estimate(np.zeros(50), "number").high) == (0, 0)


def test_where_few_levels_differ_the_interval_is_that_of_the_bootstrap() -> None:
    values = np.random.default_rng(3).random(400)
    found, usual = estimate(values), estimate_statistic(np.mean, values)
    assert [found.low, found.high] == pytest.approx([usual.low, usual.high], abs=0.005)


def test_of_a_skewed_number_bca_lies_towards_the_tail() -> None:
    values = np.random.default_rng(4).exponential(size=60)
    found, percentile = estimate(values), estimate_statistic(np.mean, values, method="percentile")
    assert found.low > percentile.low  # type: ignore[operator]
    assert found.high > percentile.high  # type: ignore[operator]


def test_an_estimate_says_over_what_it_is() -> None:
    found = estimate([0.2, 0.4, 0.9], over="networks")
    assert str(found).endswith("(n = 3 networks)")
    assert found.as_dict()["over"] == "networks"
    assert "over" not in estimate([0.2, 0.4]).as_dict()
    assert str(Estimate(0, None, None, None, over="questions")) == "no questions"


def test_numbers_in_words_have_a_minus_sign_and_a_noun_in_the_right_form() -> None:
    assert str(Estimate(3, -0.5, -1.25, -0.0001)) == "−0.500 [−1.250, 0.000] (n = 3)"
    assert str(Estimate(1, -0.5, None, None)) == "−0.500 (n = 1)"
    assert [decimal(-1.405, 2), decimal(0.25, 1, "+"), decimal(-0.01)] == ["−1.41", "+0.2", "0.0"]
    assert [counted(n, "easy level") for n in (0, 1, 2000)] == ["0 easy levels", "1 easy level", "2,000 easy levels"]


def test_a_ratio_without_a_whole_has_no_interval() -> None:
    found = estimate_statistic(ratio, np.array([1.0, 0, 0]), np.array([2.0, 0, 0]))
    assert (found.mean, found.low) == (0.5, None)
