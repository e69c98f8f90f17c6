"""What callers may pass: a value is taken in its documented meaning, or refused in one line.

A check is a function of a value and its name: it returns the plain form (`int` for NumPy's integers, a tuple for a
list) or raises `MazeInterpError`. It is declared once, in an annotation, and enforced by `checked` on a function's
arguments and by `check_fields` on a dataclass's fields:

    LevelSeed = Annotated[int, whole(0, MAX_SEED)]

    @checked
    def maze_from_seed(seed: LevelSeed, ...) -> Maze: ...

Plain annotations speak for themselves: `bool`, `int`, `float` and `str`, a `Literal`, and a class of ours or of
PyTorch, of which the argument must be an instance; each also with `| None`.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import operator
import reprlib
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from maze_interp.errors import MazeInterpError, unknown_name, wrong_kind

Check = Callable[[Any, str], Any]
"""`check(value, name)`: the plain form of the value, or the error that says what `name` should be."""

LARGEST = float(np.finfo(np.float32).max)
"""Networks compute in float32: a larger number would turn into infinity."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def whole(least: int | None = None, most: int | None = None) -> Check:
    """A whole number within limits; a truth value, a float or a string is none."""
    limits = "" if least is None else f" from {least}" + ("" if most is None else f" to {most}")

    def check(value: Any, name: str) -> int:
        number = as_whole(value)
        if number is None or (least is not None and number < least) or (most is not None and number > most):
            raise MazeInterpError(f"{name} is a whole number{limits}, not {shown(value)}")
        return number

    return check


def as_whole(value: Any) -> int | None:
    """Python's, NumPy's or PyTorch's whole number as an int; None for anything else."""
    if type(value) is int:
        return value
    if is_truth(value):
        return None
    try:
        return operator.index(value)
    except (TypeError, RuntimeError):
        return None


def number(value: Any, name: str) -> float:
    """A finite number that float32 can hold."""
    try:
        finite = math.nan if is_truth(value) or isinstance(value, str | bytes) or np.ndim(value) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        finite = math.nan
    if not abs(finite) <= LARGEST:
        raise MazeInterpError(f"{name} is a finite number, not {shown(value)}")
    return finite


def flag(value: Any, name: str) -> bool:
    """True or False."""
    if not (is_truth(value) and np.ndim(value) == 0):
        raise MazeInterpError(f"{name} is True or False, not {shown(value)}")
    return bool(value)


def text(value: Any, name: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise MazeInterpError(f"{name} is a string, not {shown(value)}")
    return str(value)


def file_path(value: Any, name: str) -> str | Path:
    """A path, as a string or a `Path`, as it was given."""
    if not isinstance(value, str | Path):
        raise MazeInterpError(f"{name} is a path, not {shown(value)}")
    return value


def choice(kind: str, valid: Collection[str]) -> Check:
    """One of some words, as a plain string."""

    def check(value: Any, name: str) -> str:
        if not isinstance(value, str) or value not in valid:
            raise unknown_name(kind, value if isinstance(value, str) else shown(value), valid)
        return str(value)

    return check


def word_or(check: Check, kind: str, valid: Collection[str]) -> Check:
    """One of some words, or what is no word and passes `check`."""
    one_of = choice(kind, valid)

    def check_either(value: Any, name: str) -> Any:
        if isinstance(value, str):
            return one_of(value, name)
        try:
            return check(value, name)
        except MazeInterpError as error:
            raise MazeInterpError(f"{error} (or {', '.join(map(repr, valid))})") from error

    return check_either


def pair(meaning: str) -> Check:
    """Two whole numbers as a tuple; `meaning` says of what, such as (x, y)."""

    def check(value: Any, name: str) -> tuple[int, int]:
        try:
            first, second = map(as_whole, () if isinstance(value, _NO_PAIR) else value)
        except (TypeError, ValueError):
            first = second = None
        if first is None or second is None:
            raise MazeInterpError(f"{name} is {meaning}, two whole numbers, not {shown(value)}")
        return first, second

    return check


def several(check: Check, what: str) -> Check:
    """One or more values that pass `check`, as a tuple."""

    def check_all(value: Any, name: str) -> tuple[Any, ...]:
        values = tuple(check(part, f"each of {name}") for part in _iterate(value, name, what))
        if not values:
            raise MazeInterpError(f"{name} is empty; name at least one of the {what}")
        return values

    return check_all


def each(kind: type[Any]) -> Check:
    """Any number of instances of a class, checked one by one as they are taken."""

    def check(value: Any, name: str) -> Iterator[Any]:
        parts = _iterate(value, name, f"{kind.__name__}s")
        check_one = instance(kind)
        return (check_one(part, f"each of {name}") for part in parts)

    return check


def instance(kind: type[Any]) -> Check:
    """An instance of a class."""

    def check(value: Any, name: str) -> Any:
        if not isinstance(value, kind):
            raise wrong_kind(name, kind, value, shown(value))
        return value

    return check


def is_truth(value: Any) -> bool:
    """Whether a value, or what an array holds, is True or False."""
    return isinstance(value, bool) or str(getattr(value, "dtype", None)) in ("bool", "torch.bool")


def shown(value: Any) -> str:
    """A value in a message: one line, shortened."""
    return " ".join(_SHORT.repr(value).split())


def checked(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Check a function's arguments by its annotations, before anything runs; a default stands as it is."""
    signature = inspect.signature(function)
    checks = functools.cache(lambda: _checks(function))  # on the first call: names in annotations exist by then

    @functools.wraps(function)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        bound = signature.bind(*args, **kwargs)
        for name, check in checks().items():
            if name in bound.arguments and bound.arguments[name] is not signature.parameters[name].default:
                bound.arguments[name] = check(bound.arguments[name], name)
        return function(*bound.args, **bound.kwargs)

    return run


def check_fields(instance: Any) -> None:
    """Put the plain form of each field of a frozen dataclass in its place; for `__post_init__`."""
    kind: Callable[..., Any] = type(instance)
    checks = _checks(kind)
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if field.name in checks and value is not field.default:
            object.__setattr__(instance, field.name, checks[field.name](value, field.name))


@functools.cache
def _checks(annotated: Callable[..., Any]) -> dict[str, Check]:
    """The check that each annotation of a function or class declares."""
    hints = typing.get_type_hints(annotated, include_extras=True)
    found = {name: _check_of(hint) for name, hint in hints.items() if name != "return"}
    return {name: check for name, check in found.items() if check is not None}


def _check_of(hint: Any) -> Check | None:
    declared = [extra for extra in getattr(hint, "__metadata__", ()) if callable(extra)]
    if declared:
        return typing.cast(Check, declared[0])
    parts = [part for part in typing.get_args(hint) if part is not types.NoneType]
    if typing.get_origin(hint) in (typing.Union, types.UnionType) and len(parts) == 1:
        check = _check_of(parts[0])
        return check and (lambda value, name: None if value is None else check(value, name))
    if typing.get_origin(hint) is typing.Literal:
        return lambda value, name: choice(name.replace("_", " "), typing.get_args(hint))(value, name)
    if not isinstance(hint, type) or getattr(hint, "_is_protocol", False):
        return None
    if hint.__module__.partition(".")[0] in ("maze_interp", "torch"):
        return instance(hint)
    return _PLAIN.get(hint)


def _iterate(value: Any, name: str, what: str) -> Iterable[Any]:
    try:
        if not isinstance(value, str | bytes):
            return iter(value)
    except (TypeError, RuntimeError):
        pass
    raise MazeInterpError(f"{name} is a list of {what}, not {shown(value)}")


_NO_PAIR = (Set, Mapping, bytes, bytearray)  # has no order, or another meaning
_PLAIN: dict[type, Check] = {bool: flag, int: whole(), float: number, str: text}
_SHORT = reprlib.Repr()
_SHORT.maxother = _SHORT.maxstring = 80
