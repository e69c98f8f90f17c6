"""The kinds of probes."""

from __future__ import annotations

from typing import Literal

ProbeKind = Literal["ridge-classes", "logistic", "ridge"]
"""Classes by least squares, classes by logistic regression, or numbers by least squares."""
