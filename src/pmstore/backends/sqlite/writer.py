"""The thread that writes: what waits at the same time is committed together."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

import attrs

from pmstore.backends.sqlite.failures import translated
from pmstore.errors import PmstoreError, WriteOutcome

_GROUP_MAX: Final = 256
"""Calls that share one transaction at most."""


@attrs.frozen(eq=False)
class _Job:
    write: Callable[[sqlite3.Connection], Any]
    future: Future[Any]


class Writer:
    """
    One connection in a thread of its own, with a queue of writes.

    A write is a function of the connection, called inside a transaction; it changes
    everything that it is to change, or raises. Its future is done when the disk has it. Of
    the writes that share a transaction one that raises does not disturb the others.

    Args:
        connect: Opens the connection, in the thread.
        where: The database file, for messages.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, where: str) -> None:
        self._connect = connect
        self._where = where
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self.opened: Future[None] = Future()
        self.ended: Future[None] = Future()
        # As begun: nobody who waits for them can cancel them.
        self.opened.set_running_or_notify_cancel()
        self.ended.set_running_or_notify_cancel()
        # A daemon: a process that ends without leaving its stores ends as if it was killed.
        threading.Thread(target=self._run, name=f"pmstore {where}", daemon=True).start()

    def submit(self, write: Callable[[sqlite3.Connection], Any]) -> Future[Any]:
        """
        Hand over a write; they are made in the order of this call.

        A cancelled future is not made, unless it was begun.
        """
        job = _Job(write, Future())
        self._queue.put(job)
        return job.future

    def stop(self) -> None:
        """Commit what waits, close the connection and end the thread; `ended` says when."""
        self._queue.put(None)

    def _run(self) -> None:
        try:
            connection = self._connect()
        except sqlite3.Error as error:
            self.opened.set_exception(translated(error, self._where, WriteOutcome.NOT_APPLIED))
            self.ended.set_result(None)
            return
        except BaseException as error:
            self.opened.set_exception(error)
            self.ended.set_result(None)
            return
        self.opened.set_result(None)
        stopping = False
        while not stopping:
            waiting, stopping = self._take()
            jobs = [job for job in waiting if job.future.set_running_or_notify_cancel()]
            if jobs:
                self._commit(connection, jobs)
        try:
            connection.close()
        except sqlite3.Error as error:
            self.ended.set_exception(translated(error, self._where, WriteOutcome.APPLIED))
        else:
            self.ended.set_result(None)

    def _take(self) -> tuple[list[_Job], bool]:
        jobs: list[_Job] = []
        job = self._queue.get()
        try:
            while job is not None:
                jobs.append(job)
                if len(jobs) == _GROUP_MAX:
                    return jobs, False
                job = self._queue.get_nowait()
        except queue.Empty:
            return jobs, False
        return jobs, True

    def _commit(self, connection: sqlite3.Connection, jobs: list[_Job]) -> None:
        """Make *jobs* in one transaction, and settle all of them."""
        answers: list[tuple[_Job, Any, BaseException | None]] = []
        outcome = WriteOutcome.NOT_APPLIED
        began = False
        try:
            connection.execute("BEGIN IMMEDIATE")
            began = True
            for job in jobs:
                answers.append(self._make(connection, job, alone=len(jobs) == 1))
            # A failure from here on says nothing of what a crash would find in the log.
            outcome = WriteOutcome.UNKNOWN
            connection.execute("COMMIT")
        except BaseException as error:
            outcome = self._undo(connection, error, outcome)
            if len(jobs) > 1 and began and outcome is WriteOutcome.NOT_APPLIED:
                # One of them was too much for the disk, or met a damaged page; not all of them.
                for job in jobs:
                    self._commit(connection, [job])
                return
            for job in jobs:
                job.future.set_exception(self._error(error, outcome))
            return
        for job, answer, problem in answers:
            if problem is None:
                job.future.set_result(answer)
            else:
                job.future.set_exception(problem)

    def _make(
        self, connection: sqlite3.Connection, job: _Job, *, alone: bool
    ) -> tuple[_Job, Any, BaseException | None]:
        """Make *job*; one that raises is undone."""
        # A savepoint makes every change a fifth dearer, and one that is alone needs none.
        if alone:
            try:
                return job, job.write(connection), None
            except sqlite3.Error:
                raise
            except Exception as error:
                connection.execute("ROLLBACK")
                connection.execute("BEGIN")
                return job, None, error
        connection.execute("SAVEPOINT job")
        try:
            answer = job.write(connection)
        except sqlite3.Error:
            raise
        except Exception as error:
            connection.execute("ROLLBACK TO job")
            connection.execute("RELEASE job")
            return job, None, error
        connection.execute("RELEASE job")
        return job, answer, None

    def _undo(
        self, connection: sqlite3.Connection, error: BaseException, outcome: WriteOutcome
    ) -> WriteOutcome:
        """Go back to before the transaction; answers what is known of it then."""
        try:
            # Some errors have done it already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error as another:
            error.add_note(f"and it could not be undone: {another}")
            return WriteOutcome.UNKNOWN
        return outcome

    def _error(self, error: BaseException, outcome: WriteOutcome) -> BaseException:
        if not isinstance(error, sqlite3.Error):
            return error
        problem: PmstoreError = translated(error, self._where, outcome)
        problem.__cause__ = error
        return problem
