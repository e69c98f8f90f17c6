"""Makes a command independent of the terminal, the locale and the settings for notebooks around it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType


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


def show(*parts: RenderableType, soft_wrap: bool = False) -> None:
    """Print texts and tables with no word cut short: as wide as the terminal but for narrow ones, in files 160.

    With `soft_wrap` lines are left to the terminal to wrap, and numbers in them are not coloured.
    """
    from rich.console import Console
    from rich.table import Table

    terminal = sys.stdout is not None and sys.stdout.isatty()
    console = Console(width=max(80, shutil.get_terminal_size().columns) if terminal else 160)
    for part in parts:
        for column in part.columns if isinstance(part, Table) else ():
            column.overflow = "fold"
        console.print(part, soft_wrap=soft_wrap, highlight=False if soft_wrap else None)


def drop_unwritten() -> None:
    """Drop what stdout could not take: Python would try it again at its end, and print the failure."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
