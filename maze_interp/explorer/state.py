"""The state of a session as messages describe it: mazes, edits and panes, checked and bounded."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict

from maze_interp.mazes.maze import MAX_SEED, DistributionMode
from maze_interp.validation import Document, Items

Name = Annotated[str, Field(min_length=1, max_length=200)]
_Coordinate = Annotated[int, Field(ge=0, le=63)]
Place = Annotated[tuple[_Coordinate, _Coordinate], Strict(False)]
Real = Annotated[float, Field(ge=-1e6, le=1e6)]
Channels = Annotated[Items[Annotated[int, Field(ge=0, le=2**20)]], Field(min_length=1, max_length=4096)] | None
Positions = Annotated[Items[Place], Field(min_length=1, max_length=4096)] | None


class MazeText(Document):
    """A maze as `Maze.from_ascii` reads it."""

    ascii: Annotated[str, Field(max_length=2000)]
    mode: DistributionMode
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0


class _Change(Document):
    """What all edits have: a switch, and a layer."""

    on: bool = True
    layer: Name


class _Part(_Change):
    """An edit of some channels at some positions; None for all."""

    channels: Channels = None
    positions: Positions = None


class Zeroed(_Part):
    """Set to 0."""

    kind: Literal["zero"]


class Scaled(_Part):
    """Multiplied."""

    kind: Literal["scale"]
    factor: Real


class Averaged(_Part):
    """Set to the mean over the starts of fixed levels."""

    kind: Literal["mean"]


class Patched(_Part):
    """Set to what the network makes of the donor's maze, the mouse at its start."""

    kind: Literal["patch"]


class _Set(_Change):
    """A value written at one position of some channels, their other positions left or filled."""

    channels: Channels = None
    value: Real
    fill: Real | None = None


class PixelSet(_Set):
    """At a position of the map."""

    kind: Literal["set_pixel"]
    pixel: Place


class SquareSet(_Set):
    """At the position of a square: retargeting."""

    kind: Literal["set_square"]
    square: Place


class CheeseVector(_Change):
    """A multiple of the maze's cheese vector added."""

    kind: Literal["cheese_vector"]
    coefficient: Real


class TopRightVector(_Change):
    """A multiple of the maze's top-right vector added."""

    kind: Literal["top_right_vector"]
    coefficient: Real


class Given(_Change):
    """The edit of that number among those that the session was opened with."""

    kind: Literal["given"]
    number: Annotated[int, Field(ge=0, le=99)]
    label: Annotated[str, Field(max_length=1000)] = ""


Change = Annotated[
    Zeroed | Scaled | Averaged | Patched | PixelSet | SquareSet | CheeseVector | TopRightVector | Given,
    Field(discriminator="kind"),
]


class PaneText(Document):
    """One agent in one maze."""

    agent: Name
    maze: MazeText
    mouse: Place | None = None
    edits: Annotated[Items[Change], Field(max_length=16)] = ()
    donor: MazeText | None = None
    hash: Annotated[str, Field(max_length=64)] | None = None


class StateText(Document):
    """All that is shown: one pane or two."""

    panes: Annotated[Items[PaneText], Field(min_length=1, max_length=2)]
