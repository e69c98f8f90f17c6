"""The one exception users meet, and the sentence that points them at the nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MazeInterpError(Exception):
    """Something the caller can mend: bad input, a damaged file, a missing package.

    The message is one line saying what was wrong and what would be right. The command line prints
    it and exits with status 2.
    """


class Unmeasurable(MazeInterpError):
    """What was asked has no answer on this agent or these levels: too few qualify, or the outcome never varies.

    On its own it ends a command like any other error; where many things are measured it is recorded as the reason
    why one of them has no figure.
    """


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
