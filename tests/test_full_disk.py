"""A disk that fills up: one line, status 2, what was finished as it was, and resumed once there is room."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_mazes import SMALL

from maze_interp import LevelSet, Recording, load_network
from maze_interp.commands.main import main
from maze_interp.recording.recorder import record
from maze_interp.sweeps.spread import cluster
from maze_interp.training import card

KIB = 1024
ROOMY = 64 * KIB * KIB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own."""
    path = tmp_path / "disk"
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


def resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)


def files(out: Path) -> dict[str, bytes]:
    """What is there but locks and, of a training, what depends on the clock."""
    hidden = (".lock", "checkpoint.pt", "curve.jsonl", "README.md")
    found = (path for path in sorted(out.rglob("*")) if path.is_file() and path.name not in hidden)
    return {str(path.relative_to(out)): path.read_bytes() for path in found}


def stops(capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
    """The command ends with status 2 and one line."""
    with pytest.raises(SystemExit, match="2"):
        main(list(arguments))
    lines = [line for line in capsys.readouterr().err.replace("\r", "\n").splitlines() if line and "%|" not in line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("maze-interp: No space left on device"), lines


def check(disk: Path, size: int, finished: Path, capsys: pytest.CaptureFixture[str], *command: str) -> None:
    """Fill the disk, look at what is left, make room, and compare with an undisturbed run."""
    whole, out = files(finished), disk / "run"
    resize(disk, size)
    stops(capsys, *command, "--out", str(out))
    for name, content in files(out).items():  # what is there besides is unfinished work, of whole files
        assert not name.endswith(".partial")
        assert whole.get(name, content) == content, name
    parts = [path.read_text() for path in out.rglob("parts/*.csv")]
    resize(disk, ROOMY)
    main([*command, "--out", str(out)])
    assert files(out) == whole
    assert all(part in (out / "levels.csv").read_text() for part in parts)


@pytest.fixture(scope="module")
def swept(agent: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """An undisturbed sweep of three jobs, and its command."""
    out = tmp_path_factory.mktemp("swept") / "run"
    levels = ["--mode", "easy", "--seeds", f"{SMALL.start}:{SMALL.stop}", "--horizon", "20"]
    command = ["sweep", "--agent", str(agent), *levels, "--workers", "1"]
    main([*command, "--out", str(out)])
    return out, command


@pytest.mark.parametrize("room", [4, 16, 24, 100])
def test_sweep(room: int, disk: Path, swept: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    """Full before the first part, among the parts, at the table, among the pictures."""
    check(disk, room * KIB, swept[0], capsys, *swept[1])


def test_record(disk: Path, agent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["record", "--agent", str(agent), "--mode", "easy", "--seeds", "0:4", "--squares", "4", "--workers", "1"]
    main([*command, "--out", str(tmp_path / "whole")])
    check(disk, 64 * KIB, tmp_path / "whole", capsys, *command)


def test_finished_shards_stay(disk: Path, agent: Path, tmp_path: Path) -> None:
    recording = Recording(load_network(agent), "a", LevelSet(range(6), "easy"), "embedder.fc", squares=4, shard_bytes=1)
    record(recording, tmp_path / "whole")
    whole = files(tmp_path / "whole")
    resize(disk, sum(len(whole[f"shard-{number:05}.h5"]) for number in range(3)) + 16 * KIB)
    with pytest.raises(OSError, match="No space left"):
        record(recording, disk / "run")
    kept = files(disk / "run")
    assert kept
    assert all(whole[name] == content for name, content in kept.items())
    assert any(name.endswith(".h5") for name in kept)
    before = {path.name: path.stat().st_mtime_ns for path in (disk / "run").glob("*.h5")}
    resize(disk, ROOMY)
    record(recording, disk / "run")
    assert files(disk / "run") == whole
    assert all((disk / "run" / name).stat().st_mtime_ns == time for name, time in before.items())


TRAINING: dict[str, Callable[[int], str]] = {
    "exact": lambda steps: (
        f"method: exact\nname: tiny\nregion: 1\nupdates: {steps}\nlevels: 2\nstates: 16\nhistory: 3\n"
    ),
    "imitation": lambda steps: f"method: imitation\nname: tiny\nregion: 1\nsamples: {16 * steps}\nbatch: 16\n",
}


@pytest.mark.parametrize("method", TRAINING)
def test_train(
    method: str, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Full at the checkpoint."""
    monkeypatch.setattr(card.bundle_agent, "__defaults__", (2,))  # levels to measure it on
    config = tmp_path / "tiny.yaml"
    config.write_text(f"{TRAINING[method](3)}value_levels: 2\n")
    command = ["train", str(config)]
    with cluster(1):  # measuring in this process
        main([*command, "--out", str(tmp_path / "whole")])
        check(disk, 2000 * KIB, tmp_path / "whole", capsys, *command)
