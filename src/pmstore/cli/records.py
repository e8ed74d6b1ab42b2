"""The four contracts of single records, and what the commands do with each alike."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import attrs

from pmstore import queries
from pmstore.cli import rows
from pmstore.cli.places import Place
from pmstore.cli.reading import opened_to_read
from pmstore.codec import (
    encode_balance,
    encode_event,
    encode_order,
    encode_trade,
)
from pmstore.models.query import LIMIT_MAX, BalanceQuery, EventQuery, OrderQuery, TradeQuery
from pmstore.registry import (
    open_account_store,
    open_event_store,
    open_order_store,
    open_trade_store,
)


class Contract(enum.StrEnum):
    """The contracts whose stores hold single records."""

    ORDERS = "orders"
    TRADES = "trades"
    ACCOUNTS = "accounts"
    EVENTS = "events"


@attrs.frozen(kw_only=True)
class Records:
    """
    How the records of one contract are read, named and written down.

    Attributes:
        contract: Its name.
        open: Makes the store of a URL.
        query: The class of its questions.
        encode: A record as its canonical JSON, the same whatever store it came from.
        key: What `find` sorts by, as values that ascend.
        name: What people call a record.
        row: A record as flat columns for people and for CSV, integers as they are stored.
        columns: The names of the columns that a table on a screen shows.
        all_columns: The names of all columns of `row`, in its order.
    """

    contract: Contract
    open: Callable[..., Any]
    query: type[Any]
    encode: Callable[[Any], bytes]
    key: Callable[[Any], tuple[Any, ...]]
    name: Callable[[Any], str]
    row: Callable[[Any], dict[str, Any]]
    columns: tuple[str, ...]
    all_columns: tuple[str, ...]

    def opened(self, place: Place) -> Any:
        """The store of a place, ready for `async with`."""
        return self.open(place.stack, pins=place.pins)

    def opened_to_read(self, place: Place) -> AbstractAsyncContextManager[Any]:
        """The same for somebody who only looks; see `pmstore.cli.reading`."""
        return opened_to_read(place, self.contract.value, self.open)

    def all(self, store: Any, query: Any | None = None) -> AsyncIterator[Any]:
        """Every record that *query* asks for, all without one; in the order of `key`."""
        question = self.query() if query is None else query
        return queries.all(store, attrs.evolve(question, limit=LIMIT_MAX))

    async def write(self, store: Any, records: Sequence[Any]) -> None:
        """Put *records* into a store; those that it has already change nothing."""
        match self.contract:
            case Contract.TRADES:
                await store.append(records)
            case Contract.EVENTS:
                # Events come out of a store without their version: the lowest one lets
                # whoever saves them next win.
                known = await store.get([event.event_id for event in records])
                new = [(event, 0) for event in records if event.event_id not in known]
                await store.save(new)
            case _:
                await store.save(records)


RECORDS: Final[Mapping[Contract, Records]] = {
    one.contract: one
    for one in (
        Records(
            contract=Contract.ORDERS,
            open=open_order_store,
            query=OrderQuery,
            encode=encode_order,
            key=lambda order: (order.order_num, order.id),
            name=lambda order: order.id,
            row=rows.order_row,
            columns=rows.ORDER_COLUMNS,
            all_columns=rows.ORDER_ROW,
        ),
        Records(
            contract=Contract.TRADES,
            open=open_trade_store,
            query=TradeQuery,
            encode=encode_trade,
            key=lambda trade: (-trade.timestamp, -trade.trade_id),
            name=lambda trade: str(trade.trade_id),
            row=rows.trade_row,
            columns=rows.TRADE_COLUMNS,
            all_columns=rows.TRADE_ROW,
        ),
        Records(
            contract=Contract.ACCOUNTS,
            open=open_account_store,
            query=BalanceQuery,
            encode=encode_balance,
            key=lambda balance: (balance.user_id, balance.asset),
            name=lambda balance: f"{balance.user_id} {balance.asset}",
            row=rows.balance_row,
            columns=rows.BALANCE_COLUMNS,
            all_columns=rows.BALANCE_ROW,
        ),
        Records(
            contract=Contract.EVENTS,
            open=open_event_store,
            query=EventQuery,
            encode=encode_event,
            key=lambda event: (event.event_id,),
            name=lambda event: str(event.event_id),
            row=rows.event_row,
            columns=rows.EVENT_COLUMNS,
            all_columns=rows.EVENT_ROW,
        ),
    )
}
