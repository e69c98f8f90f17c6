"""Makes a command independent of the terminal, the locale and the settings for notebooks around it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, TextIO


class _Lossy:
    """A stream whose failures to write are ignored: progress must not end a run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def settle() -> None:
    """Write UTF-8 whatever the locale, go on where stderr is closed or full, and draw without a window."""
    os.environ["MPLBACKEND"] = "agg"
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr = _Lossy(sys.stderr or open(os.devnull, "w"))  # noqa: SIM115


def drop_unwritten() -> None:
    """Drop what stdout could not take: Python would try it again at its end, and print the failure."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
