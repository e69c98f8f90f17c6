"""A session of the explorer: messages in, answers out, whatever carries them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from maze_interp.edits.base import Edit
from maze_interp.edits.kinds import Scale, SetPixel, Zero
from maze_interp.errors import MazeInterpError
from maze_interp.explorer import activations, levels, messages, moves
from maze_interp.explorer.agents import Agents
from maze_interp.explorer.attribution import attribution
from maze_interp.explorer.export import export
from maze_interp.explorer.messages import Request, answer, refusal
from maze_interp.explorer.pane import Pane, text_of
from maze_interp.explorer.state import PaneText
from maze_interp.mazes.maze import Maze
from maze_interp.measure.behaviour import HORIZON
from maze_interp.policies.moves import MOVES
from maze_interp.studies.statistics.data import FinishedSweep, read_sweep
from maze_interp.validation import reason

Data = dict[str, Any]


@dataclass(frozen=True)
class Opening:
    """What sessions are opened with; all of them share it, and none can change it.

    Attributes:
        agents: the policies that a session may name.
        maze: the maze that is shown first.
        edits: the edits that are in force first.
        sweeps: finished sweeps by name.

    Raises:
        MazeInterpError: edits that do not fit the first policy, or more than a session takes.
    """

    agents: Agents
    maze: Maze
    edits: tuple[Edit, ...] = ()
    sweeps: Mapping[str, FinishedSweep] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.first_pane()  # refused now rather than when someone looks

    @cached_property
    def pane(self) -> PaneText:
        """The first pane as messages describe it."""
        changes = [_change(edit, number) for number, edit in enumerate(self.edits)]
        try:
            return PaneText.model_validate({"agent": self.agents.first, "maze": text_of(self.maze), "edits": changes})
        except ValidationError as error:
            raise MazeInterpError(f"the explorer cannot show these edits: {reason(error.errors()[0])}") from error

    def first_pane(self) -> Pane:
        """The first pane."""
        return Pane(self.pane, self.agents, self.edits)


def open_sweeps(folders: Sequence[Path]) -> dict[str, FinishedSweep]:
    """Finished sweeps by the names of their folders.

    Raises:
        MazeInterpError: two of one name, or a folder of no finished sweep.
    """
    sweeps = {}
    for folder in folders:
        if folder.name in sweeps:
            raise MazeInterpError(f"two sweeps are called {folder.name}; rename one of their folders")
        sweeps[folder.name] = read_sweep(folder)
    return sweeps


class Session:
    """One visitor's state, and the answers to what is asked of it.

    Attributes:
        version: of the state.
        panes: what is shown; none before the first state and after a refused one.
    """

    def __init__(self, opening: Opening) -> None:
        self.version = 0
        self.panes: tuple[Pane, ...] = ()
        self._opening, self._measured = opening, moves.Measured()

    def handle(self, message: str | bytes) -> Iterator[Data]:
        """The answers to a message, one after the other as they are computed; none to one about another state."""
        try:
            request = messages.read_request(message)
        except MazeInterpError as error:
            yield {"id": None, "error": str(error)}
            return
        yield from self.answers(request)

    def is_stale(self, request: Request) -> bool:
        """Whether a request is about a state that was replaced or refused."""
        independent = isinstance(request, messages.Hello | messages.SetState | messages.MakeMaze)
        return not independent and (request.version != self.version or not self.panes)

    def answers(self, request: Request) -> Iterator[Data]:
        """`handle` for a message that was read."""
        if self.is_stale(request):
            return
        try:
            for data in self._answers(request):
                yield answer(request, data, final=data.get("done") == data.get("total"))
        except MazeInterpError as error:
            yield refusal(request, error)

    def _answers(self, request: Request) -> Iterator[Data]:
        match request:
            case messages.Hello():
                yield self._hello()
            case messages.SetState():
                yield self._set_state(request)
            case messages.MakeMaze():
                maze = levels.make_maze(request)
                yield {"maze": text_of(maze).model_dump(), "size": maze.size}
            case messages.RankLevels():
                yield from levels.rank_levels(request, self.panes, self._opening.sweeps)
            case messages.OfPane():
                yield from self._of_pane(request, self._pane(request.pane))

    def _of_pane(self, request: messages.OfPane, pane: Pane) -> Iterator[Data]:
        match request:
            case messages.About(what="solve"):
                yield from levels.solve_rate(pane)
            case messages.About():
                about = {"layers": activations.layers, "probes": activations.probes, "export": export}
                yield about[request.what](pane)
            case messages.Measure(what="cheese_map"):
                yield from moves.cheese_map(pane, request.edited)
            case messages.Measure(what="field"):
                yield moves.field_data(self._measured.field(pane, request.edited))
            case messages.Measure():
                yield moves.figures_data(self._measured.behaviour(pane, request.edited))
            case messages.PlayEpisode():
                yield moves.episode(self._measured.chain(pane, request.edited), request.seed)
            case messages.LookAtChannels():
                yield activations.channels(pane, request.edited, request.layer)
            case messages.LookAtChannel():
                yield activations.channel(pane, request.edited, request.layer, request.channel)
            case messages.ApplyProbe():
                yield activations.probe(pane, request.edited, request.layer, request.target)
            case messages.Attribute():
                yield attribution(pane, request.edited, request.layer, request.method)

    def _hello(self) -> Data:
        return {
            "protocol": 1,
            "agents": self._opening.agents.table(),
            "state": {"panes": [self._opening.pane.model_dump()]},
            "moves": MOVES,
            "sweeps": list(self._opening.sweeps),
            "horizon": HORIZON,
            "version": version("maze-interp"),
        }

    def _set_state(self, request: messages.SetState) -> Data:
        self.version, self.panes = request.version, ()
        opening = self._opening
        self.panes = tuple(Pane(text, opening.agents, opening.edits) for text in request.state.panes)
        return {"panes": [_facts(pane) for pane in self.panes]}

    def _pane(self, number: int) -> Pane:
        if number >= len(self.panes):
            raise MazeInterpError(f"there is no pane {number}, only one pane")
        return self.panes[number]


def _facts(pane: Pane) -> Data:
    """What the page needs to know of a pane at once."""
    maze = pane.maze
    goals = {"cheese": maze.cheese, "corner": maze.top_right if maze.open[maze.top_right[::-1]] else None}
    steps = {name: None if goal is None else maze.steps(maze.start, goal) for name, goal in goals.items()}
    finite = {name: None if count is None or count == float("inf") else int(count) for name, count in steps.items()}
    return {
        "agent": pane.text.agent,
        "hash": pane.hash,
        "mode": pane.mode,
        "region": pane.region,
        "reference": pane.is_reference,
        "default_layer": getattr(pane.policy, "default_layer", None),
        "size": maze.size,
        "padding": maze.padding,
        "decision": maze.decision_square,
        "corner": maze.top_right,
        "steps_to_cheese": finite["cheese"],
        "steps_to_corner": finite["corner"],
        "cheese_reachable": finite["cheese"] is not None,
    }


_KINDS: dict[type[Any], str] = {Zero: "zero", Scale: "scale", SetPixel: "set_pixel"}


def _change(edit: Edit, number: int) -> Data:
    """An edit from a file as the page shows it: with its slider, where the page has one of that kind."""
    if type(edit) in _KINDS:
        return {"kind": _KINDS[type(edit)], **_fields(edit)}
    return {"kind": "given", "layer": edit.layer, "number": number, "label": repr(edit)}


def _fields(edit: Edit) -> Data:
    return {each.name: getattr(edit, each.name) for each in fields(edit)}  # type: ignore[arg-type]
