"""`record`: activations over many levels to disk, shard by shard, resumed after any stop."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

from tqdm import tqdm

from maze_interp.arguments import checked, file_path, whole
from maze_interp.policies.hooks import without_hooks
from maze_interp.recording.recording import Recording
from maze_interp.recording.shards import shard_image, shard_name
from maze_interp.recording.store import ActivationStore
from maze_interp.results.files import PARTIAL, write_json, write_with
from maze_interp.results.run_directory import run_directory
from maze_interp.sweeps.spread import check_workers, cluster, ordered


@checked
def record(
    recording: Recording,
    out: Annotated[str | Path, file_path],
    workers: Annotated[int, whole(1)] | None = 1,
    scheduler: str | None = None,
) -> ActivationStore:
    """Record, or go on with a recording that was stopped; the content does not depend on the workers.

    Workers only compute; this process alone writes, each shard whole and once. Hooks of `policy.hooks` do not act
    meanwhile; torch's own are refused.

    Args:
        recording: what to record.
        out: the store's folder.
        workers: processes, each on one thread: 1 for this process itself, None for one per core.
        scheduler: address of a dask scheduler to use instead.

    Returns:
        the store, complete.

    Raises:
        MazeInterpError: the folder belongs to another run, holds something else, or is being
            written by another process; no scheduler answers; a layer exceeds float16's range; a
            shard recorded earlier is damaged.
    """
    check_workers(workers, scheduler)
    recording = replace(recording)  # what it knows of the network may be from before a change of it
    with without_hooks(), run_directory(Path(out), recording.settings) as folder:
        for leftover in folder.glob(f"*{PARTIAL}"):
            leftover.unlink()
        missing = [n for n in range(len(recording.shards)) if not (folder / shard_name(n)).exists()]
        if missing:
            _record_shards(recording, missing, folder, workers, scheduler)
        store = ActivationStore(folder)
        _write_summary(store, folder)
    return store


def _record_shards(
    recording: Recording, numbers: list[int], out: Path, workers: int | None, scheduler: str | None
) -> None:
    levels = len(recording.levels.seeds)
    done = levels - sum(len(recording.shards[number]) for number in numbers)
    jobs = [recording.shards[number] for number in numbers]
    with (
        cluster(workers, scheduler) as client,
        tqdm(total=levels, initial=done, unit="level") as bar,
        ThreadPoolExecutor(1) as writer,  # the disk is waited for while the next shard is made
    ):
        written: Future[Path] | None = None
        for number, image in zip(numbers, ordered(client, shard_image, recording, jobs), strict=True):
            if written is not None:
                written.result()
            write = partial(Path.write_bytes, data=image)
            written = writer.submit(write_with, out / shard_name(number), write, durable=True)
            bar.update(len(recording.shards[number]))
        if written is not None:
            written.result()


def _write_summary(store: ActivationStore, out: Path) -> None:
    size = sum(path.stat().st_size for path in out.glob("shard-*.h5"))
    summary = {**store.settings, "observations": len(store), "levels": len(store.levels), "bytes": size}
    write_json(out / "summary.json", summary)
