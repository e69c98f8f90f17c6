"""The directions of probes as edits: does the network itself read where the probe does?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from maze_interp.edits.base import Edit
from maze_interp.edits.kinds import Add
from maze_interp.edits.vectors import activation_difference, cheese_vector
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.behaviour import behaviour
from maze_interp.policies.pixels import pixel_in
from maze_interp.probing.plan import ProbeStudy
from maze_interp.probing.trial import Trial
from maze_interp.results.estimates import Estimate, estimate
from maze_interp.sweeps.experiment import Experiment, Row, run_experiment, write_figures
from maze_interp.sweeps.levels import LevelSet

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PlaceReadout:
    """Fitted probes of the cheese's place at one layer, as directions in its activations.

    Attributes:
        layer: module path.
        shape: of the layer's map: channels, rows, columns.
        x_classes, y_classes: `[classes]`, coordinates in procgen's world.
        x_weights, y_weights: `[classes, features]`, of the probes of the whole layer.
        here: `[channels]`, weights of the 1×1 probe of "the cheese is here".
    """

    layer: str
    shape: tuple[int, int, int]
    x_classes: NDArray[np.float64]
    x_weights: NDArray[np.float64]
    y_classes: NDArray[np.float64]
    y_weights: NDArray[np.float64]
    here: NDArray[np.float64]

    def whole_layer(self, maze: Maze, a: Square, b: Square) -> Vector:
        """From a cheese on `a` to one on `b`, by the probes of the whole layer: w_b − w_a of both axes.

        Raises:
            MazeInterpError: the probes met no cheese in one of the columns or rows.
        """
        total = np.zeros(self.x_weights.shape[1])
        for classes, weights, axis in ((self.x_classes, self.x_weights, 0), (self.y_classes, self.y_weights, 1)):
            for square, sign in ((b, 1.0), (a, -1.0)):
                found = np.flatnonzero(classes == square[axis] + maze.padding)
                if not len(found):
                    raise MazeInterpError(f"the probes met no cheese whose {'xy'[axis]} is that of {square}")
                total += sign * weights[found[0]]
        return total.reshape(self.shape)

    def knows(self, maze: Maze, *squares: Square) -> bool:
        """Whether the probes met a cheese in the column and in the row of each of the squares."""
        return all(
            np.isin(x + maze.padding, self.x_classes) and np.isin(y + maze.padding, self.y_classes) for x, y in squares
        )

    def single_pixels(self, maze: Maze, a: Square, b: Square) -> Vector:
        """The same by the 1×1 probe: its weights at the pixel of `b`, and their negative at that of `a`."""
        total = np.zeros(self.shape)
        for square, sign in ((b, 1.0), (a, -1.0)):
            row, column = pixel_in(maze, square, self.shape[1:])
            total[:, row, column] += sign * self.here
        return total

    def __repr__(self) -> str:
        parts = (self.x_classes, self.x_weights, self.y_classes, self.y_weights, self.here)
        digest = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()[:12]
        return f"PlaceReadout({self.layer!r}, {digest})"


def fit_readout(study: ProbeStudy, layer: str) -> PlaceReadout:
    """Fit the probes whose directions are tried as edits, to the training part of the study's first split.

    Raises:
        MazeInterpError: an unknown layer, one without a map, or a store without cheese.
    """
    study = replace(study, reader="logistic", kernel=1)
    place, here = (Trial(study, name, study.examples(layer, name)) for name in ("cheese_square_world", "cheese_here"))
    x, y, pixel = (one.probe for trial in (place, here) for one in trial.fit(trial.asked.y)[0])
    channels, rows, columns = place.asked.X.shape[1:]
    return PlaceReadout(
        layer, (channels, rows, columns), x.classes_, x.coef_, y.classes_, y.coef_, pixel.coef_[0].astype(float)
    )


@dataclass(frozen=True)
class ProbeEdits(Experiment):
    """Exact behaviour while the represented cheese is moved to the top-right corner, in levels with a decision square.

    Every vector has the length of the natural change at the start, activations with the cheese in the corner less
    those with it where it is, times a strength. Edits: `"none"`; `"whole-layer probe"` and `"pixel probe"`, see
    `PlaceReadout`; `"moved cheese"`, the natural change itself; `"cheese vector"`, subtracted, which only hides
    the cheese; `"random"`, a normal direction drawn by the level's seed.

    Attributes:
        readout: the probes, fitted to other levels.
        strengths: multiples of the natural length; a negative one moves the cheese away from the corner.
    """

    name: ClassVar[str] = "edits"
    columns: ClassVar[tuple[str, ...]] = (
        "edit",
        "strength",
        "length",
        "p_cheese",
        "p_top_right",
        "decision_p_cheese",
        "decision_p_top_right",
        "decision_p_other",
    )
    readout: PlaceReadout
    strengths: Sequence[float] = field(default=(-1.0, 1.0, 3.0))

    def rows(self, maze: Maze) -> list[Row]:
        """See `Experiment`; none without a decision square, or where the probes met no cheese to move from or to."""
        if maze.cheese is None or maze.decision_square is None:
            return []
        if not self.readout.knows(maze, maze.cheese, maze.top_right):
            return []
        return [self._row(maze, *case) for case in self._cases(maze)]

    def _cases(self, maze: Maze) -> Iterator[tuple[str, float, float, list[Edit]]]:
        """Name, strength, length and the edits."""
        yield "none", 0.0, 0.0, []
        moved = self._difference(maze)
        natural = float(np.linalg.norm(moved))
        for name, vector in self._vectors(maze, moved).items():
            unit = vector / np.linalg.norm(vector)
            for strength in self.strengths:
                length = natural * strength
                yield name, strength, length, [Add(self.readout.layer, length * unit)]

    def _difference(self, maze: Maze) -> Vector:
        corner = maze.with_cheese(maze.top_right)
        return activation_difference(self.policy, corner, maze, self.readout.layer).double().numpy()

    def _vectors(self, maze: Maze, moved: Vector) -> dict[str, Vector]:
        assert maze.cheese is not None  # it has a decision square
        ends = maze.cheese, maze.top_right
        return {
            "whole-layer probe": self.readout.whole_layer(maze, *ends),
            "pixel probe": self.readout.single_pixels(maze, *ends),
            "moved cheese": moved,
            "cheese vector": -cheese_vector(self.policy, maze, self.readout.layer).double().numpy(),
            "random": np.random.default_rng([maze.seed, 1]).normal(size=moved.shape),
        }

    def _row(self, maze: Maze, name: str, strength: float, length: float, edits: Sequence[Edit]) -> Row:
        result = behaviour(self.policy, maze, edits)
        return {
            "edit": name,
            "strength": strength,
            "length": length,
            "p_cheese": result.p_cheese,
            "p_top_right": result.p_top_right,
            "decision_p_cheese": result.field.p_cheese,
            "decision_p_top_right": result.field.p_top_right,
            "decision_p_other": result.field.p_other,
        }


OUTCOMES = ProbeEdits.columns[3:]


def edit_figures(table: pd.DataFrame) -> pd.DataFrame:
    """Mean of every outcome under every edit: columns edit, strength, outcome, n, mean, low, high."""
    return pd.DataFrame(
        {"edit": edit, "strength": strength, "outcome": outcome, **estimate(rows[outcome]).as_dict()}
        for (edit, strength), rows in table.groupby(["edit", "strength"], sort=False)
        for outcome in OUTCOMES
    )


def run_edits(
    study: ProbeStudy, layer: str, levels: int, out: Path, workers: int | None = None, scheduler: str | None = None
) -> pd.DataFrame:
    """Fit probes at a layer and measure their directions as edits on the levels that follow the store's.

    Args:
        study: the store and how to split it.
        layer: a recorded layer with a map.
        levels: how many.
        out: the run's folder, for `edits.csv`, `figures.csv` and `summary.json`.
        workers: local processes, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        `edit_figures`.
    """
    readout = fit_readout(study, layer)
    first = study.store.levels[-1] + 1
    follow = LevelSet(range(first, first + levels), study.store.settings["mode"])
    experiment = ProbeEdits(study.policy, study.store.settings["agent"], follow, readout)
    figures = edit_figures(run_experiment(experiment, out, workers, scheduler))
    nested = {
        f"{edit} × {strength:g}": {row["outcome"]: _estimate(row) for row in rows.to_dict("records")}
        for (edit, strength), rows in figures.groupby(["edit", "strength"], sort=False)
    }
    write_figures(out, experiment.settings, nested, {"figures": figures})
    return figures


def _estimate(row: dict[str, Any]) -> Estimate:
    low, high = (None if pd.isna(row[end]) else row[end] for end in ("low", "high"))
    return Estimate(row["n"], row["mean"], low, high)
