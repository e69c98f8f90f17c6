"""What callers may pass: every public entry takes a value in its documented meaning or refuses it in one line."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from numpy.typing import NDArray

import maze_interp as mi
from maze_interp import edits
from maze_interp.environment.human_view import human_view
from maze_interp.environment.levels import maze_from_seed, maze_from_state, region_maze, state_of_maze
from maze_interp.environment.observe import MazeView, cell_pixels, observe_many
from maze_interp.environment.simulator import simulator
from maze_interp.environment.vector_env import MazeVectorEnv
from maze_interp.errors import MazeInterpError
from maze_interp.mazes import constructed
from maze_interp.mazes.maze import WORLD_SIZE
from maze_interp.policies.architectures.impala import Impala

LAYER = "embedder.block2.res1.resadd"
MAZE = mi.Maze.from_ascii("....C\n.####\n.....\n.####\nM....", "easy")
NETWORK = Impala(1).eval().requires_grad_(False)
SOURCE = edits.Observations([1], "easy")
ENV = MazeVectorEnv(2, "easy")
ENV.reset(seed=0)
ONE_LEVEL = mi.LevelSet([0], "easy")
RECORDING = mi.Recording(NETWORK, "a", ONE_LEVEL, LAYER, squares=1)

VALUES: dict[str, Any] = {
    "none": None,
    "true": True,
    "numpy true": np.bool_(True),
    "torch true": torch.tensor(True),
    "half": 1.5,
    "whole float": 1.0,
    "numpy float": np.float32(1),
    "nan": math.nan,
    "infinite": math.inf,
    "huge": 10**400,
    "minus one": -1,
    "numpy minus one": np.int64(-1),
    "complex": 1j,
    "text": "1",
    "bytes": b"1",
    "object": object(),
    "a class": edits.Zero,
    "dict": {"a": 1},
    "strings": ["a", "b"],
    "floats": [0.5, 0.5],
    "truths": [True, False],
    "three": (1, 1, 1),
    "nested": [[[1]]],
    "matrix of floats": np.full((4, 4), 0.3),
    "text in an array": np.array(["1", "2"]),
}

ONE: set[str] = set()  # what else, by name above, an argument takes
HUGE = {"huge"}
TOO_MANY = frozenset({"huge", "none"})  # processes, not tried
A_FOLDER = frozenset({"text"})  # not written to
CHANNELS = {"none", "truths", "three", "minus one", "numpy minus one", "huge"}
TRUTH = {"true", "numpy true", "torch true"}
NUMBER = {"half", "whole float", "numpy float", "minus one", "numpy minus one"}

REFUSALS: dict[str, tuple[Callable[[Any], Any], set[str] | frozenset[str]]] = {
    "Maze(open)": (lambda v: mi.Maze(v), ONE),
    "Maze(start)": (lambda v: mi.Maze(MAZE.open, v, None, "easy"), ONE),
    "Maze(cheese)": (lambda v: mi.Maze(MAZE.open, (0, 0), v, "easy"), {"none"}),
    "Maze(distribution_mode)": (lambda v: mi.Maze(MAZE.open, distribution_mode=v), ONE),
    "Maze(seed)": (lambda v: mi.Maze(MAZE.open, seed=v), ONE),
    "Maze.from_seed": (mi.Maze.from_seed, ONE),
    "Maze.from_seed(mode)": (lambda v: mi.Maze.from_seed(0, v), ONE),
    "Maze.from_ascii": (mi.Maze.from_ascii, ONE),
    "Maze.from_ascii(seed)": (lambda v: mi.Maze.from_ascii("M..\n.#.\n...", seed=v), ONE),
    "with_cheese": (MAZE.with_cheese, {"none"}),
    "with_start": (MAZE.with_start, ONE),
    "with_open(square)": (lambda v: MAZE.with_open(v, True), ONE),
    "with_open(value)": (lambda v: MAZE.with_open((1, 1), v), TRUTH),
    "region": (MAZE.region, ONE),
    "distances": (MAZE.distances, ONE),
    "steps": (lambda v: MAZE.steps((0, 0), v), ONE),
    "path": (lambda v: MAZE.path(v, (0, 0)), ONE),
    "maze_features": (mi.maze_features, ONE),
    "random_tree(size)": (lambda v: constructed.random_tree(v, "easy", 0), ONE),
    "random_tree(seed)": (lambda v: constructed.random_tree(5, "easy", v), ONE),
    "swapped_branches": (lambda v: constructed.swapped_branches(MAZE, v, 1), ONE),
    "swapped_branches(maze)": (lambda v: constructed.swapped_branches(v, 5, 1), ONE),
    "fork_of": (lambda v: constructed.fork_of(MAZE, v, (0, 0)), ONE),
    "equal_pair(equal)": (lambda v: constructed.equal_pair(MAZE, v, 5), ONE),
    "detours": (constructed.detours, ONE),
    "maze_from_seed": (maze_from_seed, ONE),
    "region_maze(seed)": (lambda v: region_maze(v, 5), ONE),
    "region_maze(region)": (lambda v: region_maze(0, v), ONE),
    "maze_from_state": (maze_from_state, ONE),
    "state_of_maze": (state_of_maze, ONE),
    "simulator.level": (simulator("easy").level, ONE),
    "observe(maze)": (mi.observe, ONE),
    "observe(squares)": (lambda v: mi.observe(MAZE, v), {"none"}),
    "observe(square)": (lambda v: mi.observe(MAZE, [v]), ONE),
    "observe(facing)": (lambda v: mi.observe(MAZE, facing=v), ONE),
    "observe_many": (lambda v: observe_many(v, [None, None]), ONE),
    "MazeView": (MazeView, ONE),
    "MazeView.patch(square)": (lambda v: MazeView(MAZE).patch(v, "left"), ONE),
    "MazeView.patch(facing)": (lambda v: MazeView(MAZE).patch((0, 0), v), ONE),
    "cell_pixels": (lambda v: cell_pixels(MAZE, v), ONE),
    "human_view": (human_view, ONE),
    "MazeVectorEnv(num_envs)": (MazeVectorEnv, ONE),
    "MazeVectorEnv(mode)": (lambda v: MazeVectorEnv(1, v), ONE),
    "MazeVectorEnv(region)": (lambda v: MazeVectorEnv(1, "easy", v), HUGE),
    "MazeVectorEnv(levels)": (lambda v: MazeVectorEnv(1, "easy", levels=v), ONE),
    "MazeVectorEnv.reset(seed)": (lambda v: ENV.reset(seed=v), {"none", "huge"}),
    "MazeVectorEnv.reset(options)": (lambda v: ENV.reset(options=v), {"none"}),
    "MazeVectorEnv.reset(mazes)": (lambda v: ENV.reset(options={"mazes": v}), ONE),
    "MazeVectorEnv.step": (ENV.step, ONE),
    "MazeVectorEnv.restore": (ENV.restore, ONE),
    "Zero(layer)": (edits.Zero, {"text"}),
    "Zero(channels)": (
        lambda v: edits.Zero(LAYER, v),
        CHANNELS,
    ),
    "Zero(positions)": (lambda v: edits.Zero(LAYER, positions=v), {"none"}),
    "Scale(factor)": (lambda v: edits.Scale(LAYER, factor=v), NUMBER),
    "SetPixel(pixel)": (lambda v: edits.SetPixel(LAYER, 0, v, 1), ONE),
    "SetPixel(value)": (lambda v: edits.SetPixel(LAYER, 0, (0, 0), v), NUMBER),
    "SetPixel(fill)": (lambda v: edits.SetPixel(LAYER, 0, (0, 0), 1, v), NUMBER | {"none"}),
    "Add(vector)": (lambda v: edits.Add(LAYER, v), {"floats", "three", "nested", "matrix of floats"}),
    "Add(coefficient)": (lambda v: edits.Add(LAYER, [1.0], v), NUMBER),
    "Mean(source)": (lambda v: edits.Mean(LAYER, source=v), ONE),
    "Resample(seed)": (lambda v: edits.Resample(LAYER, source=SOURCE, seed=v), HUGE),
    "Observations(levels)": (edits.Observations, {"three"}),
    "Observations(mode)": (lambda v: edits.Observations([0], v), ONE),
    "Observations(squares)": (lambda v: edits.Observations([0], squares=v), ONE),
    "Observations(cheese)": (lambda v: edits.Observations([0], cheese=v), HUGE),
    "bind": (lambda v: edits.bind(NETWORK, v), ONE),
    "bind(network)": (lambda v: edits.bind(v, ()), ONE),
    "save": (lambda v: edits.save("nowhere.yaml", v), ONE),
    "cheese_vector(policy)": (lambda v: mi.cheese_vector(v, MAZE, LAYER), ONE),
    "cheese_vector(maze)": (lambda v: mi.cheese_vector(NETWORK, v, LAYER), ONE),
    "cheese_vector(layer)": (lambda v: mi.cheese_vector(NETWORK, MAZE, v), ONE),
    "top_right_vector": (lambda v: mi.top_right_vector(NETWORK, v, LAYER), ONE),
    "to_input": (mi.to_input, ONE),
    "activation_pixel": (lambda v: mi.activation_pixel(MAZE, (0, 0), v), ONE),
    "vector_field(policy)": (lambda v: mi.vector_field(v, MAZE), ONE),
    "vector_field(maze)": (lambda v: mi.vector_field(NETWORK, v), ONE),
    "vector_field(edits)": (lambda v: mi.vector_field(NETWORK, MAZE, v), ONE),
    "vector_fields(mazes)": (lambda v: list(mi.vector_fields(NETWORK, v)), ONE),
    "behaviour(maze)": (lambda v: mi.behaviour(NETWORK, v), ONE),
    "behaviour(edits)": (lambda v: mi.behaviour(NETWORK, MAZE, v), ONE),
    "behaviour(horizon)": (lambda v: mi.behaviour(NETWORK, MAZE, horizon=v), ONE),
    "behaviours(mazes)": (lambda v: list(mi.behaviours(NETWORK, v)), ONE),
    "retarget(targets)": (lambda v: mi.retarget(NETWORK, MAZE, v, channels=0, value=1), {"none"}),
    "retarget(channels)": (lambda v: mi.retarget(NETWORK, MAZE, [(0, 0)], channels=v, value=1), {"none", "three"}),
    "retarget(value)": (lambda v: mi.retarget(NETWORK, MAZE, [(0, 0)], channels=0, value=v, p_visit=False), NUMBER),
    "retarget(layer)": (lambda v: mi.retarget(NETWORK, MAZE, channels=0, value=1, layer=v), ONE),
    "retarget(p_visit)": (lambda v: mi.retarget(NETWORK, MAZE, [(0, 0)], channels=0, value=1, p_visit=v), TRUTH),
    "retarget_by_cheese(horizon)": (lambda v: mi.retarget_by_cheese(NETWORK, MAZE, horizon=v), ONE),
    "Recording(policy)": (lambda v: mi.Recording(v, "a", mi.LevelSet([0], "easy"), LAYER), ONE),
    "Recording(levels)": (lambda v: mi.Recording(NETWORK, "a", v, LAYER), ONE),
    "Recording(layers)": (lambda v: mi.Recording(NETWORK, "a", mi.LevelSet([0], "easy"), v), {"a class"}),
    "Recording(squares)": (
        lambda v: mi.Recording(NETWORK, "a", mi.LevelSet([0], "easy"), LAYER, squares=v),
        HUGE | {"none"},
    ),
    "Recording(facings)": (lambda v: mi.Recording(NETWORK, "a", mi.LevelSet([0], "easy"), LAYER, facings=v), ONE),
    "Recording(dtype)": (lambda v: mi.Recording(NETWORK, "a", mi.LevelSet([0], "easy"), LAYER, dtype=v), ONE),
    "record(recording)": (lambda v: mi.record(v, "nowhere"), ONE),
    "record(out)": (lambda v: mi.record(RECORDING, v), A_FOLDER),
    "record(workers)": (lambda v: mi.record(RECORDING, "nowhere", v), TOO_MANY),
    "ActivationStore": (mi.ActivationStore, ONE),
    "load_policy": (mi.load_policy, ONE),
    "load_policy(device)": (lambda v: mi.load_policy(device=v), ONE),
    "load_network": (mi.load_network, ONE),
    "agent_hash": (mi.agent_hash, ONE),
    "channel_scores(policy)": (mi.channel_scores, ONE),
    "channel_scores(layer)": (lambda v: mi.channel_scores(NETWORK, v), ONE),
    "channel_scores(levels)": (lambda v: mi.channel_scores(NETWORK, levels=v), ONE),
    "channel_scores(placements)": (lambda v: mi.channel_scores(NETWORK, placements=v), ONE),
    "cheese_channels(untrained)": (lambda v: mi.cheese_channels(NETWORK, untrained=v), ONE),
    "cheese_channels(sign)": (lambda v: mi.cheese_channels(NETWORK, LAYER, ONE_LEVEL, v), ONE),
    "LevelSet(seeds)": (lambda v: mi.LevelSet(v, "easy"), {"text"}),
    "LevelSet(mode)": (lambda v: mi.LevelSet([0], v), ONE),
    "LevelSet(cheese)": (lambda v: mi.LevelSet([0], "easy", v), {"text"}),
    "LevelSet.maze": (mi.LevelSet([0], "easy").maze, ONE),
    "sweep(policy)": (lambda v: mi.sweep(v, [0]), ONE),
    "sweep(seeds)": (lambda v: mi.sweep(NETWORK, v, "easy", horizon=1), {"text"}),
    "sweep(mode)": (lambda v: mi.sweep(NETWORK, [0], v, horizon=1), {"none"}),
    "sweep(region)": (lambda v: mi.sweep(NETWORK, [0], "easy", v, horizon=1), {"text"}),
    "sweep(edits)": (lambda v: mi.sweep(NETWORK, [0], "easy", edits=v), ONE),
    "sweep(horizon)": (lambda v: mi.sweep(NETWORK, [0], "easy", horizon=v), ONE),
    "sweep(workers)": (lambda v: mi.sweep(NETWORK, [0], "easy", workers=v), TOO_MANY),
    "probes.fit": (lambda v: mi.probes.fit(v, LAYER, "wall"), ONE),
    "probes.load(policy)": (lambda v: mi.probes.load(v, LAYER, "wall"), ONE),
    "probes.load(layer)": (lambda v: mi.probes.load(mi.load_network(), v, "wall"), ONE),
    "studies.sweep(agent)": (lambda v: mi.studies.sweep(agent=v), {"text"}),
    "studies.sweep(seeds)": (lambda v: mi.studies.sweep(seeds=v), {"text"}),
    "studies.sweep(horizon)": (lambda v: mi.studies.sweep(horizon=v), {"text"}),
    "studies.sweep(edits)": (lambda v: mi.studies.sweep(edits=v), {"none", "text"}),
    "studies.ablate(layers)": (lambda v: mi.studies.ablate(layers=v), {"text", "strings", "text in an array"}),
    "studies.retarget(channels)": (
        lambda v: mi.studies.retarget(channels=v),
        {"none", "text", "huge", "text in an array"},
    ),
    "studies.retarget(squares)": (lambda v: mi.studies.retarget(squares=v), {"none"}),
    "studies.finetune(learning_rate)": (
        lambda v: mi.studies.finetune(learning_rate=v),
        {"half", "whole float", "numpy float", "text"},
    ),
    "studies.probe(without_controls)": (lambda v: mi.studies.probe(without_controls=v), TRUTH),
    "study.run(workers)": (lambda v: mi.studies.sweep(seeds=[0], horizon=1).run(workers=v), TOO_MANY),
}


@pytest.mark.parametrize("entry", REFUSALS)
def test_what_an_argument_does_not_mean_is_refused_in_one_line(
    entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, taken = REFUSALS[entry]
    for name, value in VALUES.items():
        if name in taken:
            if not isinstance(taken, frozenset):
                call(value)
            continue
        message = refusal(call, value)
        assert message is not None, f"{entry} took {name}"
        assert "\n" not in message
        assert len(message) < 600
    assert not list(tmp_path.iterdir())


def test_numpys_numbers_mean_what_pythons_mean() -> None:
    kinds: list[Any] = [np.int64, np.uint8, np.int32, np.array, torch.tensor]
    for kind in kinds:
        three, zero = kind(3), kind(0)
        assert mi.Maze.from_seed(three) == mi.Maze.from_seed(3)
        assert region_maze(three, kind(5)) == region_maze(3, 5)
        assert MAZE.with_cheese((kind(2), zero)) == MAZE.with_cheese((2, 0))
        assert MAZE.region(three) == MAZE.region(3)
        assert edits.Zero(LAYER, three) == edits.Zero(LAYER, 3) == edits.Zero(LAYER, [three])
        assert edits.SetPixel(LAYER, zero, (three, zero), three) == edits.SetPixel(LAYER, 0, (3, 0), 3.0)
        assert edits.Observations([three], cheese=three) == edits.Observations([3], cheese=3)
        np.testing.assert_array_equal(ENV.reset(seed=three)[0], ENV.reset(seed=3)[0])
        assert mi.behaviour(NETWORK, MAZE, horizon=three).horizon == 3
    squares: list[Any] = [np.array([[0, 2], [4, 4]]), torch.tensor([[0, 2], [4, 4]]), [[0, 2], [4, 4]]]
    for array in squares:
        np.testing.assert_array_equal(mi.observe(MAZE, array), mi.observe(MAZE, [(0, 2), (4, 4)]))
        assert edits.Zero(LAYER, positions=array).positions == ((0, 2), (4, 4))


@pytest.mark.parametrize("value", [{2, 0}, frozenset((0, 4)), b"\0\4", bytearray(2), {2: 0, 0: 2}, {0: 1, 4: 1}.keys()])
def test_a_pair_has_an_order(value: Any) -> None:
    for call in (MAZE.with_cheese, MAZE.with_start, lambda v: edits.SetPixel(LAYER, 0, v, 1.0)):
        assert "two whole numbers" in (refusal(call, value) or "")


@pytest.mark.parametrize("make", [np.array, torch.tensor, list])
def test_a_mask_means_the_channels_where_it_is_true(make: Callable[[Any], Any]) -> None:
    mask = [number in (7, 12) for number in range(32)]
    edit = edits.Zero(LAYER, make(mask))
    assert edit == edits.Zero(LAYER, [7, 12])
    change = edits.bind(NETWORK, edit)[0].change
    expected = torch.ones(1, 32, 16, 16)
    expected[:, [7, 12]] = 0
    torch.testing.assert_close(change(torch.ones(1, 32, 16, 16)), expected)
    for copied in (copy.deepcopy(edit), pickle.loads(pickle.dumps(edit))):
        with pytest.raises(MazeInterpError, match=r"has 64 channels, but the mask is for 32"):
            edits.bind(NETWORK, copied)[0].change(torch.ones(1, 64, 16, 16))
    with pytest.raises(MazeInterpError, match="channels is empty"):
        edits.Zero(LAYER, make([False] * 32))
    with pytest.raises(MazeInterpError, match="whole numbers or a mask"):
        edits.Zero(LAYER, [True, 1])


def test_nothing_given_is_changed() -> None:
    observations = mi.observe(MAZE)
    grid, vector, channels = np.array(MAZE.open), np.ones(32, np.float32), np.array([5, 3, 3])
    given: list[Any] = [observations, grid, vector, channels]
    before = [part.copy() for part in given]
    mi.to_input(observations)
    mi.Maze(grid, (0, 0), None, "easy").with_open((1, 1), True)
    edit = edits.Add(LAYER, vector, channels=channels)
    mi.vector_field(NETWORK, MAZE, [edit])
    for part, same in zip(given, before, strict=True):
        np.testing.assert_array_equal(part, same)
    grid[:], vector[:] = False, 7
    assert MAZE.open.any()
    assert edit.vector.max() == 1


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda maze: pickle.loads(pickle.dumps(maze))])
def test_no_copy_of_a_maze_or_edit_can_be_changed(again: Callable[[Any], Any]) -> None:
    MAZE.distances((0, 0))
    maze, edit = again(MAZE), again(edits.Add(LAYER, [1.0, 2.0]))
    assert maze == MAZE
    assert edit == edits.Add(LAYER, [1.0, 2.0])
    for array in (maze.open, maze.distances((0, 0)), edit.vector):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    for array in (maze.open, edit.vector):
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True


def refusal(call: Callable[[Any], Any], value: Any) -> str | None:
    """The message by which a call refuses a value; None if it takes it."""
    try:
        call(value)
    except MazeInterpError as error:
        return str(error)
    return None


ANYTHING = some.one_of(
    some.none(), some.booleans(), some.integers(), some.floats(), some.text(max_size=5), some.binary(max_size=5),
    some.lists(some.integers(-2, 40) | some.booleans() | some.floats(), max_size=4),
    some.lists(some.tuples(some.integers(-1, 20), some.integers(-1, 20)), max_size=3),
    some.lists(some.integers(-1, 40), max_size=3).map(np.array),
    some.lists(some.booleans(), max_size=33).map(np.array),
)  # fmt: skip
ROW = some.integers(0, 15)
GRIDS = some.sampled_from([3, 5, 9, 15]).flatmap(
    lambda side: some.lists(some.booleans(), min_size=side**2, max_size=side**2).map(
        lambda cells: np.array(cells).reshape(side, side)
    )
)
PLAIN_CHANNELS = some.lists(some.integers(0, 31), min_size=1, max_size=5)


@given(ANYTHING, ANYTHING, ANYTHING)
def test_an_edit_is_made_of_what_was_meant_or_refused(channels: Any, positions: Any, factor: Any) -> None:
    def make(_: object = None) -> Any:
        return edits.Scale(LAYER, channels, positions, factor=factor)

    if message := refusal(make, None):
        assert "\n" not in message
        return
    edit = make()
    given_channels = [channels] if isinstance(channels, int) else channels
    if (isinstance(given_channels, np.ndarray) and given_channels.dtype == bool) or _only_truths(given_channels):
        given_channels = np.flatnonzero(given_channels)
    assert edit.channels == (None if channels is None else tuple(sorted({int(one) for one in given_channels})))
    assert edit.positions == (None if positions is None else tuple(sorted({tuple(map(int, one)) for one in positions})))
    assert edit.factor == factor
    assert not isinstance(factor, bool | str)
    assert eval(repr(edit), {"Scale": edits.Scale}) == edit or "#" in repr(edit)
    assert len(repr(edit)) < 400


def _only_truths(channels: Any) -> bool:
    return isinstance(channels, list) and all(isinstance(one, bool) for one in channels)


@given(
    PLAIN_CHANNELS, some.lists(some.tuples(some.integers(0, 15), some.integers(0, 15)), min_size=1), some.floats(-9, 9)
)
def test_an_edit_changes_its_part_alone(channels: list[int], positions: list[tuple[int, int]], factor: float) -> None:
    old = torch.arange(32 * 256, dtype=torch.float32).reshape(1, 32, 16, 16)
    new = edits.bind(NETWORK, edits.Scale(LAYER, channels, positions, factor=factor))[0].change(old)
    expected = old.clone()
    for channel in set(channels):
        for row, column in set(positions):
            expected[0, channel, row, column] *= factor
    torch.testing.assert_close(new, expected)
    assert old[0, 0, 0, 1] == 1


@given(GRIDS)
def test_any_grid_is_a_maze_that_every_format_gives_back(grid: NDArray[np.bool_]) -> None:
    grid[0, 0] = True
    maze = mi.Maze(grid, (0, 0), None, "easy", 3)
    assert mi.Maze.from_ascii(maze.to_ascii(), "easy", 3) == maze
    assert pickle.loads(pickle.dumps(maze)) == maze
    assert maze_from_state(state_of_maze(maze)) == maze  # also in the looks of a level of another size
    assert maze.padded().size == WORLD_SIZE["easy"]
    for square in maze.squares[1:4]:
        with_cheese = maze.with_cheese(square)
        features, decision = mi.maze_features(with_cheese), with_cheese.decision_square
        assert (decision is None) == (features["steps_cheese_decision_square"] is None)
        assert math.isinf(maze.steps((0, 0), square)) or maze.steps((0, 0), square) == maze.steps(square, (0, 0))
    assert len(repr(maze)) < 400


@given(ANYTHING, ANYTHING, ANYTHING)
def test_a_square_is_taken_as_meant_or_refused(a: Any, b: Any, c: Any) -> None:
    calls: list[Callable[[Any], Any]] = [MAZE.with_cheese, MAZE.with_start, MAZE.distances, MAZE.region]
    for call in (*calls, lambda v: mi.Maze(v, a, b, c)):
        for value in (a, (a, b), [a, b, c]):
            assert "\n" not in (refusal(call, value) or "")
