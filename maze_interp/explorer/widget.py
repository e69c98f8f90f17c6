"""The explorer in a notebook: the same page and the same messages as the server's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import anywidget
import traitlets
from torch import nn

from maze_interp.arguments import checked
from maze_interp.edits.base import Edit, Edits, as_edits
from maze_interp.errors import MazeInterpError
from maze_interp.explorer.agents import Agents
from maze_interp.explorer.files import STATIC, bundle
from maze_interp.explorer.messages import read_request
from maze_interp.explorer.pane import Pane
from maze_interp.explorer.session import Opening, Session
from maze_interp.explorer.worker import Worker
from maze_interp.mazes.maze import Maze
from maze_interp.measure.behaviour import Behaviour, behaviour


@checked
def explore(policy: nn.Module, maze: Maze, edits: Edits = ()) -> Explorer:
    """Show a maze to redraw and a network to change, and where the agent goes; what is done there can be read back.

    Args:
        policy: a network or a reference policy; the explorer keeps it as it is now.
        maze: the maze shown first.
        edits: edits in force at first.

    Returns:
        a widget, which a notebook shows; its `maze`, `edits` and `behaviour` are those of the (left) picture.
    """
    return Explorer(Opening(Agents(policy, maze.distribution_mode), maze, as_edits(edits)))


class Explorer(anywidget.AnyWidget):
    """The explorer as a widget; see `explore`.

    Args:
        opening: what is shown first.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    def __init__(self, opening: Opening) -> None:
        super().__init__(_esm=bundle("widget.js"), _css=(STATIC / "explorer.css").read_text(encoding="utf-8"))
        self._session, self._shown = Session(opening), opening.first_pane()
        self._loop = _running_loop()
        self._worker = Worker(self._session, self._answer)
        self.on_msg(self._take)

    @property
    def maze(self) -> Maze:
        """The maze as it was last redrawn."""
        return self._pane.maze

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits that are on."""
        return self._pane.edits

    @property
    def behaviour(self) -> Behaviour:
        """The exact behaviour in that maze under those edits."""
        return behaviour(self._pane.policy, self.maze, self.edits)

    def close(self) -> None:
        """End the widget and its work."""
        self._worker.close()
        super().close()

    @property
    def _pane(self) -> Pane:
        if panes := self._session.panes:
            self._shown = panes[0]
        return self._shown

    def _take(self, widget: Any, content: Any, buffers: Any) -> None:
        try:
            self._worker.put(read_request(json.dumps(content)))
        except MazeInterpError as error:
            self.send({"id": None, "error": str(error)})

    def _answer(self, answer: Mapping[str, Any]) -> None:
        """Send from the kernel's own thread, if there is a kernel."""
        if self._loop is None:
            self.send(answer)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.send, answer)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
