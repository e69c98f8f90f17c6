"""Where a network runs and in what precision, as options name it; torch is not needed to read them."""

from __future__ import annotations

from typing import Literal

Device = Literal["auto", "cpu", "cuda"]
"""`auto` is a GPU where there is one."""

Precision = Literal["float32", "bfloat16"]
"""Of weights and activations; probabilities are float64 in either."""
