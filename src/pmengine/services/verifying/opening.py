"""A verifier for the stores of a deployment, as they are found."""

from __future__ import annotations

from typing import Any

from pmengine.projections import PROJECTIONS
from pmengine.services.log import STORE_STREAM, Log
from pmengine.services.shard_records import Ownership
from pmengine.services.shown_history import HistoryStacks
from pmengine.services.verifying.beginning import CannotBegin, begin
from pmengine.services.verifying.ledger import LedgerComparison
from pmengine.services.verifying.stores import StoreComparison
from pmengine.services.verifying.verifier import Verifier
from pmstore import StoresToRead, Stream


async def open_verifier(
    stores: StoresToRead,
    *,
    id_memory_s: int,
    at: str | None = None,
    compare: bool = True,
    ownership: Ownership | None = None,
    **options: Any,
) -> tuple[Verifier, int]:
    """
    A verifier of what *stores* hold, and the number of the log's last entry.

    Args:
        at: As for `begin`.
        compare: Whether snapshots, stores and projections are compared with the log.
        ownership: Which records of the stores are the log's; unset, all of them.
        options: Further ones of the `Verifier`.

    Raises:
        CannotBegin: There is no log, or no such place on it.
        StoreUnavailable, CorruptData: From the stores.
    """
    stream = await stores.open_stream(STORE_STREAM)
    if stream is None:
        place = stores.settings.streams
        raise CannotBegin(f"there is no log at {place}: nothing was ever written there")
    log = Log(stream)
    beginning = await begin(log, stores.snapshots, id_memory_s=id_memory_s, at=at)
    comparison = _comparison(log, stores, ownership)
    verifier = Verifier(
        log,
        beginning,
        id_memory_s=id_memory_s,
        snapshots=stores.snapshots,
        compare_snapshots=compare,
        stores=comparison if compare else None,
        projections=await _projections(stores) if compare else None,
        **options,
    )
    if compare:
        if comparison is None:
            verifier.report.note("stores: nothing was ever stored there")
        if not verifier.projections:
            verifier.report.note("projections: they are not kept outside the exchange")
    ends = await log.ends()
    return verifier, 0 if ends is None else ends[1][1].number


def _comparison(
    log: Log, stores: StoresToRead, ownership: Ownership | None
) -> StoreComparison | None:
    orders, trades = stores.orders, stores.trades
    accounts, events = stores.accounts, stores.events
    if orders is None or trades is None or accounts is None or events is None:
        return None
    found = HistoryStacks(
        orders=orders, trades=trades, accounts=accounts, events=events, ledger=stores.ledger
    )
    own = found if ownership is None else ownership.stacks(found)
    source = STORE_STREAM if ownership is None else ownership.source
    ledger = None if own.ledger is None else LedgerComparison(own.ledger, source)
    return StoreComparison(log, own.orders, own.trades, own.accounts, own.events, ledger)


async def _projections(stores: StoresToRead) -> dict[str, Stream]:
    """Those that are kept where other processes see them."""
    found: dict[str, Stream] = {}
    for name in PROJECTIONS:
        stream = await stores.open_stream(name)
        if stream is not None and await stream.bounds() is not None:
            found[name] = stream
    return found
