"""The messages of the explorer: what may be asked, checked and bounded, and the frame of the answers.

They are the same over a WebSocket and in a notebook. No field of a message is the name of a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from maze_interp.errors import MazeInterpError
from maze_interp.explorer.state import Name, StateText
from maze_interp.mazes.maze import MAX_SEED, DistributionMode
from maze_interp.validation import Document, reason

LONGEST = 2**16
"""Bytes of a message."""

Number = Annotated[int, Field(ge=0, le=2**53)]
Size = Annotated[int, Field(ge=3, le=25)]


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
