"""The directions of probes as edits: whether the network itself uses what a probe predicts from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from maze_interp.display import Tabled
from maze_interp.edits.base import Edit
from maze_interp.edits.kinds import Add
from maze_interp.edits.vectors import activation_difference, cheese_vector
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.behaviour import behaviour
from maze_interp.policies.devices import on_host
from maze_interp.policies.pixels import pixel_in
from maze_interp.results.estimates import estimate
from maze_interp.results.tables import estimate_table
from maze_interp.studies.probe.plan import Plan
from maze_interp.studies.probe.trial import Trial
from maze_interp.sweeps.experiment import Experiment, Row

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class PlaceProbes(Tabled):
    """Fitted probes of the cheese's place at one layer, as directions in its activations.

    Attributes:
        layer: module path.
        shape: of the layer's map: channels, rows, columns.
        x_classes, y_classes: `[classes]`, coordinates in procgen's world.
        x_weights, y_weights: `[classes, features]`, of the probes of the whole layer.
        position: `[channels]`, weights of the 1×1 probe of whether the cheese lies at a position.
    """

    layer: str
    shape: tuple[int, int, int]
    x_classes: NDArray[np.float64]
    x_weights: NDArray[np.float64]
    y_classes: NDArray[np.float64]
    y_weights: NDArray[np.float64]
    position: NDArray[np.float64]

    def whole_layer(self, maze: Maze, a: Square, b: Square) -> Vector:
        """From a cheese on `a` to one on `b`, by the probes of the whole layer: w_b − w_a of both axes.

        Raises:
            MazeInterpError: the probes were fitted to no cheese in one of the columns or rows.
        """
        total = np.zeros(self.x_weights.shape[1])
        for classes, weights, axis in ((self.x_classes, self.x_weights, 0), (self.y_classes, self.y_weights, 1)):
            for square, sign in ((b, 1.0), (a, -1.0)):
                found = np.flatnonzero(classes == square[axis] + maze.padding)
                if not len(found):
                    raise MazeInterpError(f"the probes were fitted to no cheese whose {'xy'[axis]} is that of {square}")
                total += sign * weights[found[0]]
        return total.reshape(self.shape)

    def knows(self, maze: Maze, *squares: Square) -> bool:
        """Whether the probes were fitted to a cheese in the column and in the row of each of the squares."""
        return all(
            np.isin(x + maze.padding, self.x_classes) and np.isin(y + maze.padding, self.y_classes) for x, y in squares
        )

    def single_pixels(self, maze: Maze, a: Square, b: Square) -> Vector:
        """The same by the 1×1 probe: its weights at the pixel of `b`, and their negative at that of `a`."""
        total = np.zeros(self.shape)
        for square, sign in ((b, 1.0), (a, -1.0)):
            row, column = pixel_in(maze, square, self.shape[1:])
            total[:, row, column] += sign * self.position
        return total

    def __repr__(self) -> str:
        parts = (self.x_classes, self.x_weights, self.y_classes, self.y_weights, self.position)
        digest = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()[:12]
        return f"PlaceProbes({self.layer!r}, {digest})"


def fit_place_probes(plan: Plan, layer: str) -> PlaceProbes:
    """Fit the probes whose directions are tried as edits, to the training part of the plan's first split.

    Raises:
        MazeInterpError: an unknown layer, one without a map, or a store without cheese.
    """
    plan = replace(plan, probe="logistic", kernel=1)
    place, here = (Trial(plan, name, plan.examples(layer, name)) for name in ("cheese_square_world", "cheese_here"))
    x, y, position = (fitted.probe for trial in (place, here) for fitted in trial.fit(trial.asked.y)[0])
    channels, rows, columns = place.asked.X.shape[1:]
    shape = (channels, rows, columns)
    return PlaceProbes(layer, shape, x.classes_, x.coef_, y.classes_, y.coef_, position.coef_[0].astype(float))


@dataclass(frozen=True)
class ProbeEdits(Experiment):
    """Exact behaviour while the represented cheese is moved to the top-right corner, in levels with a decision square.

    Every vector has the length of the natural change at the start, activations with the cheese in the corner less
    those with it where it is, times a coefficient. Edits: `"none"`; `"whole-layer probe"` and `"pixel probe"`, see
    `PlaceProbes`; `"moved cheese"`, the natural change itself; `"cheese vector"`, subtracted, which only hides
    the cheese; `"random"`, a normal direction drawn by the level's seed.

    Attributes:
        probes: the probes, fitted to other levels.
        coefficients: multiples of the natural length; a negative one moves the cheese away from the corner.
    """

    name: ClassVar[str] = "edits"
    columns: ClassVar[tuple[str, ...]] = (
        *("edit", "coefficient", "length", "p_cheese", "p_top_right"),
        *("decision_p_cheese", "decision_p_top_right", "decision_p_other"),
    )
    probes: PlaceProbes
    coefficients: Sequence[float] = field(default=(-1.0, 1.0, 3.0))

    def rows(self, maze: Maze) -> list[Row]:
        """See `Experiment`; none without a decision square, or unless the probes know both places."""
        if maze.cheese is None or maze.decision_square is None:
            return []
        if not self.probes.knows(maze, maze.cheese, maze.top_right):
            return []
        return [self._row(maze, *case) for case in self._cases(maze)]

    def _cases(self, maze: Maze) -> Iterator[tuple[str, float, float, list[Edit]]]:
        """Name, coefficient, length and the edits."""
        yield "none", 0.0, 0.0, []
        moved = self._difference(maze)
        natural = float(np.linalg.norm(moved))
        for name, vector in self._vectors(maze, moved).items():
            unit = vector / np.linalg.norm(vector)
            for coefficient in self.coefficients:
                length = natural * coefficient
                yield name, coefficient, length, [Add(self.probes.layer, length * unit)]

    def _difference(self, maze: Maze) -> Vector:
        corner = maze.with_cheese(maze.top_right)
        return on_host(activation_difference(self.policy, corner, maze, self.probes.layer).double())

    def _vectors(self, maze: Maze, moved: Vector) -> dict[str, Vector]:
        assert maze.cheese is not None  # it has a decision square
        ends = maze.cheese, maze.top_right
        return {
            "whole-layer probe": self.probes.whole_layer(maze, *ends),
            "pixel probe": self.probes.single_pixels(maze, *ends),
            "moved cheese": moved,
            "cheese vector": -on_host(cheese_vector(self.policy, maze, self.probes.layer).double()),
            "random": np.random.default_rng([maze.seed, 1]).normal(size=moved.shape),
        }

    def _row(self, maze: Maze, name: str, coefficient: float, length: float, edits: Sequence[Edit]) -> Row:
        result = behaviour(self.policy, maze, edits)
        field = result.field
        outcomes = (result.p_cheese, result.p_top_right, field.p_cheese, field.p_top_right, field.p_other)
        return dict(zip(self.columns, (name, coefficient, length, *outcomes), strict=True))


OUTCOMES = ProbeEdits.columns[3:]


def edit_effects(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean of every outcome under every edit: columns edit, coefficient, outcome, n, mean, low, high."""
    return estimate_table(
        ({"edit": edit, "coefficient": coefficient, "outcome": outcome}, estimate(part[outcome]))
        for (edit, coefficient), part in rows.groupby(["edit", "coefficient"], sort=False)
        for outcome in OUTCOMES
    )
