"""A session's work, on a thread of its own: the newest request of a kind, and what was begun only while it counts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Condition, Thread
from typing import Any

from maze_interp.explorer import messages
from maze_interp.explorer.messages import Request, refusal
from maze_interp.explorer.session import Session

Data = dict[str, Any]
Send = Callable[[Data], None]

_ORDER = ("hello", "state", "maze", "field", "figures", "channels")
_PROGRESSIVE = ("cheese_map", "solve", "levels")

_log = logging.getLogger(__name__)


class Closed(Exception):
    """Whoever asked has left."""


class Worker:
    """Works on a session's requests, one at a time.

    Args:
        session: the session; nothing else may use it while this works.
        send: takes the answers, on the worker's thread; raises `Closed` to end the work.
    """

    def __init__(self, session: Session, send: Send) -> None:
        self._session, self._send = session, send
        self._waiting: dict[tuple[object, ...], Request] = {}
        self._begun: dict[tuple[object, ...], tuple[Request, Iterator[Data]]] = {}
        self._changed, self._closed = Condition(), False
        self._thread = Thread(target=self._work, name="explorer", daemon=True)
        self._thread.start()

    def put(self, request: Request) -> None:
        """Take a request in the place of an earlier one of its kind; a new state drops all that wait for the old."""
        with self._changed:
            if isinstance(request, messages.SetState):
                independent = (messages.Hello, messages.MakeMaze)
                self._waiting = {key: old for key, old in self._waiting.items() if isinstance(old, independent)}
            self._waiting[request.key] = request
            self._changed.notify()

    def close(self) -> None:
        """Drop all work; the thread ends after what it is at."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def join(self, seconds: float) -> bool:
        """Wait for the thread to end; whether it has."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        with suppress(Closed):
            while (request := self._next()) is not None:
                self._do(request)

    def _next(self) -> Request | None:
        """What is worked on next: the waiting in their order, else a step of what was begun; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting or self._begun)
            if self._closed:
                return None
            if self._waiting:
                key = min(self._waiting, key=lambda key: _rank(self._waiting[key]))
                request = self._waiting.pop(key)
                self._begun.pop(key, None)
                return request
            return next(iter(self._begun.values()))[0]

    def _do(self, request: Request) -> None:
        """Answer a request, a progressive one by one step, after which others may come first."""
        _, answers = self._begun.pop(request.key, (request, None))
        if answers is None:
            answers = self._session.answers(request)
        elif self._session.is_stale(request):
            return
        try:
            for data in answers:
                self._send(data)
                if not data.get("final", True):
                    self._begun[request.key] = request, answers
                    return
        except Closed:
            raise
        except Exception as error:  # a fault of ours must not end the session
            _log.error("%s: %s", type(error).__name__, error)
            self._send(refusal(request, RuntimeError(f"a fault of the explorer: {type(error).__name__}: {error}")))


def _rank(request: Request) -> tuple[int, int]:
    what = request.key[0]
    if what in _PROGRESSIVE:
        return len(_ORDER) + 1, request.id
    return (_ORDER.index(str(what)) if what in _ORDER else len(_ORDER)), request.id
