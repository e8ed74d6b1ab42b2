"""The thread that writes: everything that waits for it goes to the disk together."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

J = TypeVar("J")
J_contra = TypeVar("J_contra", contravariant=True)


class Committer(Protocol[J_contra]):
    """What the thread drives; every method is called in the thread alone."""

    def commit(self, jobs: Sequence[J_contra], /) -> None:
        """Write *jobs* together."""
        ...

    def sync_due_s(self) -> float | None:
        """Seconds until `idle` wants to be called, None for never."""
        ...

    def idle(self) -> None:
        """Do what is due while no job waits."""
        ...

    def close(self) -> None:
        """Finish; nothing is written afterwards."""
        ...


class GroupCommit(Generic[J]):
    """
    A writer thread with a queue: jobs that wait at the same time are committed together.

    *settle* is called on the loop for every group in order, with the error that the group
    met, and with no jobs when the thread failed while idle. The caller bounds the queue.
    """

    def __init__(
        self,
        committer: Committer[J],
        settle: Callable[[Sequence[J], BaseException | None], None],
        *,
        name: str,
    ) -> None:
        self._committer = committer
        self._settle = settle
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[J | None] = queue.SimpleQueue()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        # A daemon: a process that ends without leaving its stores ends as if it was killed.
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, job: J) -> None:
        """Hand over one job; jobs are committed in the order of this call."""
        self._queue.put(job)

    async def stop(self) -> None:
        """
        Commit what waits, close the committer and end the thread.

        Raises:
            BaseException: What the committer's `close` met.
        """
        self._queue.put(None)
        await asyncio.shield(self._ended)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            jobs, stopping = self._take()
            error: BaseException | None = None
            try:
                if jobs:
                    self._committer.commit(jobs)
                else:
                    self._committer.idle()
            except BaseException as caught:
                error = caught
            if jobs or error is not None:
                self._call(self._settle, jobs, error)
        try:
            self._committer.close()
        except BaseException as caught:
            self._call(self._end, caught)
        else:
            self._call(self._end, None)

    def _take(self) -> tuple[list[J], bool]:
        """Everything that waits, or nothing when something is due before anything came."""
        jobs: list[J] = []
        try:
            job = self._queue.get(timeout=self._committer.sync_due_s())
            while job is not None:
                jobs.append(job)
                job = self._queue.get_nowait()
        except queue.Empty:
            return jobs, False
        return jobs, True

    def _end(self, error: BaseException | None) -> None:
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)

    def _call(self, callback: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            # The loop was closed without leaving the store: nobody waits for an answer.
            return
