"""The messages of the explorer: what may be asked, and the state of a session, checked and bounded.

They are the same over a WebSocket and in a notebook. No field of a message is the name of a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, Strict, TypeAdapter, ValidationError

from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import MAX_SEED, DistributionMode
from maze_interp.validation import Document, Items, reason

LONGEST = 2**16
"""Bytes of a message."""

Number = Annotated[int, Field(ge=0, le=2**53)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Size = Annotated[int, Field(ge=3, le=25)]
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


class PixelSet(_Change):
    """One position set, the others of the channels left or filled."""

    kind: Literal["set_pixel"]
    channels: Channels = None
    pixel: Place
    value: Real
    fill: Real | None = None


class SquareSet(_Change):
    """The position of a square set, likewise: retargeting."""

    kind: Literal["set_square"]
    channels: Channels = None
    square: Place
    value: Real
    fill: Real | None = None


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


class Request(Document):
    """A message: its number, and the version of the state that it is about."""

    id: Number
    version: Number = 0

    @property
    def key(self) -> tuple[object, ...]:
        """Of requests with equal keys only the newest counts."""
        fields = self.model_dump(include={"pane", "edited"})
        return getattr(self, "what"), fields.get("pane"), fields.get("edited")  # noqa: B009


class OfPane(Request):
    """Asked of one pane."""

    pane: Annotated[int, Field(ge=0, le=1)] = 0


class _OfNetwork(OfPane):
    """Asked of the network as it is or with the edits that are on."""

    edited: bool = False


class Hello(Request):
    """What there is."""

    what: Literal["hello"]


class SetState(Request):
    """A new state."""

    what: Literal["state"]
    state: StateText


class Measure(_OfNetwork):
    """What the policy does in the maze."""

    what: Literal["field", "figures", "cheese_map"]


class PlayEpisode(_OfNetwork):
    """One episode, drawn by the seed."""

    what: Literal["episode"]
    seed: Number = 0


class About(OfPane):
    """What the pane's network has, and what describes it."""

    what: Literal["layers", "probes", "solve", "export"]


class LookAtChannels(_OfNetwork):
    """All channels of a layer."""

    what: Literal["channels"]
    layer: Name


class LookAtChannel(_OfNetwork):
    """One channel over the places of the mouse."""

    what: Literal["channel"]
    layer: Name
    channel: Number


class ApplyProbe(_OfNetwork):
    """What a fitted probe says."""

    what: Literal["probe"]
    layer: Name
    target: Name


class Attribute(_OfNetwork):
    """What of a layer decides."""

    what: Literal["attribution"]
    layer: Name
    method: Literal["gradient", "integrated"] = "gradient"


class MakeMaze(Request):
    """A maze from a level, at random, or from a drawing."""

    what: Literal["maze"]
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    mode: DistributionMode
    size: Size | None = None
    ascii: Annotated[str, Field(max_length=2000)] | None = None
    cheese: Literal["procgen", "none"] | Annotated[int, Field(ge=1, le=25)] = "procgen"


class RankLevels(Request):
    """Levels to look at."""

    what: Literal["levels"]
    by: Literal["surprise", "loops", "conflict", "disagreement"]
    sweep: Name | None = None
    count: Annotated[int, Field(ge=1, le=200)] = 50


_Any = Annotated[
    Hello
    | SetState
    | Measure
    | PlayEpisode
    | About
    | LookAtChannels
    | LookAtChannel
    | ApplyProbe
    | Attribute
    | MakeMaze
    | RankLevels,
    Field(discriminator="what"),
]
_REQUEST: TypeAdapter[Request] = TypeAdapter(_Any)


def read_request(message: str | bytes) -> Request:
    """A message as a request.

    Raises:
        MazeInterpError: it is too long, no JSON, or no request.
    """
    if len(message) > LONGEST:
        raise MazeInterpError(f"a message has at most {LONGEST} bytes, this one has {len(message)}")
    if isinstance(message, bytes):
        message = message.decode(errors="replace")
    try:
        return _REQUEST.validate_json(message)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in (*first["loc"], *first.get("ctx", {}).get("field", ())))
        raise MazeInterpError(f"{place}{place and ': '}{_brief(reason(first))}") from error


def answer(request: Request, data: Mapping[str, Any], final: bool) -> dict[str, Any]:
    """The answer that carries `data`; `final` if it is the last to the request."""
    return {**_head(request), "final": final, "data": data}


def refusal(request: Request, error: Exception) -> dict[str, Any]:
    """The answer that says why there is none."""
    return {**_head(request), "error": _brief(str(error))}


def _head(request: Request) -> dict[str, Any]:
    return request.model_dump(include={"id", "version", "what", "pane", "edited"})


def _brief(text: str, longest: int = 400) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[:longest]}…"
