"""The one exception users meet, and the sentence that points them at the nearest valid name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_typed: ContextVar[bool] = ContextVar("typed", default=False)


class MazeInterpError(Exception):
    """Something the caller can mend: bad input, a damaged file, a missing package.

    The message is one line saying what was wrong and what would be right. The command line prints
    it and exits with status 2.
    """


class OptionError(MazeInterpError):
    """A message that names options as they are typed, `--exact-levels`; in Python it says `exact_levels`."""

    def __str__(self) -> str:
        message = super().__str__()
        return message if _typed.get() else re.sub(r"--([a-z][a-z-]*)", lambda name: name[1].replace("-", "_"), message)


@contextmanager
def on_command_line() -> Iterator[None]:
    """Within the context, messages name options as they are typed."""
    token = _typed.set(True)
    try:
        yield
    finally:
        _typed.reset(token)


class Unmeasurable(MazeInterpError):
    """What was asked has no answer on this agent or these levels: too few qualify, or the outcome never varies.

    On its own it ends a command like any other error; where many things are measured it is recorded as the reason
    why one of them has no figure.
    """


_MAKERS = {
    "Module": "mi.load_policy(name)",
    "PolicyNetwork": "mi.load_network(name)",
    "Maze": "mi.Maze.from_seed(seed)",
    "LevelSet": "mi.LevelSet(seeds, mode)",
    "ActivationStore": "mi.ActivationStore(folder)",
}
"""What makes a thing of some type, by the type's name."""


def wrong_kind(name: str, kind: type, value: object, shown: str) -> MazeInterpError:
    """The error for an argument of another type, which says how one of the right type is made."""
    hint = f"; use {_MAKERS[kind.__name__]}" if kind.__name__ in _MAKERS else ""
    return MazeInterpError(f"{name} should be of type {kind.__name__}, not {type(value).__name__}: {shown}{hint}")


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> MazeInterpError:
    """The error for a name that does not exist, listing the close ones; failing that all, or of many the nearest."""
    names = sorted(valid)
    close, more = _nearest(name, names, 3, cutoff=0.5), ""
    if not close:
        many = len(names) > 20  # more than a line can list
        close = _nearest(name, names, 6, cutoff=0) if many else names
        more = f", or another of {len(names)}" if many else ""
    hint = f"did you mean {', '.join(close)}{more}?" if close else "there are none"
    return MazeInterpError(f"unknown {kind} {name!r}: {hint}")


def _nearest(name: str, names: list[str], most: int, cutoff: float) -> list[str]:
    """The names of nearest spelling, the nearest first; capitals do not matter."""
    lower = difflib.get_close_matches(name.lower(), {known.lower() for known in names}, most, cutoff)
    return [known for each in lower for known in names if known.lower() == each]
