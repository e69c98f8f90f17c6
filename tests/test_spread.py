"""A real scheduler and real worker processes: whatever dies in the middle, the same bytes in the end."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import pytest
from distributed import Client
from small_mazes import SMALL

from maze_interp.commands.main import main
from maze_interp.sweeps.spread import cluster as local_cluster
from maze_interp.sweeps.spread import ordered

JOB, LEVELS = 16, len(SMALL)  # three whole jobs
PATIENCE = 200  # seconds until what must happen counts as not happening


class Cluster:
    """A dask scheduler and its workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.contact = folder / "scheduler.json"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
        wait_for(self.contact.exists)

    def add_worker(self, name: str) -> None:
        """A worker of one thread that nobody starts again."""
        self._start(name, "worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name)

    def kill(self, name: str) -> None:
        """End a process as a power cut does."""
        self.processes[name].kill()
        self.processes[name].wait()

    def pause(self, *names: str) -> None:
        """Stop processes where they are; they can still be killed."""
        for name in names:
            self.processes[name].send_signal(signal.SIGSTOP)

    @cached_property
    def address(self) -> str:
        with Client(scheduler_file=str(self.contact)) as client:
            return str(client.scheduler.address)

    def _start(self, name: str, kind: str, *options: str) -> None:
        program = [sys.executable, "-m", "dask", kind, "--scheduler-file", str(self.contact), *options]
        self.processes[name] = subprocess.Popen(
            program, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def wait_for(what: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def sweep(agent: Path, out: Path, *options: str) -> list[str]:
    settings = ["--mode", "easy", "--seeds", f"{SMALL.start}:{SMALL.stop}", "--horizon", "100"]
    return ["sweep", "--agent", str(agent), *settings, "--out", str(out), *options]


def start(agent: Path, out: Path, cluster: Cluster) -> subprocess.Popen[str]:
    """The command in a process of its own, on the cluster."""
    program = [sys.executable, "-m", "maze_interp.commands.main"]
    command = [*program, *sweep(agent, out, "--scheduler", cluster.address)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def one_line(command: subprocess.Popen[str]) -> str:
    """What a command that ends with status 2 says, beside its progress."""
    _, said = command.communicate(timeout=PATIENCE)
    assert command.returncode == 2
    lines = [line for line in said.splitlines() if line and f"/{LEVELS} [" not in line]
    assert len(lines) == 1, said
    return lines[0]


def files(out: Path) -> dict[str, bytes]:
    found = (path for path in sorted(out.rglob("*")) if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(out)): path.read_bytes() for path in found}


def rows_in(out: Path) -> int:
    """Rows of finished parts, or of the whole table."""
    run = out / "rows" / "levels"
    parts = sum(path.read_bytes().count(b"\n") for path in run.glob("parts/*.csv"))
    return LEVELS if (run / "levels.csv").exists() else parts


@pytest.fixture(scope="module")
def finished(agent: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed run on this machine."""
    out = tmp_path_factory.mktemp("finished") / "run"
    main(sweep(agent, out, "--workers", "1"))
    return out


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    started = Cluster(tmp_path)
    try:
        yield started
    finally:
        for name in started.processes:
            started.kill(name)


def test_killed_workers_change_no_byte(agent: Path, cluster: Cluster, finished: Path, tmp_path: Path) -> None:
    """First one of two with work in hand; then the other one, the last to hold the network, and a third comes."""
    cluster.add_worker("one")
    cluster.add_worker("two")
    out = tmp_path / "spread"
    with Client(cluster.address) as client:
        client.wait_for_workers(2, timeout=PATIENCE)
        names = {address: one["name"] for address, one in client.scheduler_info(n_workers=-1)["workers"].items()}
        command = start(agent, out, cluster)
        wait_for(lambda: rows_in(out) >= JOB)
        cluster.pause("one", "two")  # else all might be done before the first is missed
        busy = next(address for address, work in client.processing().items() if work)
        cluster.kill(names.pop(busy))
        wait_for(lambda: client.nthreads().keys() == names.keys())
        assert rows_in(out) < LEVELS
        cluster.kill(*names.values())
        cluster.add_worker("three")
        _, said = command.communicate(timeout=PATIENCE)
    assert command.returncode == 0, said
    assert files(out) == files(finished)


def test_a_scheduler_that_goes_away_loses_nothing(
    agent: Path, cluster: Cluster, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.add_worker("one")
    out = tmp_path / "spread"
    command = start(agent, out, cluster)
    wait_for(lambda: rows_in(out) >= JOB)
    cluster.kill("scheduler")
    assert one_line(command) == "maze-interp: the dask scheduler went away; what was finished is kept"
    kept = files(out)
    parts = [content for path, content in kept.items() if "/parts/" in path]
    assert parts
    assert all(content in (finished / "levels.csv").read_bytes() for content in parts)
    assert rows_in(out) in range(JOB, LEVELS, JOB)
    with pytest.raises(SystemExit, match="2"):
        main(sweep(agent, out, "--scheduler", cluster.address))
    assert f"maze-interp: no dask scheduler answers at {cluster.address}: " in capsys.readouterr().err
    assert files(out) == kept


def test_ctrl_c_to_all_processes_is_one_line_and_resumed(agent: Path, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    program = [sys.executable, "-m", "maze_interp", *sweep(agent, out, "--workers", "2")]
    command = subprocess.Popen(
        program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for(lambda: rows_in(out) >= JOB or command.poll() is not None)
    os.killpg(command.pid, signal.SIGINT)
    _, said = command.communicate(timeout=PATIENCE)
    if command.returncode == 0:
        pytest.skip("the run ended before it could be stopped")
    lines = [line for line in said.splitlines() if line and f"/{LEVELS} [" not in line]
    assert lines == ["maze-interp: stopped; the same command resumes the run"], said
    assert command.returncode == 130
    main(sweep(agent, out, "--workers", "1"))
    assert files(out) == files(finished)


def _marked(shared: dict[str, int], job: int) -> bool:
    """Whether nobody but this thread has had its hands on what is shared."""
    mine = threading.get_ident()
    time.sleep(0.05)  # so that every thread gets some of the jobs
    return shared.setdefault("owner", mine) == mine


def test_no_two_threads_work_on_one_network() -> None:
    shared: dict[str, int] = {}
    with Client(processes=False, n_workers=2, threads_per_worker=2, dashboard_address=None) as client:
        assert all(ordered(client, _marked, shared, range(16)))
    assert shared == {}


def test_local_workers_write_no_traceback_while_they_stop() -> None:
    with local_cluster(2) as client:
        assert client is not None
        levels = client.run(lambda: logging.getLogger("distributed.worker").getEffectiveLevel())
    assert set(levels.values()) == {logging.CRITICAL}
