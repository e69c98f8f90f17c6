"""Estimates in words, as the report and the command line write them."""

from __future__ import annotations

from maze_interp.results.estimates import Estimate
from maze_interp.results.numbers import decimal


def percent(estimate: Estimate) -> str:
    """A probability or share: `30.9% [27.2, 34.7]`."""
    return _written(estimate, 100, "%", "")


def points(estimate: Estimate) -> str:
    """A difference of probabilities, with its sign: `−24.7 points [−30.1, −19.2]`."""
    return _written(estimate, 100, " points", "+")


def amount(estimate: Estimate, unit: str = "", digits: int = 1) -> str:
    """A number and its unit: `12.3 moves [11.0, 13.6]`."""
    return _written(estimate, 1, f" {unit}" if unit else "", "", digits)


def sign(estimate: Estimate) -> int:
    """1 if the 95% interval lies above 0, −1 if below, 0 if it holds 0 or there is none: the sign if significant."""
    if estimate.low is None or estimate.high is None:
        return 0
    return int(estimate.low > 0) - int(estimate.high < 0)


def short_layer(layer: str) -> str:
    """A layer's name without what all begin with."""
    return layer.removeprefix("embedder.")


def _written(estimate: Estimate, factor: float, unit: str, form: str, digits: int = 1) -> str:
    if estimate.mean is None:
        return "no levels"
    mean, *ends = (
        decimal(factor * value, digits, form)
        for value in (estimate.mean, estimate.low, estimate.high)
        if value is not None
    )
    return f"{mean}{unit} [{', '.join(ends)}]" if len(ends) == 2 else f"{mean}{unit}"
