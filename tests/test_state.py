"""The state codec against a second, field-by-field reading of the bytes, and against procgen."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from maze_interp.environment import state as states
from maze_interp.environment.levels import maze_from_state
from maze_interp.environment.simulator import procgen_environment, simulator
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import DistributionMode

MODES: tuple[DistributionMode, ...] = ("easy", "hard")
ENTITY = 31


class Reader:
    """Reads a state in procgen's order of writing, noting where each named field begins."""

    def __init__(self, state: bytes) -> None:
        self.state, self.at = state, 0
        self.offset: dict[str, int] = {}
        self.value: dict[str, Any] = {}

    def take(self, kind: str, *names: str) -> None:
        for name in names:
            self.offset[name] = self.at
            (self.value[name],) = struct.unpack_from("=" + kind, self.state, self.at)
            self.at += 4

    def skip(self, count: int) -> None:
        self.at += 4 * count

    def take_string(self, name: str) -> None:
        (length,) = struct.unpack_from("=i", self.state, self.at)
        self.value[name] = self.state[self.at + 4 : self.at + 4 + length]
        self.at += 4 + length


def read(state: bytes) -> Reader:
    """Every field that the package uses, found by walking over all fields one after another."""
    r = Reader(state)
    r.take("i", "version")
    r.take_string("game")
    r.skip(12)
    r.take("i", "grid_step", "seed_low", "seed_high", "game_type", "game_n")
    for generator in ("level_generator", "game_generator"):
        r.take("i", generator + "_is_seeded")
        r.take_string(generator)
    r.take("f", "reward")
    r.take("i", "done", "complete", "action", "timeout", "level_seed", "previous_seed", "remaining", "episode_done")
    r.take("i", "reward_timer", "last_reward", "default_action", "asset_seed", "time", "waiting", "grid_size")
    r.take("i", "entities")
    for number in range(r.value["entities"]):
        r.take("f", f"x{number}", f"y{number}")
        r.skip(13)
        r.take("i", f"mirrored{number}")
        r.skip(ENTITY - 16)
    r.skip(19)
    r.take("i", "asset_generator_is_seeded")
    r.take_string("asset_generator")
    r.skip(9)
    r.take("i", "width", "height", "cells")
    r.take("i", *(f"cell{number}" for number in range(r.value["cells"])))
    r.take("i", "maze_dim", "world_dim", "end")
    assert r.at == len(state)
    return r


@cache
def real_states(mode: DistributionMode) -> tuple[bytes, ...]:
    """Level starts, and states at several moments of eight random episodes."""
    found = [simulator(mode).level(seed) for seed in range(60)]
    env = procgen_environment(8, mode)
    rng = np.random.default_rng(0)
    for step in range(60):
        env.act(rng.integers(0, 15, 8))
        if step % 15 == 14:
            found += env.get_state()
    return tuple(found)


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> DistributionMode:
    return request.param


def changed_bytes(before: bytes, after: bytes) -> set[int]:
    assert len(before) == len(after)
    return set(np.flatnonzero(np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8)).tolist())


def test_layout_agrees_with_reading_every_field(mode: DistributionMode) -> None:
    for state in real_states(mode):
        fields, at = read(state), states.layout(state)
        assert (at.level_range, at.level_seed) == (fields.offset["seed_low"], fields.offset["level_seed"])
        assert (at.time, at.entities) == (fields.offset["time"], fields.offset["entities"])
        assert (at.grid, at.world, at.size) == (
            fields.offset["cell0"],
            fields.value["world_dim"],
            fields.value["maze_dim"],
        )


def test_readers_agree_with_reading_every_field(mode: DistributionMode) -> None:
    for state in real_states(mode):
        fields = read(state)
        value = fields.value
        (column, row), mirrored = states.read_mouse(state)
        assert (column + 0.5, row + 0.5, mirrored) == (value["x0"], value["y0"], bool(value["mirrored0"]))
        assert (states.read_level_seed(state), states.read_time(state)) == (value["level_seed"], value["time"])
        cells = [value[f"cell{number}"] for number in range(value["cells"])]
        assert states.read_grid(state).ravel().tolist() == cells
        assert set(cells) <= {states.WALL, states.OPEN, states.CHEESE}
        assert value["timeout"] == 500
        assert value["entities"] == 1


def test_time_and_seed_agree_with_procgen(mode: DistributionMode) -> None:
    env = procgen_environment(16, mode)
    time = np.zeros(16, int)
    rng = np.random.default_rng(1)
    for _ in range(40):
        env.act(rng.integers(0, 15, 16))
        time = np.where(env.observe()[2], 0, time + 1)
        current = env.get_state()
        assert [states.read_time(state) for state in current] == time.tolist()
        assert [states.read_level_seed(state) for state in current] == [info["level_seed"] for info in env.get_info()]


def test_round_trips_are_exact(mode: DistributionMode) -> None:
    for state in real_states(mode):
        mouse, mirrored = states.read_mouse(state)
        value = read(state).value
        assert states.with_grid(state, states.read_grid(state)) == state
        assert states.with_mice(state, [mouse], mirrored) == state
        if value["seed_high"] == value["seed_low"] + 1:
            assert states.with_next_level(state, value["seed_low"]) == state


def test_procgen_takes_and_returns_edited_states_unchanged(mode: DistributionMode) -> None:
    env = procgen_environment(1, mode)
    for state in real_states(mode)[::7]:
        grid = states.read_grid(state)
        grid[3, 4], grid[4, 3] = states.OPEN, states.WALL
        edited = states.with_next_level(states.with_mice(states.with_grid(state, grid), [(4, 3)], True), 77)
        for each in (state, edited):
            env.set_state([each])
            assert env.get_state() == [each]


def test_grid_edit_changes_only_that_cell(mode: DistributionMode) -> None:
    for state in real_states(mode)[::5]:
        grid = states.read_grid(state)
        row, column = 2, len(grid) - 3
        grid[row, column] = states.CHEESE if grid[row, column] != states.CHEESE else states.OPEN
        edited = states.with_grid(state, grid)
        cell = read(state).offset[f"cell{row * len(grid) + column}"]
        assert changed_bytes(state, edited) <= set(range(cell, cell + 4))
        assert states.read_grid(edited)[row, column] == grid[row, column]


def test_mouse_edit_changes_only_place_and_facing(mode: DistributionMode) -> None:
    for state in real_states(mode)[::5]:
        mirrored = not states.read_mouse(state)[1]
        edited = states.with_mice(state, [(5, 6)], mirrored)
        offset = read(state).offset
        allowed = {offset[name] + byte for name in ("x0", "y0", "mirrored0") for byte in range(4)}
        assert changed_bytes(state, edited) <= allowed
        assert states.read_mouse(edited) == ((5, 6), mirrored)


def test_many_mice_are_copies_and_one_again_restores_the_state(mode: DistributionMode) -> None:
    state = real_states(mode)[0]
    mouse, mirrored = states.read_mouse(state)
    many = states.with_mice(state, [(1, 2), (3, 4), (5, 6)], True)
    fields = read(many)
    assert [(fields.value[f"x{n}"], fields.value[f"y{n}"]) for n in range(3)] == [(1.5, 2.5), (3.5, 4.5), (5.5, 6.5)]
    assert [fields.value[f"mirrored{n}"] for n in range(3)] == [1, 1, 1]
    assert len(many) == len(state) + 2 * ENTITY * 4
    assert states.with_mice(many, [mouse], mirrored) == state


def test_next_level_changes_only_the_range_and_is_obeyed(mode: DistributionMode) -> None:
    state = real_states(mode)[0]
    edited = states.with_next_level(state, 123_456_789)
    offset = read(state).offset
    allowed = set(range(offset["seed_low"], offset["seed_low"] + 8))
    assert changed_bytes(state, edited) <= allowed
    env = procgen_environment(1, mode)
    env.set_state([edited])
    env.act(np.array([-1]))
    assert env.get_info()[0]["level_seed"] == 123_456_789


@pytest.mark.parametrize("shape", [(3, 3), (15, 25), (625,), (0, 0)])
def test_grid_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(MazeInterpError, match="the world is 25×25 cells"):
        states.with_grid(real_states("hard")[0], np.full(shape, states.WALL))


def test_truncated_and_lengthened_states_are_refused(mode: DistributionMode) -> None:
    state = real_states(mode)[0]
    rng = np.random.default_rng(2)
    lengths = {*range(64), *rng.integers(64, len(state), 500).tolist(), len(state) - 4, len(state) - 1}
    for length in lengths:
        with pytest.raises(MazeInterpError, match="state of procgen's maze"):
            states.layout(state[:length])
    for more in (b"\0", b"\0\0\0\0", state):
        with pytest.raises(MazeInterpError, match="state of procgen's maze"):
            states.layout(state + more)


def test_random_bytes_and_other_games_are_refused() -> None:
    rng = np.random.default_rng(3)
    for length in (0, 1, 4, 100, 20_000):
        with pytest.raises(MazeInterpError, match="state of procgen's maze"):
            states.layout(rng.bytes(length))
    from procgen import ProcgenGym3Env

    other = ProcgenGym3Env(num=1, env_name="coinrun", num_threads=0)
    with pytest.raises(MazeInterpError, match="another game's name"):
        states.layout(other.get_state()[0])


def test_a_world_that_is_neither_mode_makes_no_maze() -> None:
    from procgen import ProcgenGym3Env

    memory = ProcgenGym3Env(num=1, env_name="maze", distribution_mode="memory", num_threads=0)
    with pytest.raises(MazeInterpError, match="a world of 31 cells is neither easy"):
        maze_from_state(memory.get_state()[0])


def corrupted(state: bytes) -> Iterator[bytes]:
    """The state with one length, count or size replaced by a hostile number."""
    fields = read(state)
    strings = [4, fields.offset["level_generator_is_seeded"] + 4, fields.offset["game_generator_is_seeded"] + 4]
    strings.append(fields.offset["asset_generator_is_seeded"] + 4)
    counts = [fields.offset[name] for name in ("entities", "width", "height", "cells", "maze_dim", "world_dim", "end")]
    for offset in strings + counts:
        (present,) = struct.unpack_from("=i", state, offset)
        for hostile in (-(2**31), -1000, -4, -1, 0, 1, present - 1, present + 1, 15, 25, 1000, 2**20, 2**31 - 1):
            odd_size = offset == fields.offset["maze_dim"] and hostile in (15, 25)  # another maze, but a whole one
            if hostile != present and not odd_size:
                yield state[:offset] + struct.pack("=i", hostile) + state[offset + 4 :]


def test_hostile_lengths_and_sizes_are_refused(mode: DistributionMode) -> None:
    for state in real_states(mode)[::20]:
        for hostile in corrupted(state):
            with pytest.raises(MazeInterpError):
                maze_from_state(hostile)


def test_any_corrupted_word_is_refused_or_read(mode: DistributionMode) -> None:
    """Whatever word is damaged, every reader ends in a value or in our own error."""
    state = simulator(mode).level(4)
    rng = np.random.default_rng(4)
    refused = 0
    for offset in range(0, len(state) - 4, 4):
        hostile = state[:offset] + rng.bytes(4) + state[offset + 4 :]
        try:
            maze_from_state(hostile)
            states.read_mouse(hostile)
            assert len(states.with_mice(hostile, [(1, 1)], True)) == len(state)
            assert states.with_grid(hostile, states.read_grid(hostile)) == hostile
        except MazeInterpError:
            refused += 1
    assert 0 < refused < len(state) / 4
