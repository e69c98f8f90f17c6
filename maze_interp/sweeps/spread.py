"""Spread jobs over processes or machines by dask.distributed, and take the results in order."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from maze_interp.arguments import as_whole, shown, text
from maze_interp.environment.assets import MAZES_ONLY
from maze_interp.errors import MazeInterpError, OptionError
from maze_interp.sweeps.quiet import quiet

if TYPE_CHECKING:
    from distributed import Client

Job = TypeVar("Job")
Result = TypeVar("Result")

# Dask gives freed memory back to the system at once, so that every forward pass requests it again: three times slower.
# A worker that is asked to stop in a heartbeat would write a traceback; errors of jobs come back by themselves.
_ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(2**26),
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "DASK_LOGGING__DISTRIBUTED": "critical",
    MAZES_ONLY: "1",
}

_AHEAD = 3  # jobs per worker that may be under way or waiting to be written: bounds memory


@dataclass(frozen=True)
class _Workers:
    client: Client | None


_open: ContextVar[_Workers | None] = ContextVar("open", default=None)


@contextmanager
def cluster(workers: int | None = None, scheduler: str | None = None) -> Iterator[Client | None]:
    """A dask client: on `scheduler` (`tcp://host:port`), else on `workers` local processes.

    Inside another such block it is the outer one's client, so that several runs share their processes.

    Args:
        workers: processes; None for one per core. 1 is the calling process itself: the client is None.
        scheduler: the address of a running dask scheduler.

    Raises:
        MazeInterpError: fewer than one worker, or no scheduler answers at the address.
    """
    if (outer := _open.get()) is not None:
        yield outer.client
        return
    check_workers(workers, scheduler)
    count = workers if workers is not None else len(os.sched_getaffinity(0))
    with ExitStack() as stack:
        client = None
        if scheduler is not None or count > 1:
            stack.enter_context(quiet())
            client = stack.enter_context(_connect(count, scheduler))
        token = _open.set(_Workers(client))
        try:
            yield client
        finally:
            _open.reset(token)


def check_workers(workers: int | None, scheduler: str | None) -> None:
    """Refuse fewer than one worker, and workers beside a scheduler; 1, the default in Python, may stand beside one."""
    if workers is not None and ((count := as_whole(workers)) is None or count < 1):
        raise MazeInterpError(f"the work needs at least 1 worker, not {shown(workers)}")
    if scheduler is not None:
        text(scheduler, "the scheduler's address")
    if workers not in (None, 1) and scheduler is not None:
        raise OptionError("--workers has no effect with --scheduler, which has its own; leave one of them out")


@contextmanager
def _connect(workers: int, scheduler: str | None) -> Iterator[Client]:
    import dask
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            _require_listening(scheduler)
            client = Client(scheduler, timeout="10s")
        except (OSError, ValueError) as error:
            raise MazeInterpError(f"no dask scheduler answers at {scheduler}: {error}") from error
        with client:
            yield client
        return
    with dask.config.set({"distributed.nanny.pre-spawn-environ": _ENVIRONMENT}):
        with _without_interrupts():
            local = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0", memory_limit=0)
        with local, Client(local) as client:
            yield client


def _require_listening(scheduler: str) -> None:
    """Raise an `OSError` at once where nothing listens; dask would try until its timeout."""
    from distributed.comm.addressing import get_address_host_port

    if scheduler.startswith("tcp://"):
        socket.create_connection(get_address_host_port(scheduler), timeout=10).close()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes started within ignore Ctrl-C, which a terminal sends to all of them: this process ends them."""
    if threading.current_thread() is not threading.main_thread():  # only that thread may set handlers
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a new process inherits
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def ordered(
    client: Client | None, function: Callable[[Any, Job], Result], shared: Any, jobs: Iterable[Job]
) -> Iterator[Result]:
    """`function(shared, job)` for every job, results in the order of the jobs; without a client in this process.

    `shared` is sent to each worker once, packed, and unpacked once by each of its threads: a network at work, with
    hooks in it, is neither sent on to the next worker nor used by two threads. A job whose worker dies is done again
    elsewhere.

    Raises:
        MazeInterpError: raised by the function, a job's worker died four times, or the scheduler went away.
    """
    if client is None:
        yield from (_on_one_thread(function, shared, job) for job in jobs)
        return
    everywhere = _submit(client, bytes, _packed(shared))  # done again if lost, as scattered data are not
    limit = _AHEAD * max(1, sum(client.nthreads().values()))
    under_way, waiting = deque[Any](), iter(jobs)
    with _errors_of_dask():
        while True:
            for job in waiting:
                under_way.append(_submit(client, _alone, function, everywhere, job))
                if len(under_way) >= limit:
                    break
            if not under_way:
                return
            yield under_way.popleft().result()


def soon(client: Client | None, function: Callable[[Job], Result], job: Job) -> Callable[[], Result]:
    """Have one of the workers do `function(job)` when it has nothing else to do; without a client it is done at once.

    What is returned waits for the result, and raises as `ordered` does.
    """
    if client is None:
        done = _on_one_thread(function, job)
        return lambda: done
    future = _submit(client, _unpacked, function, _packed(job), priority=-1)

    @_errors_of_dask()
    def wait() -> Result:
        return future.result()

    return wait


def _packed(value: Any) -> bytes:
    from distributed.protocol import pickle

    return bytes(pickle.dumps(value))


def _submit(client: Client, function: Callable[..., Any], *arguments: Any, priority: int = 0) -> Any:
    import dask

    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"}):
        return client.submit(function, *arguments, priority=priority, pure=False)


@contextmanager
def _errors_of_dask() -> Iterator[None]:
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError
    from distributed.comm.core import CommClosedError

    try:
        yield
    except KilledWorker as error:
        raise MazeInterpError(f"a worker died four times over one job: {error}") from error
    except (CommClosedError, FutureCancelledError) as error:
        raise MazeInterpError("the dask scheduler went away; what was finished is kept") from error


def _on_one_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    """So that floating-point sums do not depend on the machine's cores."""
    from maze_interp.policies.threads import one_thread

    with one_thread():
        return function(*arguments)


def _unpacked(function: Callable[[Job], Result], packed: bytes) -> Result:
    from distributed.protocol import pickle

    return _on_one_thread(function, pickle.loads(packed))


class _Shared(threading.local):
    """What a thread of a worker last unpacked."""

    packed: bytes | None = None
    unpacked: Any = None


_SHARED = _Shared()


def _alone(function: Callable[[Any, Job], Result], packed: bytes, job: Job) -> Result:
    from distributed.protocol import pickle

    if _SHARED.packed != packed:
        _SHARED.packed, _SHARED.unpacked = packed, pickle.loads(packed)
    return _on_one_thread(function, _SHARED.unpacked, job)
