"""Recording: the content, what a kill or damage leaves, and reading it back."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

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
from maze_interp.environment.levels import region_maze
from maze_interp.environment.observe import FACINGS
from maze_interp.measure.evaluate import evaluate
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import agent_hash, write_weights
from maze_interp.results.run_directory import run_directory

BLOCK2, BLOCK3, FC = LAYERS = ("embedder.block2.res1.resadd", "embedder.block3", "embedder.fc")
SHARD_BYTES = 2**20  # a level or two


def recording(policy: Impala, seeds: range, **options: Any) -> Recording:
    levels = LevelSet(seeds, options.pop("mode", "easy"), options.pop("cheese", "anywhere"))
    return Recording(policy, "agent", levels, **{"layers": LAYERS, "shard_bytes": SHARD_BYTES, **options})


@pytest.fixture(scope="module")
def path(untrained: Impala, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five squares, both facings, of twenty levels, in several shards."""
    out = tmp_path_factory.mktemp("store") / "store"
    record(recording(untrained, range(20), squares=5), out, workers=1)
    return out


@pytest.fixture
def copy(path: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(path, tmp_path / "copy"))


def files(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(out.iterdir()) if file.name != ".lock"}


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


def test_squares_are_drawn_by_the_level(untrained: Impala, path: Path, tmp_path: Path) -> None:
    store = ActivationStore(path)
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


def test_a_level_lies_in_one_shard(path: Path) -> None:
    shards = sorted(path.glob("shard-*.h5"))
    assert len(shards) > 2
    seen: list[int] = []
    for shard in shards:
        with h5py.File(shard, "r") as file:
            seen += np.unique(file["seed"][:]).tolist()
    assert seen == list(range(20))


def test_resumed_after_kills_is_the_same(untrained: Impala, path: Path, tmp_path: Path) -> None:
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
    assert files(out) == files(path), moments
    assert all((out / name).stat().st_ino == inode for name, inode in finished.items())
    before = {shard: shard.stat().st_mtime_ns for shard in out.glob("shard-*.h5")}
    record(wanted, out, workers=1)
    assert before == {shard: shard.stat().st_mtime_ns for shard in out.glob("shard-*.h5")}


def test_command_with_two_workers_records_the_same(untrained: Impala, tmp_path: Path) -> None:
    agent = tmp_path / "agent.safetensors"
    write_weights(untrained, agent)
    program = [sys.executable, "-m", "maze_interp.commands.main", "record", "--agent", str(agent), "--mode", "easy"]
    arguments = [*program, "--seeds", "0:60", "--squares", "8", "--layers", f"{FC}, {BLOCK3}_out", "--facing", "left"]
    out = ["--out", str(tmp_path / "store")]
    done = subprocess.run([*arguments, *out, "--workers", "2"], capture_output=True, text=True, check=True)
    levels = LevelSet(range(60), "easy")
    again = Recording(untrained, str(agent), levels, [FC, BLOCK3], squares=8, facings=["left"])
    alone = record(again, tmp_path / "alone", workers=1)
    assert done.stdout.startswith(f"{len(alone)} observations of 60 levels")
    assert files(tmp_path / "store") == files(tmp_path / "alone")
    summary = json.loads((tmp_path / "store" / "summary.json").read_text())
    assert (summary["observations"], summary["levels"]) == (len(alone), 60)
    assert summary["agent_hash"] == agent_hash(untrained)


def test_hooks_outside_sleep_and_threads_are_given_back(untrained: Impala, path: Path, tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with untrained.hooks({FC: lambda activation, _: activation * 0}):
            record(recording(untrained, range(20), squares=5), tmp_path / "store", workers=1)
            untrained(torch.zeros(1, 3, 64, 64))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert files(tmp_path / "store") == files(path)


def test_a_second_writer_and_another_run_are_refused(untrained: Impala, copy: Path) -> None:
    wanted, before = recording(untrained, range(20), squares=5), files(copy)
    with run_directory(copy, wanted.settings), pytest.raises(MazeInterpError, match="another process is writing to"):
        record(wanted, copy, workers=1)
    with pytest.raises(MazeInterpError, match="belongs to another run: its seeds is '0:20', not '0:21'"):
        record(recording(untrained, range(21), squares=5), copy, workers=1)
    assert files(copy) == before


def test_an_unfinished_store_is_named_and_read_on_request(copy: Path) -> None:
    whole = ActivationStore(copy)
    (copy / "shard-00001.h5").unlink()
    with pytest.raises(MazeInterpError, match=r"unfinished, \d+ of \d+ shards"):
        ActivationStore(copy)
    store = ActivationStore(copy, partial=True)
    assert store.skipped == ("shard-00001.h5",)
    assert 0 < len(store.levels) < len(whole.levels)
    for seed in store.levels:
        assert np.array_equal(store[FC][store.level(seed)], whole[FC][whole.level(seed)])


def cut_short(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def emptied(content: bytes) -> bytes:
    return b""


def overwritten(content: bytes) -> bytes:
    return b"not an HDF5 file" * (len(content) // 16)


@pytest.mark.parametrize("damage", [cut_short, emptied, overwritten])
def test_a_damaged_shard_is_named_and_skipped_on_request(copy: Path, damage: Callable[[bytes], bytes]) -> None:
    shard = copy / "shard-00001.h5"
    shard.write_bytes(damage(shard.read_bytes()))
    with pytest.raises(MazeInterpError, match=r"shard-00001\.h5 is damaged .*; delete it and run") as raised:
        ActivationStore(copy)
    assert "\n" not in str(raised.value)
    assert ActivationStore(copy, partial=True).skipped == ("shard-00001.h5",)


def test_any_altered_byte_is_noticed_or_harmless(copy: Path) -> None:
    generator = np.random.default_rng(1)
    shard = copy / "shard-00001.h5"
    sound = shard.read_bytes()
    with h5py.File(shard, "r") as file:
        content = {name: file[name][:].tobytes() for name in file}
        first = int(file["seed"][0])
    noticed = 0
    for place in generator.integers(len(sound), size=40):
        shard.write_bytes(sound[:place] + bytes([sound[place] ^ int(generator.integers(1, 256))]) + sound[place + 1 :])
        store = ActivationStore(copy, partial=True)
        noticed += bool(store.skipped)
        if not store.skipped:
            start = store.level(first).start
            for name, column in content.items():
                rows = slice(start, start + len(column) // store[name][:1].nbytes)
                assert store[name][rows].tobytes() == column, (place, name)
    assert noticed > 30


def test_damage_found_while_reading_is_named(copy: Path) -> None:
    shard = copy / "shard-00002.h5"
    content = bytearray(shard.read_bytes())
    with h5py.File(shard, "r") as file:
        offset = file[BLOCK2].id.get_chunk_info(0).byte_offset
    content[offset + 100] ^= 1
    shard.write_bytes(content)
    store = ActivationStore(copy)
    assert len(store["value"][:]) == len(store)
    with pytest.raises(MazeInterpError, match=r"shard-00002\.h5 is damaged"):
        store[BLOCK2][:]
    with pytest.raises(MazeInterpError, match=r"shard-00002\.h5 is damaged"):
        list(store.batches(64, shuffle_seed=0))
    assert ActivationStore(copy, partial=True).skipped == ("shard-00002.h5",)


def test_what_is_no_store_is_said_in_one_line(untrained: Impala, path: Path, copy: Path, tmp_path: Path) -> None:
    with pytest.raises(MazeInterpError, match="there is no activation store in"):
        ActivationStore(tmp_path / "nowhere")
    with pytest.raises(MazeInterpError, match="there is no activation store in"):
        ActivationStore(path / "shard-00000.h5")
    store = ActivationStore(path)
    store.require_agent(untrained)
    with pytest.raises(MazeInterpError, match=f"recorded from agent agent with weights {agent_hash(untrained)}, not"):
        store.require_agent(Impala(1))
    other = record(recording(untrained, range(20), squares=4), tmp_path / "other", workers=1)
    shutil.copy(other.path / "shard-00000.h5", copy)
    with pytest.raises(MazeInterpError, match=r"shard-00000\.h5 belongs to another store"):
        ActivationStore(copy)
    for content in ("{", "[]", '{"command": "sweep"}', '{"command": "record"}'):
        (copy / "run.json").write_text(content)
        with pytest.raises(MazeInterpError, match="activation store"):
            ActivationStore(copy)


def test_names_that_do_not_exist(untrained: Impala, path: Path) -> None:
    store = ActivationStore(path)
    assert np.array_equal(store[f"{FC}_out"][:3], store[FC][:3])
    with pytest.raises(MazeInterpError, match=r"recorded layer or label 'embedder\.relufc': did you mean embedder\.fc"):
        store["embedder.relufc"]
    with pytest.raises(MazeInterpError, match="level 20 is not in"):
        store.level(20)
    with pytest.raises(MazeInterpError, match="unknown recorded layer or label 'walls_'"):
        store.batches(4, ["walls_"])
    refused: dict[str, dict[str, Any]] = {
        "unknown layer 'embedder.fd': did you mean": {"layers": ["embedder.fd"]},
        "layers is empty": {"layers": []},
        "squares is a whole number from 1": {"squares": 0},
        "unknown facing 'up'": {"facings": ["up"]},
        "unknown dtype 'float64'": {"dtype": "float64"},
    }
    for message, options in refused.items():
        with pytest.raises(MazeInterpError, match=message):
            recording(untrained, range(1), **options)


def test_columns_index_like_arrays(path: Path) -> None:
    store = ActivationStore(path)
    whole = store[FC][:]
    assert store[FC].shape == whole.shape == (len(store), 256)
    assert store[FC].dtype == whole.dtype == np.float32
    generator = np.random.default_rng(0)
    picks: list[Any] = [0, -1, slice(3, 90), slice(None, None, 7), slice(50, 10, -3), slice(9, 9), [5, 5, 0]]
    picks += [generator.permutation(len(store)), generator.random(len(store)) < 0.3, np.arange(len(store))[::-1]]
    for pick in picks:
        assert np.array_equal(store[FC][pick], whole[pick]), pick
    with pytest.raises(IndexError):
        store[FC][len(store)]
    with h5py.File(path / "shard-00000.h5", "r") as file:
        assert np.array_equal(whole[: len(file[FC])], file[FC][:])


def test_batches_in_order_are_the_columns(path: Path) -> None:
    store = ActivationStore(path)
    for buffer in (1, 2**16, 2**28):
        batches = list(store.batches(7, buffer=buffer))
        assert {len(batch["seed"]) for batch in batches[:-1]} == {7}
        for name in store.columns:
            assert np.concatenate([batch[name] for batch in batches]).tobytes() == store[name][:].tobytes()


@pytest.mark.parametrize("buffer", [1, 2**17, 2**28])
def test_shuffled_batches_are_a_permutation(path: Path, buffer: int) -> None:
    store = ActivationStore(path)

    def epoch(seed: int, **options: Any) -> dict[str, NDArray[Any]]:
        batches = list(store.batches(16, [FC, "seed", "square", "facing"], shuffle_seed=seed, buffer=buffer, **options))
        assert {len(batch[FC]) for batch in batches[:-1]} == {16}
        return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}

    keys = ("seed", "square", "facing")
    mixed, plain = epoch(0), {name: store[name][:] for name in (FC, *keys)}
    order = np.lexsort([*mixed["square"].T, mixed["facing"], mixed["seed"]])
    order_plain = np.lexsort([*plain["square"].T, plain["facing"], plain["seed"]])
    for name in plain:
        assert np.array_equal(mixed[name][order], plain[name][order_plain])
    assert not np.array_equal(mixed[FC], plain[FC])
    assert np.array_equal(epoch(0)[FC], mixed[FC])
    assert not np.array_equal(epoch(1)[FC], mixed[FC])
    some = epoch(2, levels=[3, 17, 4])
    assert sorted(some["seed"]) == sorted(plain["seed"][np.isin(plain["seed"], [3, 17, 4])])


def test_a_batch_mixes_levels(path: Path) -> None:
    store = ActivationStore(path)
    mixed = next(store.batches(32, ["seed"], shuffle_seed=0))
    in_order = next(store.batches(32, ["seed"]))
    assert len(set(mixed["seed"])) > 2 * len(set(in_order["seed"]))


@pytest.mark.parametrize("shuffle_seed", [None, 0])
def test_memory_of_batches_is_bounded(path: Path, shuffle_seed: int | None) -> None:
    store = ActivationStore(path)
    buffer = 2**21
    assert len(store) * 32 * 16 * 16 * 4 > 3 * buffer
    tracemalloc.start()
    for batch in store.batches(8, [BLOCK2], shuffle_seed=shuffle_seed, buffer=buffer):
        assert len(batch[BLOCK2])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * buffer + 2**20


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


def test_a_store_and_its_policy_serve_several_threads(path: Path) -> None:
    store = ActivationStore(path)
    alone = [store[FC][first::7] for first in range(7)]
    with ThreadPoolExecutor(4) as pool:
        for a, b in zip(alone, pool.map(lambda first: store[FC][first::7], range(7)), strict=True):
            assert np.array_equal(a, b)
    assert len(repr(store)) < 400
    assert "<td>20</td>" in store._repr_html_()


def test_a_float64_default_changes_nothing(untrained: Impala, path: Path, tmp_path: Path) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        again = record(recording(untrained, range(20), squares=5), tmp_path / "store")
    finally:
        torch.set_default_dtype(torch.float32)
    assert np.array_equal(again[FC][:], ActivationStore(path)[FC][:])
    assert np.array_equal(again["probs"][:], ActivationStore(path)["probs"][:])


def test_what_no_row_is_is_refused(path: Path) -> None:
    store = ActivationStore(path)
    wrong: list[Any] = [1.5, "3", [0.0, 1.0], None, [[1]], ["a"]]
    for index in wrong:
        with pytest.raises(MazeInterpError, match="rows are a number, a slice"):
            store[FC][index]
    for rows in ([-1], [len(store)], [0.5], [True]):
        with pytest.raises(MazeInterpError, match="rows are whole numbers from 0 to"):
            store.read([FC], rows)  # type: ignore[arg-type]
    calls: list[Callable[[Any], Any]] = [store.level, store.batches, lambda value: store.batches(1, shuffle_seed=value)]
    for call in calls:
        for value in (1.0, "1", True, -1):
            with pytest.raises(MazeInterpError, match="is a whole number from"):
                call(value)
