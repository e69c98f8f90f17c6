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
    """The error for a name that does not exist, listing the close ones (or, failing that, all)."""
    names = sorted(valid)
    close = difflib.get_close_matches(name.lower(), {known.lower() for known in names}, n=3, cutoff=0.5)
    close = [known for lower in close for known in names if known.lower() == lower] or names[:12]
    hint = f"did you mean {', '.join(close)}?" if close else "there are none"
    return MazeInterpError(f"unknown {kind} {name!r}: {hint}")
