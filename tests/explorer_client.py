"""A session, a server and those who ask them, for the tests of the explorer."""

from __future__ import annotations

import json
import threading
from typing import Any

import uvicorn
from websockets.sync.client import ClientConnection, connect

from maze_interp import Maze
from maze_interp.edits.base import Edit
from maze_interp.explorer.agents import Agents
from maze_interp.explorer.server import Site, listen
from maze_interp.explorer.session import Opening, Session
from maze_interp.mazes.constructed import random_tree
from maze_interp.policies.agents import load_network

AGENT = "rand_region_3_easy_imitation"
LAYER = "embedder.block2.res1.resadd"


def a_maze(seed: int = 1, size: int = 7) -> Maze:
    """A small maze with a loop, its cheese and its start off their usual places."""
    tree = random_tree(size, "easy", seed)
    opened = tree.with_open((1, 1), True).with_open((0, 1), True).with_open((1, 0), True)
    return opened.with_start((2, 2)).with_cheese((size - 1, 0))


def text(maze: Maze) -> dict[str, Any]:
    return {"ascii": maze.to_ascii(), "mode": maze.distribution_mode, "seed": maze.seed}


class Client:
    """Asks a session, as a page would."""

    def __init__(self, *panes: dict[str, Any], given: tuple[Edit, ...] = ()) -> None:
        self.policy = load_network(AGENT)
        self.session = Session(Opening(Agents(self.policy), a_maze(), given))
        self.number = self.version = 0
        self.show(*panes or [{"maze": text(a_maze())}])

    def show(self, *panes: dict[str, Any]) -> Any:
        self.version += 1
        return self.ask("state", state={"panes": [{"agent": AGENT, **pane} for pane in panes]})

    def answers(self, what: str, **fields: Any) -> list[Any]:
        self.number += 1
        message = {"id": self.number, "version": self.version, "what": what, **fields}
        answers = list(self.session.handle(json.dumps(message)))
        assert all(answer["id"] == self.number for answer in answers)
        return [json.loads(json.dumps(answer, allow_nan=False)) for answer in answers]

    def ask(self, what: str, **fields: Any) -> Any:
        (answer,) = self.answers(what, **fields)
        return answer["data"] if "data" in answer else answer["error"]


MAZE = random_tree(5, "easy", 3).with_cheese((4, 4))


class Running:
    """A server on a free port of this machine, in a thread."""

    def __init__(self) -> None:
        self.site = Site(Opening(Agents(load_network(AGENT)), MAZE), token="a token")
        self._socket = listen("127.0.0.1", 0)
        self.port = self._socket.getsockname()[1]
        config = uvicorn.Config(
            self.site.app, log_level="error", lifespan="off", ws="websockets-sansio", ws_max_size=2**16
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()

    def address(self, path: str = "/", token: str | None = "a%20token", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}" + ("" if token is None else f"?token={token}")

    def visit(self, **options: Any) -> ClientConnection:
        return connect(self.address("/ws", scheme="ws"), max_size=None, **options)


def state(maze: Maze, **pane: Any) -> dict[str, Any]:
    drawn = {"ascii": maze.to_ascii(), "mode": maze.distribution_mode, "seed": maze.seed}
    return {"panes": [{"agent": AGENT, "maze": drawn, **pane}]}


def send(visit: ClientConnection, number: int, what: str, **fields: Any) -> None:
    visit.send(json.dumps({"id": number, "what": what, **fields}))


def receive(visit: ClientConnection, number: int) -> Any:
    """The answer to a request, those before it passed over."""
    while True:
        answer = json.loads(visit.recv(timeout=60))
        if answer["id"] == number:
            return answer
