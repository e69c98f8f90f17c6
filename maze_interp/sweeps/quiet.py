"""What dask writes to its log while it works for a command."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_PARTS = ("client", "nanny", "scheduler")


@contextmanager
def quiet() -> Iterator[None]:
    """Dask says nothing itself of what it lost or had to kill: that is done again, or raised as one line.

    Nor of a cancellation of its own that fails because an interrupt came before there was anything to cancel.
    """
    import distributed  # noqa: F401  # sets the loggers up, levels and all

    loggers = [logging.getLogger(f"distributed.{part}") for part in _PARTS]
    before = [logger.level for logger in loggers]
    loop = logging.getLogger("tornado.application")
    loop.addFilter(_is_another)
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        loop.removeFilter(_is_another)
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _is_another(record: logging.LogRecord) -> bool:
    """Whether a record is not of that cancellation, a function within `distributed.utils.sync`."""
    return "sync.<locals>.cancel" not in record.getMessage()
