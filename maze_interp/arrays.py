"""Names for the arrays in public signatures: what they hold, and their axes.

NumPy's types know no shapes; the names do. Squares of a maze are `(x, y)`, arrays over squares are indexed `[y, x]`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.uint8]
"""Observations, uint8 `[n, 64, 64, 3]`, RGB, top row first."""

SquareMask = NDArray[np.bool_]
"""bool `[size, size]`, indexed `[y, x]`."""

SquareValues = NDArray[np.float64]
"""float64 `[size, size]`, indexed `[y, x]`."""

MoveProbabilities = NDArray[np.float64]
"""float64 `[n, 5]`: left, down, up, right, noop for each of n squares."""

Vectors = NDArray[np.float64]
"""float64 `[n, 2]`: (x, y) for each of n squares."""

Values = NDArray[np.float64]
"""float64 `[n]`: a number for each of n squares."""

Activations = NDArray[np.floating[Any]]
"""`[channels, rows, columns]` or `[n, channels, rows, columns]` of a layer with a map, else `[n, features]`."""
