"""Workers of a sweep: one protocol (submit a task, get its record) for one process, several, or a cluster.

A worker that dies costs the units it was at: they are handed over again.
"""

from __future__ import annotations

import multiprocessing
import signal
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, Protocol

from logitproof.errors import UsageError
from logitproof.sweeps.evaluate_unit import carry_out, release
from logitproof_adapters.catalogue.extras import install_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from logitproof.sweeps.evaluate_unit import Task

MOST_DEATHS = 5
"""Number of deaths in a row, without a record in between, after which a sweep fails."""


class Workers(Protocol):
    """Takes tasks and returns their records, in whatever order they are done."""

    def submit(self, task: Task) -> Future[dict[str, Any]]:
        """Hand a task over."""
        ...

    def renew(self) -> None:
        """Take the place of workers that died."""
        ...

    def close(self) -> None:
        """End the workers; what they are at is lost."""
        ...


class Here:
    """The process itself."""

    def submit(self, task: Task) -> Future[dict[str, Any]]:
        """Carry a task out."""
        future: Future[dict[str, Any]] = Future()
        try:
            future.set_result(carry_out(task))
        except Exception as error:  # noqa: BLE001 - whoever waits for the record raises it
            future.set_exception(error)
        return future

    def renew(self) -> None:
        """Do nothing: this process lives."""

    def close(self) -> None:
        """End the evaluator."""
        release()


class Processes:
    """Processes of this machine, each with an evaluator of its own.

    Parameters
    ----------
    count : int
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool = self._made()

    def _made(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._count, mp_context=context, initializer=_leave_ctrl_c_to_the_judge)

    def submit(self, task: Task) -> Future[dict[str, Any]]:
        """Hand a task to whichever process is free first."""
        return self._pool.submit(carry_out, task)

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
        self._cluster: Any = None
        if address == "local":
            self._cluster = LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None)
        try:
            self._client = Client(self._cluster or address, timeout="20s")
        except (OSError, ValueError) as error:
            raise UsageError(f"no Dask scheduler answers at {address}: {error}") from error
        self._known: list[Any] = []

    def submit(self, task: Task) -> Future[dict[str, Any]]:
        """Hand a task over; the scheduler hands it on again where a worker dies."""
        future: Future[dict[str, Any]] = Future()
        there = self._client.submit(carry_out, task, pure=False, retries=MOST_DEATHS)
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


def _settle(future: Future[dict[str, Any]], done: Any) -> None:
    """Put what became of a task of a cluster where it is waited for."""
    if done.status == "finished":
        future.set_result(done.result())
    else:
        error = done.exception() if done.status == "error" else None
        future.set_exception(error or RuntimeError(f"the cluster's task was {done.status}"))


def records(workers: Workers, tasks: Iterable[Task], ahead: int) -> Iterator[tuple[Task, dict[str, Any] | Exception]]:
    """Yield each task with its record, or with what was raised, as they are done.

    Parameters
    ----------
    ahead : int
        How many tasks are handed over at a time.
    """
    waiting = iter(tasks)
    under_way: dict[Future[dict[str, Any]], Task] = {}
    deaths = 0
    again: list[Task] = []
    while True:
        while len(under_way) < ahead and (task := again.pop() if again else next(waiting, None)) is not None:
            try:
                under_way[workers.submit(task)] = task
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
                raise UsageError(f"workers died {deaths} times without a record between: see their last words above")
            workers.renew()
