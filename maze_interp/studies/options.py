"""Types of a study's options: each takes Python values and the command line's text, and is written back as text."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields
from dataclasses import Field as DataclassField
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args, get_type_hints

from docstring_parser import parse
from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, Strict, TypeAdapter, ValidationError

from maze_interp.arguments import LARGEST, as_whole, flag, number, pair, several, shown
from maze_interp.errors import MazeInterpError, OptionError
from maze_interp.mazes.maze import MAX_SEED
from maze_interp.sweeps.selection import parse_cheese, parse_seeds, seeds_text


def split_list(value: Any) -> Any:
    """The parts of a text with commas, an array as a list, a single number as a list of one; anything else as it is."""
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(",")]
        if not all(parts):
            raise ValueError("nothing stands before, after or between its commas")
        return parts
    if hasattr(value, "ndim"):
        return list(value) if value.ndim == 1 else [value]
    return [value] if hasattr(value, "__float__") and not isinstance(value, Iterable) else value


def parse_channels(value: Any) -> tuple[int, ...] | str:
    """Channel numbers, rising, from a text with commas, a number or several; or the word `"auto"`.

    Raises:
        MazeInterpError: anything else, no number, or one twice or below 0.
    """
    if isinstance(value, str) and value == "auto":
        return value
    parts = value.split(",") if isinstance(value, str) else split_list(value)
    numbers = [_channel(part) for part in parts] if isinstance(parts, Iterable) else [None]
    channels = sorted(number for number in numbers if number is not None)
    if len(channels) < len(numbers):
        raise MazeInterpError(f"channels are auto or numbers with commas between them, not {shown(value)}")
    if not channels or channels[0] < 0 or len(set(channels)) < len(channels):
        raise MazeInterpError(f"channels are one or more numbers from 0, each once, not {shown(value)}")
    return tuple(channels)


def _channel(value: Any) -> int | None:
    return whole if isinstance(whole := _whole(value), int) and not isinstance(whole, bool) else None


def parse_squares(value: Any) -> tuple[tuple[int, int], ...]:
    """Squares (x, y), or a text such as `"4,6 0,2"`.

    Raises:
        MazeInterpError: not of that form, or none.
    """
    if not isinstance(value, str):
        return several(pair("(x, y)"), "squares (x, y)")(value, "squares")
    try:
        squares = tuple((int(x), int(y)) for x, y in (part.split(",") for part in value.split()))
    except ValueError as error:
        raise MazeInterpError(f"squares are written x,y with spaces between them, not {shown(value)}") from error
    if not squares:
        raise MazeInterpError("squares is empty; name at least one, or leave it out for all")
    return squares


def _whole(value: Any) -> Any:
    """A whole number, or its text; what is neither stays for pydantic to refuse."""
    if isinstance(value, str):
        return int(value) if value.strip().lstrip("+-").isdecimal() else value
    return value if (number := as_whole(value)) is None else number


def _real(value: Any) -> Any:
    """A number, or its text."""
    try:
        return value if isinstance(value, str) else number(value, "it")
    except MazeInterpError as error:
        raise ValueError("it should be a finite number") from error


_Whole = Annotated[int, Strict(), BeforeValidator(_whole)]
_Real = Annotated[float, BeforeValidator(_real)]

Count = Annotated[_Whole, Field(ge=0, le=MAX_SEED)]
"""A whole number from 0: a number of levels, a seed."""

Positive = Annotated[_Whole, Field(ge=1, le=MAX_SEED)]
"""A whole number from 1."""

Several = Annotated[_Whole, Field(ge=2, le=MAX_SEED)]
"""A whole number from 2."""

Horizon = Annotated[_Whole, Field(ge=1, le=1_000_000)]
"""Moves in an episode."""

Real = Annotated[_Real, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
"""A finite number."""

Rate = Annotated[_Real, Field(gt=0, le=LARGEST, allow_inf_nan=False)]
"""A number above 0."""

Seeds = Annotated[Sequence[int], PlainValidator(parse_seeds)]
"""Level seeds, rising: on the command line `first:end` (half-open), or several with commas."""

Cheese = Annotated[int | str, PlainValidator(parse_cheese)]
"""Where the cheese lies: `anywhere` (procgen's own), `none`, or n for a random square of the top-right n×n."""


def _names(value: Sequence[str]) -> tuple[str, ...]:
    for name in value:
        if "," in name or name != name.strip() or not name:
            raise ValueError(f"no name begins or ends with a space or has a comma in it, as {name!r}")
    return tuple(value)


Names = Annotated[Sequence[str], BeforeValidator(split_list), AfterValidator(_names)]
"""Names, with commas between them on the command line."""

Numbers = Annotated[Sequence[Positive], BeforeValidator(split_list), AfterValidator(tuple)]
"""Whole numbers from 1, with commas between them on the command line."""

Channels = Annotated[Sequence[int] | str, PlainValidator(parse_channels)]
"""Channel numbers, or `auto`: those that `studies.channels.scores.channel_numbers` chooses."""

Squares = Annotated[Sequence[tuple[int, int]], PlainValidator(parse_squares)]
"""Squares of a maze: `x,y` with spaces between them."""

Reals = Annotated[Sequence[Real], BeforeValidator(split_list), AfterValidator(tuple)]
"""Numbers, with commas between them on the command line."""

Mode = Literal["easy", "hard"]


def coerced(owner: type, name: str, value: Any) -> Any:
    """The value of a class's field in its documented type.

    Raises:
        MazeInterpError: it has another type or form; the message names the option.
    """
    return read_value(_hints(owner)[name], name, value)


def read_value(kind: Any, name: str, value: Any) -> Any:
    """A value, or a text from the command line, in the type of an option.

    Raises:
        MazeInterpError: it has another type or form; the message names the option.
    """
    if value is None and type(None) in get_args(kind):
        return None
    if kind is bool:
        try:
            return flag(value, option_name(name))
        except MazeInterpError as error:
            raise OptionError(str(error)) from error
    if isinstance(value, str) and not value.strip():
        raise OptionError(f"{option_name(name)} is given nothing; leave it out for its default")
    if isinstance(value, bytes):
        raise OptionError(f"{option_name(name)} cannot be {shown(value)}: bytes are no text")
    try:
        return _adapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        message = first["msg"].removeprefix("Value error, ").replace("Input should be", "it should be")
        raise OptionError(f"{option_name(name)} cannot be {shown(value)}: {message}") from error


def written(value: Any) -> str:
    """An option's value as on the command line; `coerced` reads it back."""
    if isinstance(value, range):
        return seeds_text(value)
    if isinstance(value, tuple):
        pairs = any(isinstance(part, tuple) for part in value)
        return " ".join(map(written, value)) if pairs else ",".join(map(str, value))
    return str(value)


def option_name(field_name: str) -> str:
    """Of a field: `--exact-levels`."""
    return "--" + field_name.replace("_", "-")


def default_of(field: DataclassField[Any]) -> Any:
    """A field's default value."""
    return field.default_factory() if field.default_factory is not MISSING else field.default


@lru_cache
def descriptions(owner: type) -> dict[str, str]:
    """What the docstrings of a class and its bases say of its fields, by field."""
    found: dict[str, str] = {}
    for ancestor in reversed(owner.__mro__):
        if ancestor.__doc__ and ancestor is not object:
            found |= {p.arg_name: " ".join((p.description or "").split()) for p in parse(ancestor.__doc__).params}
    return {field.name: found[field.name] for field in fields(owner) if field.name in found}


def summary_of(owner: type) -> tuple[str, str]:
    """The first line of a class's docstring, and the paragraphs after it up to its attributes."""
    docstring = parse(inspect.getdoc(owner) or "")
    return (docstring.short_description or "").strip(), (docstring.long_description or "").strip()


@lru_cache
def _hints(owner: type) -> dict[str, Any]:
    return get_type_hints(owner, include_extras=True)


@lru_cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
