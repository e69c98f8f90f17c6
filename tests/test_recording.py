"""Recording: the content, and what a kill leaves."""

from __future__ import annotations

import json
import multiprocessing
import time
from pathlib import Path
from threading import Lock
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from stores import BLOCK3, FC, LAYERS, files, recording

from maze_interp import (
    ActivationStore,
    LevelSet,
    Maze,
    MazeInterpError,
    Recording,
    maze_features,
    observe,
    record,
    to_input,
)
from maze_interp.commands.main import main
from maze_interp.environment.levels import region_maze
from maze_interp.environment.observe import FACINGS
from maze_interp.measure.evaluate import evaluate
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import agent_hash, write_weights
from maze_interp.results.run_directory import run_directory


@pytest.mark.parametrize(("mode", "cheese"), [("easy", "anywhere"), ("hard", 5), ("easy", "none")])
def test_content_equals_the_network_on_observations(untrained: Impala, mode: Any, cheese: Any, tmp_path: Path) -> None:
    store = record(recording(untrained, range(3, 6), mode=mode, cheese=cheese), tmp_path / "store", workers=1)
    assert store.levels == (3, 4, 5)
    assert store.settings["filters"] == ["the cheese's square"]
    for seed in store.levels:
        maze = region_maze(seed, cheese, mode) if isinstance(cheese, int) else Maze.from_seed(seed, mode)
        maze = maze.with_cheese(None) if cheese == "none" else maze
        squares = [square for square in maze.squares if square != maze.cheese]
        (expected,) = evaluate(untrained, [maze])
        for number, facing in enumerate(FACINGS):
            rows = np.arange(len(store))[store.level(seed)][number::2]
            assert store["square"][rows].tolist() == [list(square) for square in squares]
            assert (store["facing"][rows] == number).all()
            seen = observe(maze, squares, facing)
            assert np.array_equal(store["observation"][rows], seen)
            _, value, cache = untrained.run_with_cache(to_input(seen), LAYERS)
            for layer in LAYERS:
                assert np.allclose(store[layer][rows], cache[layer], rtol=0, atol=1e-5)
            assert np.allclose(store["value"][rows], value, rtol=0, atol=1e-5)
            assert np.allclose(store["probs"][rows], expected.probs[:, number], rtol=0, atol=1e-5)
            check_level_labels(store, rows, maze)


def check_level_labels(store: ActivationStore, rows: NDArray[np.intp], maze: Maze) -> None:
    assert (store["seed"][rows] == maze.seed).all()
    assert (store["size"][rows] == maze.size).all()
    assert (store["cheese"][rows] == (maze.cheese or (-1, -1))).all()
    values = np.array(list(maze_features(maze).values()), float)
    assert np.array_equal(store["features"][rows], np.tile(values, (len(rows), 1)), equal_nan=True)
    walls = store["walls"][rows][0]
    edge = (len(walls) - maze.size) // 2
    inside = slice(edge, edge + maze.size)
    assert np.array_equal(walls[inside, inside], ~maze.open)
    assert walls.sum() == walls.size - maze.open.sum()
    assert (store["walls"][rows] == walls).all()


def test_float16_is_float32_rounded(untrained: Impala, tmp_path: Path) -> None:
    def recorded(dtype: str) -> ActivationStore:  # in one shard, so that the same rows share a forward pass
        return record(recording(untrained, range(4), squares=5, dtype=dtype, shard_bytes=2**30), tmp_path / dtype)

    half, full = recorded("float16"), recorded("float32")
    for layer in LAYERS:
        assert half[layer].dtype == np.float16
        assert np.array_equal(half[layer][:], full[layer][:].astype(np.float16))
    assert half["value"].dtype == np.float64


def test_float16_overflow_is_an_error(tmp_path: Path) -> None:
    policy = Impala(1).eval().requires_grad_(False)
    policy.embedder.fc.bias.add_(70_000)
    with pytest.raises(MazeInterpError, match=r"embedder\.fc exceeds the range of float16; record it as float32"):
        record(recording(policy, range(1), squares=1, dtype="float16"), tmp_path / "store", workers=1)


def test_squares_are_drawn_by_the_level(untrained: Impala, store_path: Path, tmp_path: Path) -> None:
    store = ActivationStore(store_path)
    assert "all but 5 squares of each level, drawn by the level's seed" in store.settings["filters"]
    lone = recording(untrained, range(7, 9), squares=5, layers=[FC], facings=["left"])
    other = record(lone, tmp_path / "store", workers=1)
    assert "the facing right" in other.settings["filters"]
    for seed in (7, 8):
        drawn = store["square"][store.level(seed)]
        maze = Maze.from_seed(seed, "easy")
        assert len({tuple(square) for square in drawn.tolist()}) == min(5, len(maze.squares) - 1)
        assert np.array_equal(drawn[::2], other["square"][other.level(seed)])
    cornered = {tuple(store["square"][store.level(seed)][0]) for seed in store.levels}
    assert len(cornered) > 1


def test_a_level_lies_in_one_shard(store_path: Path) -> None:
    shards = sorted(store_path.glob("shard-*.h5"))
    assert len(shards) > 2
    seen: list[int] = []
    for shard in shards:
        with h5py.File(shard, "r") as file:
            seen += np.unique(file["seed"][:]).tolist()
    assert seen == list(range(20))


def test_resumed_after_kills_is_the_same(untrained: Impala, store_path: Path, tmp_path: Path) -> None:
    """Killed at random moments, most of them between new shards; what is finished opens and stays as it is."""
    out, wanted = tmp_path / "store", recording(untrained, range(20), squares=5)
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["maze_interp.recording.recorder"])
    moments = np.random.default_rng().uniform(0, 0.2, 6)
    finished: dict[str, int] = {}
    for number, moment in enumerate(moments):
        process = forks.Process(target=record, args=(wanted, out, 1))
        process.start()
        while number and process.is_alive() and len(list(out.glob("shard-*.h5"))) == len(finished):
            time.sleep(0.001)
        process.join(moment)
        process.kill()
        process.join()
        for shard in sorted(out.glob("shard-*.h5")):
            assert finished.setdefault(shard.name, shard.stat().st_ino) == shard.stat().st_ino, moments
            with h5py.File(shard, "r") as file:
                assert all(len(file[name][:]) == len(file["seed"]) for name in file)
    record(wanted, out, workers=1)
    assert files(out) == files(store_path), moments
    assert all((out / name).stat().st_ino == inode for name, inode in finished.items())
    before = {shard: shard.stat().st_mtime_ns for shard in out.glob("shard-*.h5")}
    record(wanted, out, workers=1)
    assert before == {shard: shard.stat().st_mtime_ns for shard in out.glob("shard-*.h5")}


def test_command_with_two_workers_records_the_same(
    untrained: Impala, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agent = tmp_path / "agent.safetensors"
    write_weights(untrained, agent)
    squares = ["--seeds", "0:30", "--squares", "8", "--facing", "left"]
    arguments = ["record", "--agent", str(agent), "--mode", "easy", "--layers", f"{FC}, {BLOCK3}_out", *squares]
    main([*arguments, "--out", str(tmp_path / "store"), "--workers", "2"])
    printed = capsys.readouterr().out
    levels = LevelSet(range(30), "easy")
    again = Recording(untrained, str(agent), levels, [FC, BLOCK3], squares=8, facings=["left"])
    alone = record(again, tmp_path / "alone", workers=1)
    assert printed.startswith(f"{len(alone)} observations of 30 levels")
    assert files(tmp_path / "store") == files(tmp_path / "alone")
    summary = json.loads((tmp_path / "store" / "summary.json").read_text())
    assert (summary["observations"], summary["levels"]) == (len(alone), 30)
    assert summary["agent_hash"] == agent_hash(untrained)


def test_hooks_outside_sleep_and_threads_are_given_back(untrained: Impala, store_path: Path, tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with untrained.hooks({FC: lambda activation, _: activation * 0}):
            record(recording(untrained, range(20), squares=5), tmp_path / "store", workers=1)
            untrained(torch.zeros(1, 3, 64, 64))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert files(tmp_path / "store") == files(store_path)


def test_a_second_writer_and_another_run_are_refused(untrained: Impala, store_copy: Path) -> None:
    wanted, before = recording(untrained, range(20), squares=5), files(store_copy)
    with (
        run_directory(store_copy, wanted.settings),
        pytest.raises(MazeInterpError, match="another process is writing to"),
    ):
        record(wanted, store_copy, workers=1)
    with pytest.raises(MazeInterpError, match="belongs to another run: its seeds is '0:20', not '0:21'"):
        record(recording(untrained, range(21), squares=5), store_copy, workers=1)
    assert files(store_copy) == before


@pytest.mark.parametrize("workers", [1, 2])
def test_hooks_of_a_block_do_not_act_in_a_recording(untrained: Impala, tmp_path: Path, workers: int) -> None:
    wanted = recording(untrained, range(3), squares=2)
    plain = record(wanted, tmp_path / "plain")
    lock = Lock()  # what no other process can be sent
    with untrained.hooks({"embedder.block1": lambda activation, layer: activation * 0 if lock else None}):
        untrained(torch.zeros(1, 3, 64, 64))
        hooked = record(recording(untrained, range(3), squares=2), tmp_path / "hooked", workers)
    for name in wanted.columns:
        assert np.array_equal(plain[name][:], hooked[name][:], equal_nan=True)


def test_a_float64_default_changes_nothing(untrained: Impala, store_path: Path, tmp_path: Path) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        again = record(recording(untrained, range(20), squares=5), tmp_path / "store")
    finally:
        torch.set_default_dtype(torch.float32)
    assert np.array_equal(again[FC][:], ActivationStore(store_path)[FC][:])
    assert np.array_equal(again["probs"][:], ActivationStore(store_path)["probs"][:])
