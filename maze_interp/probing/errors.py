"""The exception of the estimators."""

from __future__ import annotations

from maze_interp.errors import MazeInterpError


class ProbeError(MazeInterpError, ValueError):
    """Data that no probe can be fitted to; also the ValueError that scikit-learn's conventions ask for."""
