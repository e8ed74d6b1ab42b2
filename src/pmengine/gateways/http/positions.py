"""Own positions: what is held, what it cost, and what was and would be earned with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import attrs
import msgspec

from pmengine.gateways.http.cursors import decode_cursor, encode_cursor
from pmengine.gateways.http.filters import PositionFilter
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.own_views import HeldPosition, PositionPage
from pmengine.gateways.http.position_books import Book, ReadsSpent
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.http.profits import Holding, par_of
from pmengine.gateways.http.showing import (
    show_average,
    show_money,
    show_price,
    show_quantity,
)
from pmengine.shards import cash_shard
from pmstore import (
    PAYOUT,
    Balance,
    BalanceQuery,
    Event,
    Market,
    MarketKey,
    StoreUnavailable,
)
from pmstore.queries import all as all_of

TRIES_MAX: Final = 10
ROWS_PAGE: Final = 1000
EVENTS_PAGE: Final = 500

_AGAIN: Final = {b"retry-after": b"1"}


class _After(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    event_id: int
    market_id: int
    token_id: str


@attrs.frozen
class Stake:
    """One token with all that is known of it; `holding` is as it is now."""

    event_id: int
    market: Market
    index: int
    row: Balance | None
    holding: Holding

    @property
    def token_id(self) -> str:
        return self.market.token_ids[self.index]

    @property
    def key(self) -> tuple[int, int, str]:
        return (self.event_id, self.market.market_id, self.token_id)

    @property
    def average_price(self) -> str | None:
        """What a share that is held cost, as text; None without one."""
        return show_average(self.holding.cost, self.holding.lots)


async def list_positions(call: Call) -> Reply:
    """Own positions by event, market and token."""
    asked: PositionFilter = call.parameters
    behind = None
    if asked.after is not None:
        cursor = decode_cursor(asked.after, _After)
        behind = (cursor.event_id, cursor.market_id, cursor.token_id)
    fitting = [
        one
        for one in await positions_of(call)
        if (asked.event_id is None or one.event_id == asked.event_id)
        and (asked.market_id is None or one.market.market_id == asked.market_id)
        and (asked.status is None or (asked.status == "open") == bool(one.holding.lots))
        and (behind is None or one.key > behind)
    ]
    fitting.sort(key=lambda one: one.key)
    shown = fitting[: asked.limit]
    after = encode_cursor(_After(*shown[-1].key)) if len(fitting) > len(shown) else None
    return 200, PositionPage(items=[_show(call, one) for one in shown], next=after)


async def positions_of(call: Call) -> list[Stake]:
    """
    Every position of who asks, as fills, balances and answers of one moment have it.

    Raises:
        Problem: The fills take more than one question may cost, or come too fast (503).
    """
    book, rows = await _read(call)
    held = {
        row.asset: row
        for row in rows
        if (row.available or row.frozen) and cash_shard(row.asset) is None
    }
    keys = {token: book.markets[token] for token in book.holdings}
    unknown = [token for token in held if token not in keys]
    if unknown:
        found = await call.derived.tokens.find(unknown)
        keys.update(found)
    events = await _events(call, {event_id for event_id, _ in keys.values()})
    positions = []
    for token, (event_id, market_id) in keys.items():
        event = events.get(event_id)
        market = None if event is None else event.markets.get(market_id)
        # What was removed can no longer be shown, and nothing of it is outstanding.
        if event is not None and market is not None and token in market.token_ids:
            holding = attrs.evolve(book.holdings.get(token, Holding()))
            index = market.token_ids.index(token)
            row = held.get(token)
            if market.payouts is not None:
                holding.settle(market.payouts[index])
            else:
                lots = 0 if row is None else row.available + row.frozen
                if not rows:
                    # Money and shares are kept elsewhere: there are fills and no balances.
                    lots = max(0, holding.lots)
                holding.reconcile(lots, par_of(event, market_id, index))
            positions.append(Stake(event_id, market, index, row, holding))
    return positions


async def _read(call: Call) -> tuple[Book, list[Balance]]:
    """
    The fills and the balances of one moment.

    Balances that were read after all fills have these fills. They may have later ones too: if
    none of what the log had got by then is a fill of the user, they have not.
    """
    venue, books = call.venue, call.derived.books
    query = BalanceQuery(user_id=call.user_id, limit=ROWS_PAGE)
    try:
        await _caught_up(call)
        book, _ = await books.follow(call.user_id)
        for _ in range(TRIES_MAX):
            rows = [row async for row in all_of(venue.history.accounts, query)]
            await _caught_up(call)
            book, are_new = await books.follow(call.user_id)
            if not are_new:
                return book, rows
    except ReadsSpent:
        raise Problem(
            503,
            "STILL_READING",
            "your fills are being read, which takes several questions; ask again",
            headers=_AGAIN,
        ) from None
    raise Problem(
        503, "STILL_READING", "your fills come faster than they are read; ask again", headers=_AGAIN
    )


async def _caught_up(call: Call) -> None:
    """Wait until the stores hold everything that is in the log now."""
    try:
        heads = await call.venue.heads()
    except StoreUnavailable:
        heads = ()  # no log, no news: what stores have is asked for all the same
    for shard, number in enumerate(heads):
        call.freshness.told(number, shard)
    await call.freshness.reached()


async def _events(call: Call, ids: Iterable[int]) -> Mapping[int, Event]:
    wanted = sorted(ids)
    found: dict[int, Event] = {}
    for start in range(0, len(wanted), EVENTS_PAGE):
        found |= await call.venue.history.events.get(wanted[start : start + EVENTS_PAGE])
    return found


def _show(call: Call, one: Stake) -> HeldPosition:
    market, holding, row = one.market, one.holding, one.row
    mark = _mark(call, (one.event_id, market.market_id), market, one.index)
    value = None if mark is None else holding.lots * mark
    unrealised = None if value is None else show_money(value - holding.cost)
    return HeldPosition(
        event_id=one.event_id,
        market_id=market.market_id,
        token_id=one.token_id,
        outcome=market.outcomes[one.index],
        state=market.state._value_,
        quantity=show_quantity(holding.lots),
        available=show_quantity(0 if row is None else row.available),
        frozen=show_quantity(0 if row is None else row.frozen),
        average_price=one.average_price,
        cost=show_money(holding.cost),
        mark_price=None if mark is None else show_price(mark),
        value=None if value is None else show_money(value),
        realised_profit=show_money(holding.realised),
        unrealised_profit=unrealised if holding.lots else "0",
    )


def _mark(call: Call, key: MarketKey, market: Market, index: int) -> int | None:
    """What a share is worth now, in ticks: its payout, else the last trade."""
    if market.payouts is not None:
        return market.payouts[index]
    last = call.venue.depth.depth(key).last_price
    if not last:
        return None
    return PAYOUT - last if index else last
