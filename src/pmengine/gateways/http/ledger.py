"""What moved a user's money and shares: the user's lines of the ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pmengine.gateways.http.ledger_views import LedgerFilter, LedgerLine, LedgerPage
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.http.reading import parse_id, parse_name
from pmengine.gateways.http.showing import show_money, show_quantity
from pmstore import CASH, EntryKind, LedgerEntry, LedgerQuery

NOT_KEPT: Final = "No ledger is kept: the place of the orders has none, or ENGINE_LEDGER is off."


async def list_own_ledger(call: Call) -> Reply:
    """Own lines, newest first."""
    return await _list(call, call.user_id)


async def list_user_ledger(call: Call) -> Reply:
    """A user's lines, newest first, for an admin."""
    return await _list(call, parse_id(call.parameters.user_id, "user_id"))


async def _list(call: Call, user_id: str) -> Reply:
    parameters: LedgerFilter = call.parameters
    asset = parse_name(parameters.asset, "asset")
    store = call.venue.history.ledger
    if store is None:
        raise Problem(501, "NO_LEDGER", NOT_KEPT)
    await call.freshness.reached()
    page = await store.find(
        LedgerQuery(
            user_id=user_id,
            asset=asset,
            kinds=None if parameters.kind is None else [EntryKind(parameters.kind)],
            start_ms=parameters.start_ms,
            end_ms=parameters.end_ms,
            after=parameters.after,
            limit=parameters.limit,
        )
    )
    return 200, LedgerPage(items=[_show(line) for line in page.items], next=page.next)


def _show(line: LedgerEntry) -> LedgerLine:
    show: Callable[[int], str] = show_money if line.asset == CASH else show_quantity
    return LedgerLine(
        source=line.source,
        number=line.number,
        line=line.line,
        transaction=line.transaction,
        kind=line.kind._value_,
        asset=line.asset,
        available=show(line.available),
        frozen=show(line.frozen),
        available_after=show(line.available_after or 0),
        frozen_after=show(line.frozen_after or 0),
        reference=line.reference,
        correlation_id=line.correlation_id,
        timestamp=line.timestamp,
    )
