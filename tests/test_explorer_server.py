"""The explorer's server: who is let in, and that only the newest request counts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from explorer_client import AGENT, MAZE, Running, receive, send, state
from starlette.requests import HTTPConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from maze_interp import Maze, vector_field
from maze_interp.environment.assets import MAZES_ONLY
from maze_interp.errors import MazeInterpError
from maze_interp.explorer.agents import Agents
from maze_interp.explorer.server import Site, listen
from maze_interp.explorer.session import Opening
from maze_interp.policies.agents import load_network


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    server = Running()
    yield server
    server.stop()


def status(address: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_who_is_let_in(running: Running) -> None:
    with urllib.request.urlopen(running.address()) as page:
        assert page.status == 200
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert page.headers["Cache-Control"] == "no-store"
    assert status(running.address(token=None)) == 403
    assert status(running.address(token="a%20toke")) == 403
    assert status(running.address(), Host="rebound.example:80") == 403
    assert status(running.address("/static/explorer.js"), Host="rebound.example") == 403
    assert status(running.address("/static/explorer.js", token=None)) == 200
    assert status(running.address(), Host="localhost") == 200
    for name in ("server.py", "..%2Fserver.py", "%2Fetc%2Fpasswd", "..%2f..%2fsetup.cfg", "nothing", "%00"):
        assert status(running.address(f"/static/{name}", token=None)) == 404, name


@pytest.mark.parametrize(
    ("host", "named", "is_let_in"),
    [
        ("0.0.0.0", "192.0.2.7:80", True),
        ("0.0.0.0", "rebound.example", False),
        ("192.0.2.7", "192.0.2.7:80", True),
        ("192.0.2.7", "192.0.2.8:80", False),
        ("::1", "[::1]:80", True),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "[", False),
    ],
)
def test_other_addresses_than_loopback(host: str, named: str, is_let_in: bool) -> None:
    site = Site(Opening(Agents(load_network(AGENT)), MAZE), host)
    request = HTTPConnection({"type": "http", "headers": [(b"host", named.encode())]})
    assert site._is_for_us(request) is is_let_in


def test_which_pages_may_connect(running: Running) -> None:
    own = f"http://127.0.0.1:{running.port}"
    with running.visit(origin=own) as visit:
        send(visit, 1, "hello")
        assert receive(visit, 1)["data"]["protocol"] == 1
    for origin in ("http://rebound.example", "http://127.0.0.1:1", "null", "file://", f"{own}.example"):
        with pytest.raises(InvalidStatus):
            running.visit(origin=origin)
    with pytest.raises(InvalidStatus):
        connect(running.address("/ws", token="none", scheme="ws"))


def test_a_name_bound_to_this_address(running: Running) -> None:
    """A page of another site whose name was made to lead here: Host and Origin agree, and are refused."""
    host = f"rebound.example:{running.port}"
    request = (
        f"GET /ws?token=a%20token HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", running.port)) as plain:
        plain.sendall(request.encode())
        assert b" 403 " in plain.recv(1000).split(b"\r\n")[0]


def test_visitors_do_not_see_each_other(running: Running) -> None:
    other = MAZE.with_cheese((4, 0)) if MAZE.open[0, 4] else MAZE.with_cheese(None)
    with running.visit() as one, running.visit() as two:
        send(one, 1, "state", version=7, state=state(MAZE))
        send(two, 1, "state", version=7, state=state(other))
        receive(one, 1), receive(two, 1)
        for visit, maze in ((one, MAZE), (two, other), (one, MAZE)):
            send(visit, 2, "field", version=7)
            probs = vector_field(load_network(AGENT), maze).probs
            assert np.array_equal(receive(visit, 2)["data"]["probs"], probs)


def test_only_the_newest_counts(running: Running) -> None:
    """A cheese dragged over 30 squares: one field at most is computed after the last move, that of the last maze."""
    places = [square for square in MAZE.squares if square != MAZE.start]
    mazes = [MAZE.with_cheese(places[i % len(places)]) for i in range(30)]
    with running.visit() as visit:
        for i, maze in enumerate(mazes, 1):
            send(visit, 2 * i, "state", version=i, state=state(maze))
            send(visit, 2 * i + 1, "field", version=i)
        send(visit, 100, "layers", version=30)  # answered after the field
        answers: list[Any] = []
        while not answers or answers[-1]["id"] != 100:
            answers.append(json.loads(visit.recv(timeout=60)))
    fields = [answer for answer in answers if answer["what"] == "field"]
    assert len(fields) < len(mazes) / 2
    assert fields[-1]["id"] == 61
    assert np.array_equal(fields[-1]["data"]["probs"], vector_field(load_network(AGENT), mazes[-1]).probs)
    after = answers[[answer["id"] for answer in answers].index(60) :]
    assert [answer["id"] for answer in after if answer["what"] == "field"] == [61]


def test_progressive_work_gives_way(running: Running) -> None:
    with running.visit() as visit:
        send(visit, 1, "state", version=1, state=state(MAZE))
        send(visit, 2, "cheese_map", version=1)
        first = receive(visit, 2)
        assert not first["final"]
        send(visit, 3, "field", version=1)
        between = []
        while (answer := json.loads(visit.recv(timeout=60)))["id"] != 3:
            between.append(answer)
        assert len(between) <= 2
        send(visit, 4, "state", version=2, state=state(MAZE))
        receive(visit, 4)
        send(visit, 5, "export", version=2)
        assert json.loads(visit.recv(timeout=60))["id"] == 5  # the map of the old state is no more


def test_a_message_has_a_largest_size(running: Running) -> None:
    with running.visit() as visit:
        visit.send("x" * 2**17)
        with pytest.raises(ConnectionClosed) as closed:
            visit.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_a_taken_port(running: Running) -> None:
    with pytest.raises(MazeInterpError, match=f"cannot listen on 127.0.0.1, port {running.port}: .*--port 0"):
        listen("127.0.0.1", running.port)


def test_the_command_ends_on_interruption() -> None:
    command = [sys.executable, "-m", "maze_interp.commands.main", "explore", "--no-browser", "--seed", "900000001"]
    surroundings = {**os.environ, MAZES_ONLY: "1"}
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=surroundings) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with connect(address.replace("http", "ws").replace("/?", "/ws?"), max_size=None) as visit:
            send(visit, 1, "hello")
            maze = receive(visit, 1)["data"]["state"]["panes"][0]["maze"]
            assert Maze.from_ascii(maze["ascii"], maze["mode"], maze["seed"]) == Maze.from_seed(900000001, "easy")
            begin = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
            assert time.monotonic() - begin < 20
        assert process.stderr is not None
        assert process.stderr.read() == "ended\n"
