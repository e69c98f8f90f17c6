"""A store read back: unfinished, damaged, in columns, in batches, by several threads."""

from __future__ import annotations

import shutil
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from stores import BLOCK2, FC, recording

from maze_interp import (
    ActivationStore,
    MazeInterpError,
    record,
)
from maze_interp.policies.architectures.impala import Impala
from maze_interp.policies.checkpoints import agent_hash


def test_an_unfinished_store_is_named_and_read_on_request(store_copy: Path) -> None:
    whole = ActivationStore(store_copy)
    (store_copy / "shard-00001.h5").unlink()
    with pytest.raises(MazeInterpError, match=r"unfinished, \d+ of \d+ shards"):
        ActivationStore(store_copy)
    store = ActivationStore(store_copy, partial=True)
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
def test_a_damaged_shard_is_named_and_skipped_on_request(store_copy: Path, damage: Callable[[bytes], bytes]) -> None:
    shard = store_copy / "shard-00001.h5"
    shard.write_bytes(damage(shard.read_bytes()))
    with pytest.raises(MazeInterpError, match=r"shard-00001\.h5 is damaged .*; delete it and run") as raised:
        ActivationStore(store_copy)
    assert "\n" not in str(raised.value)
    assert ActivationStore(store_copy, partial=True).skipped == ("shard-00001.h5",)


def test_any_altered_byte_is_noticed_or_harmless(store_copy: Path) -> None:
    generator = np.random.default_rng(1)
    shard = store_copy / "shard-00001.h5"
    sound = shard.read_bytes()
    with h5py.File(shard, "r") as file:
        content = {name: file[name][:].tobytes() for name in file}
        first = int(file["seed"][0])
    noticed = 0
    for place in generator.integers(len(sound), size=40):
        shard.write_bytes(sound[:place] + bytes([sound[place] ^ int(generator.integers(1, 256))]) + sound[place + 1 :])
        store = ActivationStore(store_copy, partial=True)
        noticed += bool(store.skipped)
        if not store.skipped:
            start = store.level(first).start
            for name, column in content.items():
                rows = slice(start, start + len(column) // store[name][:1].nbytes)
                assert store[name][rows].tobytes() == column, (place, name)
    assert noticed > 30


def test_damage_found_while_reading_is_named(store_copy: Path) -> None:
    shard = store_copy / "shard-00002.h5"
    content = bytearray(shard.read_bytes())
    with h5py.File(shard, "r") as file:
        offset = file[BLOCK2].id.get_chunk_info(0).byte_offset
    content[offset + 100] ^= 1
    shard.write_bytes(content)
    store = ActivationStore(store_copy)
    assert len(store["value"][:]) == len(store)
    with pytest.raises(MazeInterpError, match=r"shard-00002\.h5 is damaged"):
        store[BLOCK2][:]
    with pytest.raises(MazeInterpError, match=r"shard-00002\.h5 is damaged"):
        list(store.batches(64, shuffle_seed=0))
    assert ActivationStore(store_copy, partial=True).skipped == ("shard-00002.h5",)


def test_what_is_no_store_is_said_in_one_line(
    untrained: Impala, store_path: Path, store_copy: Path, tmp_path: Path
) -> None:
    with pytest.raises(MazeInterpError, match="there is no activation store in"):
        ActivationStore(tmp_path / "nowhere")
    with pytest.raises(MazeInterpError, match="there is no activation store in"):
        ActivationStore(store_path / "shard-00000.h5")
    store = ActivationStore(store_path)
    store.require_agent(untrained)
    with pytest.raises(MazeInterpError, match=f"recorded from agent agent with weights {agent_hash(untrained)}, not"):
        store.require_agent(Impala(1))
    other = record(recording(untrained, range(20), squares=4), tmp_path / "other", workers=1)
    shutil.copy(other.path / "shard-00000.h5", store_copy)
    with pytest.raises(MazeInterpError, match=r"shard-00000\.h5 belongs to another store"):
        ActivationStore(store_copy)
    for content in ("{", "[]", '{"command": "sweep"}', '{"command": "record"}'):
        (store_copy / "run.json").write_text(content)
        with pytest.raises(MazeInterpError, match="activation store"):
            ActivationStore(store_copy)


def test_names_that_do_not_exist(untrained: Impala, store_path: Path) -> None:
    store = ActivationStore(store_path)
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


def test_columns_index_like_arrays(store_path: Path) -> None:
    store = ActivationStore(store_path)
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
    with h5py.File(store_path / "shard-00000.h5", "r") as file:
        assert np.array_equal(whole[: len(file[FC])], file[FC][:])


def test_batches_in_order_are_the_columns(store_path: Path) -> None:
    store = ActivationStore(store_path)
    for buffer in (1, 2**16, 2**28):
        batches = list(store.batches(7, buffer=buffer))
        assert {len(batch["seed"]) for batch in batches[:-1]} == {7}
        for name in store.columns:
            assert np.concatenate([batch[name] for batch in batches]).tobytes() == store[name][:].tobytes()


@pytest.mark.parametrize("buffer", [1, 2**17, 2**28])
def test_shuffled_batches_are_a_permutation(store_path: Path, buffer: int) -> None:
    store = ActivationStore(store_path)

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


def test_a_batch_mixes_levels(store_path: Path) -> None:
    store = ActivationStore(store_path)
    mixed = next(store.batches(32, ["seed"], shuffle_seed=0))
    in_order = next(store.batches(32, ["seed"]))
    assert len(set(mixed["seed"])) > 2 * len(set(in_order["seed"]))


@pytest.mark.parametrize("shuffle_seed", [None, 0])
def test_memory_of_batches_is_bounded(store_path: Path, shuffle_seed: int | None) -> None:
    store = ActivationStore(store_path)
    buffer = 2**21
    assert len(store) * 32 * 16 * 16 * 4 > 3 * buffer
    tracemalloc.start()
    for batch in store.batches(8, [BLOCK2], shuffle_seed=shuffle_seed, buffer=buffer):
        assert len(batch[BLOCK2])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * buffer + 2**20


def test_a_store_and_its_policy_serve_several_threads(store_path: Path) -> None:
    store = ActivationStore(store_path)
    alone = [store[FC][first::7] for first in range(7)]
    with ThreadPoolExecutor(4) as pool:
        for a, b in zip(alone, pool.map(lambda first: store[FC][first::7], range(7)), strict=True):
            assert np.array_equal(a, b)
    assert len(repr(store)) < 400
    assert "<td>20</td>" in store._repr_html_()


def test_what_no_row_is_is_refused(store_path: Path) -> None:
    store = ActivationStore(store_path)
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
