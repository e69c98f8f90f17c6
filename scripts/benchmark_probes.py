"""Time and memory of a probe fitted from a store on disk, and whether it finds the code planted there.

    python scripts/benchmark_probes.py

writes a store of correlated activations, fits a probe to it in a process of its own, and prints wall-clock
and processor time, the largest memory of that process, and the score on levels that were not fitted to.
Timings decide no test.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import torch
from numpy.typing import NDArray

from maze_interp import ActivationStore
from maze_interp.commands.options import run_script
from maze_interp.probing.fitting import ESTIMATORS
from maze_interp.probing.kinds import ProbeKind
from maze_interp.probing.rows import Rows
from maze_interp.recording.shards import BLOCK, shard_name
from maze_interp.studies.options import Reals

LAYER, SIDE, PER_LEVEL, SHARD = "embedder.block2.res1.resadd", 16, 10, 2000
HIDDEN, NOISE = 512, 0.05
"""Directions that the activations share, the k-th of size 1 / k, and the noise on every feature: about as correlated
as a layer of an agent."""
CODE = 20
"""The class is the largest of the hidden variables from this one on."""


def main(
    rows: int = 50_000,
    features: int = 8192,
    classes: int = 25,
    C: Reals = (1e-3,),
    folds: int = 3,
    dtype: str = "float16",
    threads: int = 2,
    kind: ProbeKind = "logistic",
) -> None:
    """Fit a probe to a store with a planted code, and print time, memory and score.

    Args:
        rows: Observations fitted to; a tenth as many more are scored on.
        features: Features, a multiple of 256.
        classes: Classes.
        C: Inverse of the penalty's weight; several are chosen from by cross-validation.
        folds: Of that cross-validation.
        dtype: Of the store, float16 or float32.
        threads: Processor cores.
        kind: Logistic or ridge-classes, fitted to the classes, or ridge, to the code itself; alphas are 1 / C.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_store(Path(folder), rows + rows // 10, features, classes, dtype)
        with multiprocessing.get_context("spawn").Pool(1) as pool:  # whose largest memory is that of the fit alone
            print(pool.apply(fit, (Path(folder), rows, list(C), folds, threads, kind)))


def fit(path: Path, rows: int, C: list[float], folds: int, threads: int, kind: ProbeKind) -> str:
    """Fit to the first rows and score on the rest: the figures in a line."""
    torch.set_num_threads(threads)
    store = ActivationStore(path)
    everything = np.arange(len(store))
    y, levels = store["code" if kind == "ridge" else "class"][:], store["seed"][:]
    probe = ESTIMATORS[kind](C if kind == "logistic" else [1 / one for one in C], folds)
    clock, processor = time.perf_counter(), time.process_time()
    probe.fit(Rows(store[LAYER], everything[:rows]), y[:rows], levels[:rows])
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    score = probe.score(Rows(store[LAYER], everything[rows:]), y[rows:])
    return (
        f"{probe}: {rows} × {probe.n_features_in_} {store[LAYER].dtype} in {clock:.0f} s, {processor:.0f} s of "
        f"processor time on {threads} threads, {peak:.2f} GB at most, score on other levels {score:.3f}"
    )


def write_store(path: Path, rows: int, features: int, classes: int, dtype: str) -> None:
    """A store with a layer, the level of each row, its hidden code and its class."""
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        LAYER: (dtype, (features // SIDE**2, SIDE, SIDE)),
        "seed": ("int32", ()),
        "code": ("float64", (classes,)),
        "class": ("int16", ()),
    }
    settings = {
        "command": "record",
        "agent": "planted",
        "agent_hash": "none",
        "seeds": f"0:{-(-rows // PER_LEVEL)}",
        "layers": [LAYER],
        "columns": {name: {"dtype": kind, "shape": shape} for name, (kind, shape) in shapes.items()},
        "shards": -(-rows // SHARD),
    }
    (path / "run.json").write_text(json.dumps(settings))
    settings = json.loads(json.dumps(settings))
    for number, columns in enumerate(planted(rows, features, classes)):
        with h5py.File(path / shard_name(number), "w", libver="v110") as file:
            file.attrs["settings"] = np.bytes_(json.dumps(settings))
            for name, (kind, shape) in shapes.items():
                values = columns[name].astype(kind).reshape(-1, *shape)
                file.create_dataset(
                    name, data=values, chunks=(BLOCK, *shape), shuffle=True, fletcher32=True, **hdf5plugin.Zstd(-1)
                )


def planted(rows: int, features: int, classes: int) -> Iterator[dict[str, NDArray[Any]]]:
    """The columns, shard by shard."""
    random = np.random.default_rng(0)
    mixing = (random.normal(size=(HIDDEN, features)) / np.arange(1, HIDDEN + 1)[:, None]).astype(np.float32)
    for first in range(0, rows, SHARD):
        number = np.arange(first, min(first + SHARD, rows))
        hidden = random.normal(size=(len(number), HIDDEN)).astype(np.float32)
        noise = NOISE * random.normal(size=(len(number), features)).astype(np.float32)
        code = hidden[:, CODE : CODE + classes]
        yield {LAYER: hidden @ mixing + noise, "seed": number // PER_LEVEL, "code": code, "class": code.argmax(1)}


if __name__ == "__main__":
    run_script(main)
