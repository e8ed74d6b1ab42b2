"""Follows the log beside a running engine, and reports a broken law or stops the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import structlog

from pmengine.invariants import Breach
from pmengine.services.log import Log, Place
from pmengine.services.outages import Outage
from pmengine.services.publishing import EngineStopped
from pmengine.services.verifying.beginning import Beginning, CannotBegin
from pmengine.services.verifying.stores import StoreComparison
from pmengine.services.verifying.verifier import Verifier
from pmstore import SnapshotStore, State, StoreUnavailable, Stream

OFF: Final = "off"
REPORT: Final = "report"
STOP: Final = "stop"
REPORTED_MAX: Final = 100
"""Different breaches that are reported; then it ends."""
COMPLETE_EVERY: Final = 10_000

_logger = structlog.get_logger("pmengine.verify")


class LawBroken(EngineStopped):
    """The log breaks a law of the exchange; the engine goes no further."""


class Guard:
    """
    A verifier in the engine's own process.

    Args:
        mode: `report` or `stop`.
        state: What the engine begins with, at *place*; becomes this object's own.
        snapshots: Where it goes on if the log was trimmed before it was read.
    """

    def __init__(
        self,
        mode: str,
        log: Log,
        *,
        state: State,
        place: Place,
        id_memory_s: int,
        ledger: bool,
        fee_account: str,
        snapshots: SnapshotStore,
        stores: StoreComparison | None = None,
        projections: Mapping[str, Stream] | None = None,
    ) -> None:
        self._mode = mode
        self._verifier = Verifier(
            log,
            Beginning(state, place, f"entry {place.number}"),
            id_memory_s=id_memory_s,
            snapshots=snapshots,
            compare_snapshots=False,
            stores=stores,
            projections=projections,
            ledger=ledger,
            fee_account=fee_account,
            complete_every=COMPLETE_EVERY,
            breaches_max=1 if mode == STOP else REPORTED_MAX,
            heard=_report,
        )

    @property
    def place(self) -> Place:
        """How far it has read the log."""
        return self._verifier.place

    async def run(self) -> None:
        """
        Follow the log until cancelled, over outages.

        Raises:
            LawBroken: A law is broken, and the mode is `stop`.
        """
        outage = Outage("verification")
        while True:
            number = self.place.number
            try:
                report = await self._verifier.run()
            except StoreUnavailable as error:
                if self.place.number > number:
                    outage.over()
                # To begin again is to look at the whole state: not too often.
                await outage.wait(error)
                continue
            except CannotBegin as error:
                _logger.error("verification_ended", reason=str(error))
                return
            if self._mode == STOP:
                raise LawBroken(_words(report.breaches[0]))
            _logger.error("verification_ended", reason=f"{len(report.breaches)} breaches")
            return


@asynccontextmanager
async def guarded(guard: Guard | None) -> AsyncIterator[None]:
    """
    Run *guard* beside the block, if there is one.

    Raises:
        LawBroken: From the guard; the block was cancelled.
    """
    if guard is None:
        yield
        return
    block = asyncio.current_task()
    assert block is not None, "a context manager is entered by a task"

    def ended(running: asyncio.Task[None]) -> None:
        if not running.cancelled() and running.exception() is not None:
            block.cancel()

    running = asyncio.create_task(guard.run())
    running.add_done_callback(ended)
    try:
        yield
    except asyncio.CancelledError:
        if running.done() and not running.cancelled():
            error = running.exception()
            if error is not None:
                block.uncancel()
                raise error from None
        raise
    finally:
        running.remove_done_callback(ended)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _report(breach: Breach) -> None:
    violation = breach.violation
    _logger.error(
        "law_broken",
        law=violation.law.slug,
        subject=violation.subject,
        text=violation.text,
        number=breach.number,
        position=str(breach.position),
        command=breach.command,
    )


def _words(breach: Breach) -> str:
    violation = breach.violation
    asked = f", by {breach.command}" if breach.command else ""
    return (
        f"the law {violation.law.slug} is broken at entry {breach.number} of the log "
        f"({breach.position}){asked}: {violation}. ENGINE_VERIFY=stop stops the exchange; look "
        "with `pmengine verify`, and see docs/how-to/verify.md"
    )
