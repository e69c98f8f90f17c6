"""procgen's saved states: find the few fields that matter and change only those.

A state is a run of native 4-byte numbers broken by length-prefixed strings (the game's name and
three random generators). Only those lengths vary, so walking over them fixes every other offset;
nothing else is parsed, and every byte that no edit names stays as it was.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maze_interp.errors import MazeInterpError

WALL, OPEN, CHEESE = 51, 100, 2
"""procgen's codes for the contents of a cell."""

_ENTITY_BYTES = 31 * 4
_REFLECTED = 15 * 4  # offset of is_reflected within an entity
_END_MARK = 0xCAFECAFE


@dataclass(frozen=True)
class Layout:
    """Byte offsets of the fields we use within one state, and the two sizes."""

    level_range: int  # two ints: first level seed, and one past the last
    level_seed: int  # int: seed of the level in play
    time: int  # int: steps taken in this episode
    entities: int  # int: how many there are; then the entities, the mouse first
    grid: int  # world × world ints, row by row from the bottom
    world: int  # cells per side of procgen's world
    size: int  # cells per side of the maze inside it


def layout(state: bytes) -> Layout:
    """Find the fields in a state of procgen's maze.

    Raises:
        MazeInterpError: the bytes are not such a state, or are cut short.
    """
    if not isinstance(state, bytes):
        raise MazeInterpError(f"a state of procgen's maze is bytes, not {type(state).__name__}")
    try:
        return _walk(state)
    except struct.error as error:
        raise MazeInterpError(f"not a whole state of procgen's maze: {len(state)} bytes, {error}") from error


def _walk(state: bytes) -> Layout:
    def number(offset: int) -> int:
        return int(struct.unpack_from("=i", state, offset)[0])

    def after_string(offset: int) -> int:
        length = number(offset)
        if not 0 <= length <= len(state) - offset - 4:
            raise MazeInterpError(f"not a state of procgen's maze: a string of {length} bytes at {offset}")
        return offset + 4 + length

    options = after_string(4)
    if state[8:options] != b"maze":
        raise MazeInterpError("not a state of procgen's maze: another game's name, or none")
    level_range = options + 12 * 4 + 4
    counters = after_string(after_string(level_range + 16 + 4) + 4)  # past both random generators
    entities = counters + 16 * 4
    background = entities + 4 + number(entities) * _ENTITY_BYTES
    grid = after_string(background + 19 * 4 + 4) + 9 * 4 + 3 * 4
    end = grid + 4 * number(grid - 4)
    if number(end + 8) & 0xFFFFFFFF != _END_MARK or end + 12 != len(state):
        raise MazeInterpError(f"not a state of procgen's maze: no end marker after {len(state)} bytes")
    size, world = number(end), number(end + 4)
    if not 3 <= size <= world or [number(grid - back) for back in (12, 8, 4)] != [world, world, world**2]:
        raise MazeInterpError(f"not a state of procgen's maze: its sizes ({size}, {world}) and its grid disagree")
    return Layout(
        level_range=level_range,
        level_seed=counters + 5 * 4,
        time=counters + 13 * 4,
        entities=entities,
        grid=grid,
        world=world,
        size=size,
    )


def read_grid(state: bytes) -> NDArray[np.int32]:
    """Contents of the world's cells, int32 `[world, world]`, row 0 at the bottom (a copy)."""
    at = layout(state)
    return np.frombuffer(state, np.int32, at.world**2, at.grid).reshape(at.world, at.world).copy()


def read_mouse(state: bytes) -> tuple[tuple[int, int], bool]:
    """The mouse's world cell (column, row from the bottom), and whether its sprite is mirrored."""
    mouse = layout(state).entities + 4
    x, y = struct.unpack_from("=2f", state, mouse)
    return (int(x), int(y)), struct.unpack_from("=i", state, mouse + _REFLECTED)[0] != 0


def read_level_seed(state: bytes) -> int:
    """Seed of the level in play."""
    return int(struct.unpack_from("=i", state, layout(state).level_seed)[0])


def read_time(state: bytes) -> int:
    """Steps taken in this episode."""
    return int(struct.unpack_from("=i", state, layout(state).time)[0])


def with_grid(state: bytes, grid: NDArray[np.int32]) -> bytes:
    """The state with other cell contents (`[world, world]`, as `read_grid` gives)."""
    at = layout(state)
    if grid.shape != (at.world, at.world) or grid.dtype.kind != "i":
        raise MazeInterpError(f"the world is {at.world}×{at.world} cells, the grid given {grid.dtype} {grid.shape}")
    return state[: at.grid] + grid.astype(np.int32).tobytes() + state[at.grid + 4 * at.world**2 :]


def with_mice(state: bytes, cells: Sequence[tuple[int, int]], mirrored: bool) -> bytes:
    """The state with one mouse on each of `cells`, all facing the same way.

    procgen moves the first and draws them all, which is what makes rendering a whole maze cheap;
    a state to be played has one.
    """
    at = layout(state)
    first = at.entities + 4
    mouse = bytearray(state[first : first + _ENTITY_BYTES])
    struct.pack_into("=i", mouse, _REFLECTED, int(mirrored))
    mice = bytearray(struct.pack("=i", len(cells)))
    for x, y in cells:
        struct.pack_into("=2f", mouse, 0, x + 0.5, y + 0.5)
        mice += mouse
    (count,) = struct.unpack_from("=i", state, at.entities)
    return state[: at.entities] + bytes(mice) + state[first + count * _ENTITY_BYTES :]


def with_size(state: bytes, size: int) -> bytes:
    """The state with another size of the maze inside its world, which procgen draws nothing by."""
    changed, at = bytearray(state), layout(state)
    struct.pack_into("=i", changed, at.grid + 4 * at.world**2, size)
    return bytes(changed)


def with_next_level(state: bytes, seed: int) -> bytes:
    """The state with `seed` as the only level that the next reset can choose."""
    changed = bytearray(state)
    struct.pack_into("=2i", changed, layout(state).level_range, seed, seed + 1)
    return bytes(changed)
