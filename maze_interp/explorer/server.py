"""The explorer's server: the page, its modules and one WebSocket a visitor, on this machine for who has the token."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import sys
import webbrowser
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from maze_interp.errors import MazeInterpError
from maze_interp.explorer.files import STATIC
from maze_interp.explorer.messages import LONGEST, read_request
from maze_interp.explorer.session import Opening, Session
from maze_interp.explorer.worker import Closed, Worker

_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Site:
    """What is served to whom.

    Args:
        opening: what sessions are opened with.
        host: the address that is listened on.
        token: what a visitor must show; a new random one unless given.
    """

    def __init__(self, opening: Opening, host: str = "127.0.0.1", token: str | None = None) -> None:
        self._opening = opening
        self.token = token or secrets.token_urlsafe(24)
        self._hosts = {"127.0.0.1", "localhost", "::1", host}
        self._everywhere = host in ("0.0.0.0", "::")
        # Read once: no name in a request reaches the disk.
        self._files = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in _TYPES}

    @property
    def app(self) -> Starlette:
        """The application."""
        routes = [
            Route("/", self._page),
            Route("/static/{name}", self._file),
            WebSocketRoute("/ws", self._visit),
        ]
        return Starlette(routes=routes)

    def _is_for_us(self, request: HTTPConnection) -> bool:
        """Whether the request names this server as its host: a name bound to our address from outside does not."""
        with suppress(ValueError):
            named = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
            # Who listens on all addresses is called by any of them, but by no name.
            return named in self._hosts or (self._everywhere and bool(ip_address(named)))
        return False

    def _is_known(self, request: HTTPConnection) -> bool:
        given = request.query_params.get("token", "")
        return secrets.compare_digest(given.encode(errors="replace"), self.token.encode())

    def _is_from_us(self, request: HTTPConnection) -> bool:
        """Whether the page that asks is ours; a program that is no browser names none."""
        origin = request.headers.get("origin")
        if origin is None:
            return True
        with suppress(ValueError):
            parts = urlsplit(origin)
            return parts.scheme in ("http", "https") and parts.netloc == request.headers.get("host")
        return False

    async def _page(self, request: Request) -> Response:
        if not self._is_for_us(request):
            return _refused("another host is meant")
        if not self._is_known(request):
            return _refused("the address lacks the token that was printed at the start")
        return self._response("index.html")

    async def _file(self, request: Request) -> Response:
        if not self._is_for_us(request):
            return _refused("another host is meant")
        return self._response(request.path_params["name"])

    def _response(self, name: str) -> Response:
        if name not in self._files:
            return PlainTextResponse("no such file", 404, _HEADERS)
        return Response(self._files[name], media_type=_TYPES[Path(name).suffix], headers=_HEADERS)

    async def _visit(self, socket: WebSocket) -> None:
        if not (self._is_for_us(socket) and self._is_from_us(socket) and self._is_known(socket)):
            await socket.close(1008)
            return
        await socket.accept()
        loop = asyncio.get_running_loop()

        def send(answer: Mapping[str, Any]) -> None:
            sending = socket.send_text(json.dumps(answer, allow_nan=False))
            try:
                asyncio.run_coroutine_threadsafe(sending, loop).result()
            except RuntimeError as error:
                sending.close()  # the loop may have ended before it began
                raise Closed from error
            except (WebSocketDisconnect, OSError, asyncio.CancelledError) as error:
                raise Closed from error

        worker = Worker(Session(self._opening), send)
        try:
            while True:
                await self._take(await socket.receive(), socket, worker)
        except WebSocketDisconnect:
            pass
        finally:
            worker.close()

    async def _take(self, event: Mapping[str, Any], socket: WebSocket, worker: Worker) -> None:
        """Hand one message to the worker, or say what is wrong with it."""
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect
        try:
            worker.put(read_request(event.get("text") or event.get("bytes") or ""))
        except MazeInterpError as error:
            with suppress(RuntimeError):
                await socket.send_text(json.dumps({"id": None, "error": str(error)}))


def _refused(why: str) -> Response:
    return PlainTextResponse(f"refused: {why}", 403, _HEADERS)


def _has_screen() -> bool:
    """Whether a browser would have a window; one in the terminal would take it over."""
    return sys.platform == "darwin" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        MazeInterpError: the address is taken or not one of this machine.
    """
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MazeInterpError(f"cannot listen on {host}, port {port}: {reason}; --port 0 takes a free one") from error
    # Connections inherit it. Without it a small answer waits 40 ms for the browser to acknowledge the one before.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def serve(opening: Opening, host: str = "127.0.0.1", port: int = 0, browser: bool = True) -> None:
    """Serve the explorer until it is interrupted.

    Args:
        opening: what sessions are opened with.
        host: address to listen on; none but this machine's own can reach the default.
        port: a port; 0 for a free one.
        browser: open a browser, where there is one.

    Raises:
        MazeInterpError: the address is taken or not one of this machine.
    """
    site, listening = Site(opening, host), listen(host, port)
    name = f"[{host}]" if ":" in host else host
    address = f"http://{name}:{listening.getsockname()[1]}/?token={site.token}"
    print(f"{address}\nCtrl-C ends it.", flush=True)
    if browser and _has_screen():
        webbrowser.open(address)
    config = uvicorn.Config(
        site.app,
        log_level="error",
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=LONGEST,
        ws_per_message_deflate=False,  # nothing is gained by it on one machine
        timeout_graceful_shutdown=1,
    )
    with listening, suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
    print("ended", file=sys.stderr)
