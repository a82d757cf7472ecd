"""Workers: one protocol (submit a task, get its result) for one process, several, or a cluster.

A worker that dies costs the tasks it was at: they are handed over again.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from logitproof.errors import UsageError
from logitproof_adapters.catalogue.pip_extras import install_line
from logitproof_reports.runs.environment import THREAD_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Task = TypeVar("Task")
Result = TypeVar("Result")

MOST_DEATHS = 5
"""Number of deaths in a row, without a result in between, after which the work is given up."""


class Workers(Protocol):
    """Takes tasks and returns their results, in whatever order they are done.

    What is called and what it is handed travel to other processes: both must be importable there.
    """

    @property
    def at_a_time(self) -> int:
        """How many tasks keep all of them busy: twice as many as they are, so that none waits for the next one."""
        ...

    def submit(self, work: Callable[[Task], Result], task: Task) -> Future[Result]:
        """Hand a task over to a function."""
        ...

    def renew(self) -> None:
        """Take the place of workers that died."""
        ...

    def close(self) -> None:
        """End the workers; what they are at is lost."""
        ...


class Here:
    """The process itself."""

    at_a_time = 1

    def submit(self, work: Callable[[Task], Result], task: Task) -> Future[Result]:
        """Carry a task out."""
        future: Future[Result] = Future()
        try:
            future.set_result(work(task))
        except Exception as error:  # noqa: BLE001 - whoever waits for the result raises it
            future.set_exception(error)
        return future

    def renew(self) -> None:
        """Do nothing: this process lives."""

    def close(self) -> None:
        """Do nothing: this process goes on."""


class Processes:
    """Processes of this machine.

    Parameters
    ----------
    count : int
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool = self._made()

    @property
    def at_a_time(self) -> int:
        """Twice as many as there are processes."""
        return 2 * self._count

    def _made(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._count, mp_context=context, initializer=_leave_ctrl_c_to_the_judge)

    def submit(self, work: Callable[[Task], Result], task: Task) -> Future[Result]:
        """Hand a task to whichever process is free first."""
        return self._pool.submit(work, task)

    def renew(self) -> None:
        """Start new processes."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._made()

    def close(self) -> None:
        """End the processes."""
        processes = list(self._pool._processes.values())  # noqa: SLF001 - there is no other way to them
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _leave_ctrl_c_to_the_judge() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Dask:
    """The workers of a Dask cluster, which have Logitproof installed and the target at the same place.

    Parameters
    ----------
    address : str
        Of the scheduler; ``local`` starts a cluster here.
    count : int
        Workers of a local cluster.

    Raises
    ------
    UsageError
        Dask is not installed, or no scheduler answers.
    """

    def __init__(self, address: str, count: int) -> None:
        try:
            from distributed import Client, LocalCluster  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise UsageError(f"Dask is not installed: {install_line('dask')}") from error
        # Taken first: a cluster that is started here sets variables of this process too.
        self._threads = {name: os.environ.get(name) for name in THREAD_VARIABLES}
        self._cluster: Any = None
        if address == "local":
            with _ctrl_c_ignored():  # as its processes do from then on
                self._cluster = LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None)
        try:
            self._client = Client(self._cluster or address, timeout="20s")
        except (OSError, ValueError) as error:
            raise UsageError(f"no Dask scheduler answers at {address}: {error}") from error
        self._known: list[Any] = []

    @property
    def at_a_time(self) -> int:
        """Twice as many as there are threads of workers now: they may join and leave."""
        threads: dict[str, int] = self._client.nthreads()
        return 2 * max(sum(threads.values()), 1)

    def submit(self, work: Callable[[Task], Result], task: Task) -> Future[Result]:
        """Hand a task over; the scheduler hands it on again where a worker dies."""
        future: Future[Result] = Future()
        there = self._client.submit(_carry_out, work, task, self._threads, pure=False)
        self._known.append(there)
        there.add_done_callback(lambda done: _settle(future, done))
        return future

    def renew(self) -> None:
        """Do nothing: the scheduler has done it."""

    def close(self) -> None:
        """Take back what was handed over."""
        self._client.cancel(self._known, force=True)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    """Let processes that are started here ignore Ctrl-C: the judge hears it, and ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _carry_out(work: Callable[[Task], Result], task: Task, threads: dict[str, str | None]) -> Result:
    """Carry a task out with the variables of threads that the user has set: Dask sets some for its workers."""
    for name, value in threads.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    return work(task)


def _settle(future: Future[Any], done: Any) -> None:
    """Put what became of a task of a cluster where it is waited for."""
    if done.status == "finished":
        future.set_result(done.result())
    else:
        error = done.exception() if done.status == "error" else None
        future.set_exception(error or RuntimeError(f"the cluster's task was {done.status}"))


def results(
    workers: Workers, work: Callable[[Task], Result], tasks: Iterable[Task]
) -> Iterator[tuple[Task, Result | Exception]]:
    """Yield each task with its result, or with what was raised, as they are done.

    Parameters
    ----------
    work : callable
        Importable wherever the workers are; it is handed one task.

    Raises
    ------
    UsageError
        Workers died several times in a row.
    """
    waiting = iter(tasks)
    under_way: dict[Future[Result], Task] = {}
    deaths = 0
    again: list[Task] = []
    while True:
        ahead = workers.at_a_time
        while len(under_way) < ahead and (task := again.pop() if again else next(waiting, None)) is not None:
            try:
                under_way[workers.submit(work, task)] = task
            except BrokenProcessPool:  # a worker died since; those under way tell of it too
                again.append(task)
                break
        if not under_way:
            if not again:
                return
            workers.renew()
            continue
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        dead = [future for future in done if isinstance(future.exception(), BrokenProcessPool)]
        for future in set(done) - set(dead):
            deaths = 0
            error = future.exception()
            yield under_way.pop(future), error if isinstance(error, Exception) else future.result()
        if dead:
            deaths += 1
            again += under_way.values()
            under_way.clear()
            if deaths > MOST_DEATHS:
                raise UsageError(f"workers died {deaths} times without a result in between: see their output above")
            workers.renew()


def chosen_workers(count: int, dask: str) -> Workers:
    """Return the workers that a command's options name: of a cluster, several processes, or this one."""
    if dask:
        return Dask(dask, count)
    return Processes(count) if count > 1 else Here()
