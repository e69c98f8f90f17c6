"""One agent in one maze, as a message describes it, in the library's own terms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from maze_interp.bundled import HELD_OUT
from maze_interp.edits.base import Edit, applied
from maze_interp.edits.kinds import Add, Mean, Scale, SetPixel, Zero
from maze_interp.edits.observations import Observations, activation_of
from maze_interp.edits.vectors import cheese_vector, top_right_vector
from maze_interp.environment.observe import PIXELS, observe
from maze_interp.errors import MazeInterpError
from maze_interp.explorer import state
from maze_interp.explorer.agents import Agents
from maze_interp.explorer.state import MazeText, PaneText
from maze_interp.mazes.maze import Maze, Square
from maze_interp.policies.checkpoints import agent_hash
from maze_interp.policies.devices import device_of
from maze_interp.policies.hooks import activation_layers, resolve_layer, run_with_cache, without_hooks
from maze_interp.policies.moves import to_input
from maze_interp.policies.pixels import map_size, pixel_in
from maze_interp.policies.references import Reference
from maze_interp.policies.threads import one_thread

MEAN_LEVELS = range(HELD_OUT + 1000, HELD_OUT + 1032)
"""Levels over whose starts a mean is taken."""


class Pane:
    """The policy, the maze and the edits of a pane.

    Args:
        text: the description.
        agents: the policies that it may name.
        given: the edits that it may name by number.

    Raises:
        MazeInterpError: a maze, a mouse or an edit that cannot be, or another agent than the hash says.
    """

    def __init__(self, text: PaneText, agents: Agents, given: Sequence[Edit] = ()) -> None:
        self.text, self._given = text, given
        self.policy = agents.policy(text.agent)
        self.mode, self.region = agents.mode(text.agent), agents.region(text.agent)
        self.maze = maze_of(text.maze)
        self.donor = maze_of(text.donor) if text.donor else None
        self.mouse = self.maze.start if text.mouse is None else self.maze.require_open(text.mouse, "mouse")
        self.hash = "" if isinstance(self.policy, Reference) else network_hash(self.policy)
        if text.hash and text.hash != self.hash:
            raise MazeInterpError(f"{text.agent} is {self.hash} here, not {text.hash}: other weights than were shared")
        # Those that are off are checked as well: a switch must not fail.
        changes = [(change.on, self._edits(change)) for change in text.edits]
        _require_fit(self.policy, tuple(edit for _, some in changes for edit in some))
        self.edits = tuple(edit for on, some in changes if on for edit in some)
        """Those that are on."""

    def in_force(self, edited: bool) -> tuple[Edit, ...]:
        """The edits, or none."""
        return self.edits if edited else ()

    @property
    def is_reference(self) -> bool:
        """Whether it is a rule, which has no layers."""
        return isinstance(self.policy, Reference)

    def observation(self, square: Square | None = None) -> Tensor:
        """What the agent sees with the mouse on a square, or where it stands, facing left: `[1, 3, 64, 64]`."""
        return to_input(observe(self.maze, [square or self.mouse]))

    def _edits(self, change: state.Change) -> tuple[Edit, ...]:
        if isinstance(change, state.Given):
            if change.number >= len(self._given):
                raise MazeInterpError(f"{len(self._given)} edits were given, numbered from 0; none is {change.number}")
            return (self._given[change.number],)
        layer = resolve_layer(self.policy, change.layer)
        match change:
            case state.Zeroed():
                return (Zero(layer, change.channels, change.positions),)
            case state.Scaled():
                return (Scale(layer, change.channels, change.positions, factor=change.factor),)
            case state.Averaged():
                source = Observations(MEAN_LEVELS, self.mode)
                return (Mean(layer, change.channels, change.positions, source=source),)
            case state.PixelSet():
                return (SetPixel(layer, change.channels, change.pixel, change.value, change.fill),)
            case state.SquareSet():
                pixel = pixel_in(self.maze, change.square, map_shape(self.policy, layer))
                return (SetPixel(layer, change.channels, pixel, change.value, change.fill),)
            case state.CheeseVector():
                return (Add(layer, _cheese_vector(self.policy, self.maze, layer), change.coefficient),)
            case state.TopRightVector():
                return (Add(layer, _top_right_vector(self.policy, self.maze, layer), change.coefficient),)
            case _:
                return self._patch(change, layer)

    def _patch(self, change: state.Patched, layer: str) -> tuple[Edit, ...]:
        if self.donor is None:
            raise MazeInterpError("a patch needs a donor maze")
        vector = start_activation(self.policy, self.donor, layer)
        where = change.channels, change.positions
        return (Zero(layer, *where), Add(layer, vector, 1.0, *where))


def maze_of(text: MazeText) -> Maze:
    """The maze of a message."""
    return Maze.from_ascii(text.ascii, text.mode, text.seed)


def text_of(maze: Maze) -> MazeText:
    """The maze for a message."""
    return MazeText(ascii=maze.to_ascii(), mode=maze.distribution_mode, seed=maze.seed)


@lru_cache(maxsize=64)
def _require_fit(policy: nn.Module, edits: tuple[Edit, ...]) -> None:
    """Refuse edits that a network cannot run with; what it sees makes no difference to that."""
    if edits:
        with torch.inference_mode(), one_thread(), applied(policy, edits):
            policy(torch.zeros(1, 3, PIXELS, PIXELS, device=device_of(policy)))


@lru_cache(maxsize=32)
def network_hash(policy: nn.Module) -> str:
    """`agent_hash`, computed once: no session changes a weight."""
    return agent_hash(policy)


@lru_cache(maxsize=32)
def layer_shapes(policy: nn.Module) -> dict[str, tuple[int, ...]]:
    """Shapes of the layers' outputs without the batch axis, by module path, in the network's order."""
    with without_hooks(), one_thread():
        _, seen = run_with_cache(
            policy, torch.zeros(1, 3, PIXELS, PIXELS, device=device_of(policy)), activation_layers(policy)
        )
    return {path: tuple(seen[path].shape[1:]) for path in activation_layers(policy)}


@lru_cache(maxsize=128)
def map_shape(policy: nn.Module, layer: str) -> tuple[int, int]:
    """`map_size`, computed once."""
    return map_size(policy, layer)


@lru_cache(maxsize=64)
def _cheese_vector(policy: nn.Module, maze: Maze, layer: str) -> Tensor:
    return cheese_vector(policy, maze, layer)


@lru_cache(maxsize=64)
def _top_right_vector(policy: nn.Module, maze: Maze, layer: str) -> Tensor:
    return top_right_vector(policy, maze, layer)


@lru_cache(maxsize=64)
def start_activation(policy: nn.Module, maze: Maze, layer: str) -> Tensor:
    """What a layer puts out with the mouse at the start of a maze, without the batch axis."""
    return activation_of(policy, layer, to_input(observe(maze, [maze.start])))[0]


def pixels_of(maze: Maze, shape: tuple[int, int]) -> tuple[list[int], list[int]]:
    """Of a maze's y the rows and of its x the columns of a map in which they lie."""
    rows, columns = np.array([pixel_in(maze, (i, i), shape) for i in range(maze.size)]).T
    return rows.tolist(), columns.tolist()
