"""How long the explorer takes from a change to its answer, through its own WebSocket: medians on an idle machine.

A server is started on a free port of this machine. Every change is a new one, so that no answer was kept. Beside the
medians stands the server's time on the CPU, of all its threads together, which other work on the machine changes less.
Timings decide no test.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import psutil
from websockets.sync.client import ClientConnection, connect

from maze_interp import Maze
from maze_interp.bundled import HELD_OUT
from maze_interp.commands.options import run_script
from maze_interp.explorer.pane import text_of
from maze_interp.mazes.maze import DistributionMode
from maze_interp.policies.agents import load_network
from maze_interp.studies.options import Positive

_SETTINGS: tuple[tuple[str, DistributionMode, int, float], ...] = (
    ("rand_region_5_easy", "easy", 13, 80.0),
    ("rand_region_5", "hard", 25, 300.0),
)
"""Agent, mode, size of the maze, and the milliseconds that a vector field may take."""

_numbers = itertools.count(1)


def main(repeats: Positive = 15) -> None:
    """Time the explorer's answers and print medians in milliseconds beside the bars.

    Args:
        repeats: Changes that are timed of each kind.
    """
    with server() as (address, process), connect(address, max_size=None) as socket:
        for agent, mode, size, bar in _SETTINGS:
            seeds = range(HELD_OUT, HELD_OUT + 10_000)
            maze = next(maze for seed in seeds if (maze := Maze.from_seed(seed, mode)).size == size)
            print(f"{size}×{size} {mode}, {agent}, {len(maze.squares)} open squares")
            one = Pane(socket, process, agent, maze)
            report("vector field, cheese moved", bar, one.times(one.move_cheese, "field", repeats))
            report("exact figures, cheese moved", 2 * bar, one.times(one.move_cheese, "figures", repeats))
            report("channels, mouse moved", 30, one.times(one.move_mouse, "channels", repeats, layer=one.layer))
            report("vector field, edit changed", bar, one.times(one.change_edit, "field", repeats, edited=True))
            late = Pane(socket, process, agent, maze, load_network(agent).features)
            report(
                "vector field, edit of the last layer", bar, late.times(late.change_edit, "field", repeats, edited=True)
            )
            print(f"  drag over 30 squares: {one.drag(30)} field(s) answered after the last move")


def report(what: str, bar: float, times: tuple[Sequence[float], float]) -> None:
    """One line: the median, the bar, the slowest, and the time on the CPU."""
    wall, cpu = times
    spread = f"(bar {bar:3.0f}, slowest {max(wall):6.1f}; CPU {cpu:6.1f})"
    print(f"  {what:36s} {np.median(wall):7.1f} ms  {spread}", flush=True)


@contextmanager
def server() -> Iterator[tuple[str, psutil.Process]]:
    """A server of its own process; gives the address of its WebSocket, and the process."""
    command = [sys.executable, "-m", "maze_interp.commands.main", "explore", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            page = process.stdout.readline().strip()
            yield page.replace("http://", "ws://").replace("/?", "/ws?"), psutil.Process(process.pid)
        finally:
            process.terminate()


class Pane:
    """A pane, its maze changed and asked about."""

    def __init__(
        self, socket: ClientConnection, process: psutil.Process, agent: str, maze: Maze, layer: str | None = None
    ) -> None:
        self._socket, self._process, self._maze = socket, process, maze
        network = load_network(agent)
        self.layer = layer or network.default_layer
        edit = {"kind": "scale", "layer": self.layer, "channels": [0], "factor": 1.0, "on": True}
        self._pane: dict[str, Any] = {"agent": agent, "maze": text_of(maze).model_dump(), "edits": [edit]}
        self._places = [square for square in maze.squares if square != maze.start]
        self._turn = itertools.count()
        self._version = 0

    def move_cheese(self) -> None:
        """The cheese on another square."""
        place = self._places[next(self._turn) * 7 % len(self._places)]
        self._pane["maze"] = text_of(self._maze.with_cheese(place)).model_dump()

    def move_mouse(self) -> None:
        """The mouse on another square."""
        self._pane["mouse"] = self._places[next(self._turn) * 7 % len(self._places)]

    def change_edit(self) -> None:
        """The edit with another factor."""
        self._pane["edits"][0]["factor"] = 1.0 + next(self._turn) / 100

    def times(self, change: Callable[[], None], what: str, repeats: int, **fields: Any) -> tuple[list[float], float]:
        """Milliseconds from each of some changes to the answer, the first not counted; and the mean on the CPU."""
        times, cpu = list[float](), list[float]()
        for _ in range(repeats + 1):
            cpu.append(sum(self._process.cpu_times()[:2]))
            change()
            begin = time.perf_counter()
            self._set_state()
            number = self._ask(what, **fields)
            while self._answer()["id"] != number:
                pass
            times.append(1000 * (time.perf_counter() - begin))
        cpu.append(sum(self._process.cpu_times()[:2]))
        return times[1:], 1000 * (cpu[-1] - cpu[1]) / repeats

    def drag(self, squares: int) -> int:
        """How many fields are answered after the last of so many moves of the cheese, 10 ms apart."""
        numbers = []
        for _ in range(squares):
            self.move_cheese()
            self._set_state()
            numbers.append(self._ask("field"))
            time.sleep(0.01)
            self._drop_answers()
        self._ask("layers")  # answered after the last field
        answered = []
        while (answer := self._answer())["what"] != "layers":
            answered.append(answer)
        assert answered[-1]["id"] == numbers[-1], "the last field is not that of the last move"
        return sum(each["what"] == "field" for each in answered)

    def _drop_answers(self) -> None:
        with suppress(TimeoutError):
            while True:
                self._socket.recv(timeout=0)

    def _set_state(self) -> None:
        self._version = next(_numbers)
        self._send("state", state={"panes": [self._pane]})

    def _ask(self, what: str, **fields: Any) -> int:
        return self._send(what, pane=0, **fields)

    def _send(self, what: str, **fields: Any) -> int:
        number = next(_numbers)
        self._socket.send(json.dumps({"id": number, "version": self._version, "what": what, **fields}))
        return number

    def _answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._socket.recv())
        assert "error" not in answer, answer
        return answer


if __name__ == "__main__":
    run_script(main)
