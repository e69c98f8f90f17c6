"""Kill a recording with SIGKILL at random moments, go on with it, and compare it with one that was left alone.

    python scripts/kill_recording.py

After every kill each finished shard is opened and read to its end, and must be the file it was before.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from pathlib import Path

import h5py
import numpy as np

from maze_interp import DEFAULT_AGENT, LevelSet, Recording, load_policy, record
from maze_interp.commands.options import run_script

FORKS = multiprocessing.get_context("forkserver")


def main(runs: int = 20, kills: int = 10, levels: int = 30, seed: int = 0) -> None:
    """Kill recordings at random moments and resume them: a line per run, an error at the first difference.

    Args:
        runs: Recordings.
        kills: Kills in each.
        levels: Levels recorded in each.
        seed: Of the moments.
    """
    FORKS.set_forkserver_preload(["maze_interp.recording.recorder"])
    policy = load_policy(DEFAULT_AGENT)
    layers = ("embedder.block2.res1.resadd", "embedder.block3", "embedder.fc")
    wanted = Recording(policy, DEFAULT_AGENT, LevelSet(range(levels), "easy"), layers, squares=4, shard_bytes=2**20)
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        record(wanted, Path(folder) / "alone", workers=1)
        for run in range(runs):
            out = Path(folder) / f"run-{run}"
            shards = [kill(wanted, out, random.uniform(0, 0.3), number % 3 > 0) for number in range(kills)]
            record(wanted, out, workers=1)
            if contents(out) != contents(Path(folder) / "alone"):
                raise SystemExit(f"run {run} differs from the recording that was left alone")
            print(f"run {run}: shards after each kill {shards}, then the same as undisturbed")


def kill(wanted: Recording, out: Path, after: float, past_shard: bool) -> int:
    """Let a recording run for `after` seconds past its next shard, or its start; returns its finished shards."""
    before = contents(out)
    process = FORKS.Process(target=record, args=(wanted, out, 1))
    process.start()
    while past_shard and process.is_alive() and len(list(out.glob("shard-*.h5"))) <= shards_in(before):
        process.join(0.001)
    process.join(after)
    process.kill()
    process.join()
    now = contents(out)
    if any(now[name] != before[name] for name in before if name.startswith("shard-")):
        raise SystemExit("a finished shard was written again")
    for name in now:
        if name.endswith(".h5"):
            with h5py.File(out / name, "r") as file:
                if any(len(file[column][:]) != len(file["seed"]) for column in file):
                    raise SystemExit(f"{name} is not whole")
    return shards_in(now)


def shards_in(files: dict[str, bytes]) -> int:
    """How many of the files are finished shards."""
    return sum(name.endswith(".h5") for name in files)


def contents(out: Path) -> dict[str, bytes]:
    """The files of a store but for its lock and what is not finished."""
    if not out.exists():
        return {}
    hidden = (".lock", ".partial")
    return {file.name: file.read_bytes() for file in sorted(out.iterdir()) if not file.name.endswith(hidden)}


if __name__ == "__main__":
    run_script(main)
