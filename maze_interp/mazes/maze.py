"""The immutable maze: which squares are open, where the mouse starts, where the cheese lies."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from maze_interp.arguments import check_fields, checked, pair, whole
from maze_interp.arrays import SquareMask, SquareValues
from maze_interp.display import Displayed
from maze_interp.errors import MazeInterpError
from maze_interp.mazes import paths
from maze_interp.mazes.grid import as_grid, draw, read_drawing

Square = Annotated[tuple[int, int], pair("(x, y)")]
"""`(x, y)`: x to the right, y up, `(0, 0)` the bottom-left inner cell."""

DistributionMode = Literal["easy", "hard"]
WORLD_SIZE: dict[str, int] = {"easy": 15, "hard": 25}
"""Side of procgen's square world, in cells, per distribution mode."""

MAX_SEED = 2**31 - 2
"""Largest level seed that procgen can be asked for."""

LevelSeed = Annotated[int, whole(0, MAX_SEED)]
RegionSize = Annotated[int, whole(1, 10**6)]  # the n of the top-right n×n squares

_as_square = pair("(x, y)")


@dataclass(frozen=True, eq=False, repr=False)
class Maze(Displayed):
    """A square maze of odd size, with its open squares, start and cheese.

    Attributes:
        open: bool `[size, size]`, indexed `[y, x]`, read-only; True where the mouse can stand.
        start: the square the mouse starts on.
        cheese: the square of the cheese, or None.
        distribution_mode: `"easy"` (15×15 world) or `"hard"` (25×25 world).
        seed: the procgen level whose background and wall texture the maze has.

    Raises:
        MazeInterpError: a size even or out of range; the start or cheese in a wall, off the grid, or on one square.
    """

    open: Annotated[SquareMask, as_grid]
    start: Square = (0, 0)
    cheese: Square | None = None
    distribution_mode: DistributionMode = "hard"
    seed: LevelSeed = 0

    def __post_init__(self) -> None:
        check_fields(self)
        side, world = len(self.open), WORLD_SIZE[self.distribution_mode]
        if self.open.shape != (side, side) or side % 2 == 0 or not 3 <= side <= world:
            raise MazeInterpError(
                f"a {self.distribution_mode} maze is square with an odd side of 3 to {world}, not {self.open.shape}"
            )
        object.__setattr__(self, "start", self.require_open(self.start, "start"))
        if self.cheese is not None:
            object.__setattr__(self, "cheese", self.require_open(self.cheese, "cheese"))
            if self.cheese == self.start:
                raise MazeInterpError(f"the cheese cannot lie on the start {self.start}")

    @classmethod
    def from_seed(cls, seed: LevelSeed, distribution_mode: DistributionMode = "hard") -> Maze:
        """The maze of procgen's level `seed`, cheese where procgen puts it (anywhere).

        Raises:
            MazeInterpError: procgen is not installed, or the seed is not in 0 … 2³¹ − 2.

        Examples:
            >>> import maze_interp as mi
            >>> maze = mi.Maze.from_seed(0, "easy")
            >>> maze.size, maze.start, maze.cheese
            (3, (0, 0), (0, 1))
        """
        if _make_level is None:
            raise MazeInterpError("levels are procgen's: first import maze_interp.environment.levels, which makes them")
        return _make_level(seed, distribution_mode)

    @classmethod
    @checked
    def from_ascii(cls, text: str, distribution_mode: DistributionMode = "hard", seed: LevelSeed = 0) -> Maze:
        r"""Read a drawing: `#` wall, `.` open, `C` cheese, `M` start; top row first.

        Without an `M` the mouse starts at the bottom left. `seed` lends the looks.

        Raises:
            MazeInterpError: nothing, a ragged line, another character, or two `M` or `C`.

        Examples:
            >>> import maze_interp as mi
            >>> maze = mi.Maze.from_ascii("..C\n.##\nM..")
            >>> maze.steps(maze.start, maze.cheese)
            4.0
        """
        grid, start, cheese = read_drawing(text)
        return cls(grid, start or (0, 0), cheese, distribution_mode, seed)

    def to_ascii(self) -> str:
        """The drawing that `from_ascii` reads."""
        return draw(self.open, self.start, self.cheese)

    def with_cheese(self, square: Square | None) -> Maze:
        """A copy with the cheese on `square`, or without cheese."""
        return self._on_same_grid(cheese=square)

    def with_start(self, square: Square) -> Maze:
        """A copy whose mouse starts on `square`."""
        return self._on_same_grid(start=square)

    @checked
    def with_open(self, square: Square, value: bool) -> Maze:
        """A copy with `square` opened (True) or walled (False)."""
        x, y = self.require_on_grid(square, "square")
        grid = self.open.copy()
        grid[y, x] = value
        return dataclasses.replace(self, open=grid)

    def padded(self) -> Maze:
        """The same picture as a maze of full size: padding becomes squares to open, and all move up and right by it."""
        shift = self.padding
        ends: Any = [square and (square[0] + shift, square[1] + shift) for square in (self.start, self.cheese)]
        return dataclasses.replace(self, open=np.pad(self.open, shift), start=ends[0], cheese=ends[1])

    @property
    def size(self) -> int:
        """Side in squares, odd, 3 to 25."""
        return len(self.open)

    @property
    def padding(self) -> int:
        """Rows of wall between the maze and the edge of procgen's world, the same on every side."""
        return (WORLD_SIZE[self.distribution_mode] - self.size) // 2

    @property
    def top_right(self) -> Square:
        """The top-right square; procgen's own mazes always have it open."""
        return (self.size - 1, self.size - 1)

    @cached_property
    def squares(self) -> tuple[Square, ...]:
        """Every open square, row by row from the bottom left."""
        return tuple((int(x), int(y)) for y, x in np.argwhere(self.open))

    @checked
    def region(self, n: RegionSize) -> tuple[Square, ...]:
        """The open squares of the top-right n×n (n is capped at the maze's size)."""
        edge = self.size - min(n, self.size)
        return tuple(square for square in self.squares if min(square) >= edge)

    def distances(self, square: Square) -> SquareValues:
        """Steps from `square` to every square, `[size, size]`; inf for walls and unreachable squares."""
        x, y = self.require_open(square, "square")
        if (x, y) not in self._distances:
            self._distances[x, y] = paths.distances(self.open, (x, y))
        return self._distances[x, y]

    def steps(self, a: Square, b: Square) -> float:
        """Length of the shortest way from `a` to `b` in steps; inf if there is none."""
        x, y = self.require_open(b, "square")
        return float(self.distances(a)[y, x])

    def path(self, a: Square, b: Square) -> tuple[Square, ...]:
        """The shortest path from `a` to `b`, both ends included.

        Raises:
            MazeInterpError: there is no path, or (only in mazes edited to have loops) there are several shortest ones.
        """
        a, b = self.require_open(a, "square"), self.require_open(b, "square")
        return paths.unique_path(self.distances(a), self.distances(b), a, b)

    @cached_property
    def decision_square(self) -> Square | None:
        """Last square shared by the shortest paths start → cheese and start → top right.

        None when there is no cheese, when one path contains the other (the published definition), or when an edited
        maze leaves the cheese or the corner walled, out of reach, or (by loops) reached by several shortest paths.
        """
        if self.cheese is None:
            return None
        try:
            to_cheese, to_corner = (self.path(self.start, goal) for goal in (self.cheese, self.top_right))
        except MazeInterpError:
            return None
        shared = sum(a == b for a, b in zip(to_cheese, to_corner, strict=False))
        return None if shared == min(len(to_cheese), len(to_corner)) else to_cheese[shared - 1]

    def require_open(self, square: Square, what: str) -> Square:
        """`square` as plain ints, or the error saying why the mouse cannot stand there."""
        x, y = self.require_on_grid(square, what)
        if not self.open[y, x]:
            nearest = min(self.squares, key=lambda square: (square[0] - x) ** 2 + (square[1] - y) ** 2, default=None)
            raise MazeInterpError(f"the {what} {(x, y)} is in a wall; {nearest} is the nearest open")
        return x, y

    def require_on_grid(self, square: Square, what: str) -> Square:
        """`square`, open or wall, as plain ints, or the error saying that it is none of this maze."""
        x, y = _as_square(square, f"the {what}")
        if not (0 <= x < self.size and 0 <= y < self.size):
            raise MazeInterpError(f"the {what} {(x, y)} is off the maze, whose squares run from 0 to {self.size - 1}")
        return x, y

    def _on_same_grid(self, **changes: Any) -> Maze:
        copy = dataclasses.replace(self, **changes)
        vars(copy)["_distances"] = self._distances  # they depend on the open squares alone
        return copy

    @cached_property
    def _distances(self) -> dict[Square, NDArray[np.float64]]:
        return {}

    @cached_property
    def _key(self) -> tuple[object, ...]:
        return self.open.tobytes(), self.size, self.start, self.cheese, self.distribution_mode, self.seed

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Maze) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        about = f"{self.size}×{self.size}" + ("" if self.start == (0, 0) else f", start {self.start}")
        return f"<Maze: {self.distribution_mode} level {self.seed}, {about}, cheese {self.cheese}>"

    # A copy could be altered where the array of the original cannot, so there are no copies but of a maze's fields.
    def __deepcopy__(self, memo: object = None) -> Maze:
        return self

    __copy__ = __deepcopy__

    def __reduce__(self) -> tuple[type[Maze], tuple[Any, ...]]:
        return type(self), tuple(getattr(self, field.name) for field in dataclasses.fields(self))


_make_level: Callable[[int, DistributionMode], Maze] | None = None


def set_level_maker(make: Callable[[int, DistributionMode], Maze]) -> None:
    """What `Maze.from_seed` calls: this package knows nothing of procgen, so `environment.levels` hands it down."""
    global _make_level
    _make_level = make
