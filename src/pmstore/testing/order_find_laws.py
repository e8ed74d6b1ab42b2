"""Laws of finding orders: order, filters, windows and pages."""

from __future__ import annotations

import itertools

from pmstore.errors import InvalidQuery
from pmstore.models.order import (
    ACTIVE_STATUSES,
    Order,
    OrderStatus,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
)
from pmstore.models.query import OrderQuery
from pmstore.protocols.order_store import OrderStore
from pmstore.testing.clause import Lawbook
from pmstore.testing.expect import expect, expect_equal, expect_raises
from pmstore.testing.order_save_laws import expect_held
from pmstore.testing.reference import orders_asked_for
from pmstore.testing.rig import Trial
from pmstore.testing.samples import EXACT_FEES, GOOD_IDS, INTEGERS, START_MS, order

book: Lawbook[OrderStore] = Lawbook("order_store")

STATUSES = tuple(OrderStatus)


def mixed_orders(count: int = 60) -> list[Order]:
    """Orders that differ in every field one can ask for, some of them with equal numbers."""
    return [
        order(
            number,
            status=STATUSES[number % 5],
            order_num=number // 2,
            timestamp=START_MS + number // 3,
            client_order_id=f"client_{number % 7}" if number % 2 else None,
        )
        for number in range(count)
    ]


async def pages(orders: OrderStore, query: dict[str, object], limit: int) -> list[Order]:
    """Everything that a question asks for, page by page."""
    found: list[Order] = []
    after: str | None = None
    for _ in range(1000):
        page = await orders.find(OrderQuery(**query, after=after, limit=limit))  # type: ignore[arg-type]
        expect(len(page.items) <= limit, f"a page of {len(page.items)} with limit={limit}")
        found += page.items
        if page.next is None:
            return found
        expect(len(page.items) == limit, "a page with a next one is full")
        expect(page.next != after, f"the cursor {after!r} leads to itself")
        after = page.next
    raise AssertionError("the pages do not end")


@book.law()
async def ids_come_out_as_they_went_in(trial: Trial[OrderStore]) -> None:
    """Every legal id comes out as it went in, and names one order, user and token alone."""
    held = [
        order(number, id=id, user_id=id, client_order_id=id, group=id, session=id)
        for number, id in enumerate(GOOD_IDS)
    ]
    async with trial.opened() as orders:
        await orders.save(held)
        await expect_held(orders, *held)
        for one in held:
            expect_equal(await orders.get([one.id]), {one.id: one}, f"get of {one.id!r}")
            for query in (
                OrderQuery(user_id=one.id),
                OrderQuery(client_order_id=one.id),
                OrderQuery(ids=[one.id]),
            ):
                expect_equal((await orders.find(query)).items, (one,), f"find of {query}")
        removed = await orders.remove([(one.id, 1) for one in held[::2]])
        expect_equal(removed, len(held[::2]), "count of removed orders")
        await expect_held(orders, *held[1::2])


@book.law()
async def integers_come_out_as_they_went_in(trial: Trial[OrderStore]) -> None:
    """
    0, 1 and 2^63-1 come out of every field exactly, larger exact fees too, and sort as numbers.
    """
    fields = (
        "quantity",
        "price",
        "filled_quantity",
        "remaining_quantity",
        "timestamp",
        "order_num",
        "version",
        "volume",
        "spent",
        "expires_at_ms",
        "fee_paid",
    )
    held = [
        order(number, fee_exact=exact, **dict.fromkeys(fields, integer))
        for number, (integer, exact) in enumerate(zip(INTEGERS, EXACT_FEES, strict=True))
    ]
    async with trial.opened() as orders:
        await orders.save(held)
        await expect_held(orders, *held)


@book.law()
async def every_enumeration_comes_out(trial: Trial[OrderStore]) -> None:
    """Every value of every enumeration comes out as it went in."""
    held = [
        order(
            number,
            side=side,
            order_type=order_type,
            status=status,
            time_in_force=time_in_force,
            self_trade=self_trade,
        )
        for number, (side, order_type, status, time_in_force, self_trade) in enumerate(
            itertools.zip_longest(
                Side, OrderType, OrderStatus, TimeInForce, SelfTrade, fillvalue=None
            )
        )
        for side, order_type, time_in_force, self_trade in [
            (
                side or Side.BUY,
                order_type or OrderType.LIMIT,
                time_in_force or TimeInForce.GTC,
                self_trade or SelfTrade.NONE,
            )
        ]
    ]
    async with trial.opened() as orders:
        await orders.save(held)
        await expect_held(orders, *held)


@book.law()
async def optional_fields_come_out_set_and_unset(trial: Trial[OrderStore]) -> None:
    """Each optional field comes out set as it was set, and unset as it was unset."""
    optional: dict[str, object] = {
        "expires_at_ms": 0,
        "post_only": True,
        "client_order_id": "c",
        "volume": 1,
        "spent": 1,
        "group": "g",
        "session": "s",
        "fee_exact": 1,
        "fee_paid": 1,
        "time_in_force": TimeInForce.GTD,
        "self_trade": SelfTrade.CANCEL_BOTH,
    }
    held = [order(0), order(1, **optional)]
    held += [order(2 + at, **{name: optional[name]}) for at, name in enumerate(optional)]
    async with trial.opened() as orders:
        await orders.save(held)
        await expect_held(orders, *held)


@book.law()
async def find_goes_by_order_num_and_id(trial: Trial[OrderStore]) -> None:
    """`find` answers by (`order_num`, `id`), numbers as numbers and ids by code point."""
    held = [
        order(number, id=id, order_num=order_num)
        for number, (order_num, id) in enumerate(
            [(10, "a"), (9, "z"), (10, "B"), (10, "b"), (2, "é"), (10, "Z"), (2, "f"), (100, "a1")]
        )
    ]
    async with trial.opened() as orders:
        for one in held:
            await orders.save([one])
        await expect_held(orders, *held)
        expect_equal(await pages(orders, {}, 3), orders_asked_for(held, OrderQuery()), "the pages")


@book.law()
async def every_filter_is_honoured(trial: Trial[OrderStore]) -> None:
    """Every field of a question filters, alone and with others; nothing is ignored."""
    held = mixed_orders()
    some = held[17]
    choices: dict[str, tuple[object, ...]] = {
        "user_id": ("user_1", "nobody"),
        "side": (Side.BUY, Side.SELL),
        "event_id": (0, 9),
        "market_id": (1, 9),
        "token_id": (some.symbol.token_id, "none"),
        "statuses": (ACTIVE_STATUSES, frozenset({OrderStatus.FILLED}), frozenset()),
        "ids": (frozenset({"order_3", "order_4", "order_99"}), frozenset()),
        "client_order_id": ("client_1", "none"),
        "start_ms": (START_MS + 7,),
        "end_ms": (START_MS + 15,),
    }
    singles = [{name: value} for name, values in choices.items() for value in values]
    pairs = [
        {**one, **other}
        for one, other in itertools.combinations(singles, 2)
        if not one.keys() & other
    ]
    async with trial.opened() as orders:
        await orders.save(held)
        for fields in [{}, *singles, *pairs]:
            query = OrderQuery(**fields)  # type: ignore[arg-type]
            wanted = orders_asked_for(held, query)
            expect_equal(list((await orders.find(query)).items), wanted, f"find of {query}")


@book.law()
async def find_filters_before_it_limits(trial: Trial[OrderStore]) -> None:
    """`limit` counts what is asked for, not what was looked at."""
    held = [order(number, user_id="mine" if number >= 55 else "other") for number in range(60)]
    async with trial.opened() as orders:
        await orders.save(held)
        for fields, wanted in (
            ({"user_id": "mine"}, held[55:58]),
            ({"start_ms": START_MS + 40}, held[40:43]),
            ({"side": Side.BUY, "start_ms": START_MS + 50}, held[51:56:2]),
        ):
            query = OrderQuery(**fields, limit=3)
            expect_equal(list((await orders.find(query)).items), wanted, f"find of {query}")


@book.law()
async def windows_are_half_open(trial: Trial[OrderStore]) -> None:
    """A time window holds its start and not its end."""
    held = [order(number) for number in range(5)]
    async with trial.opened() as orders:
        await orders.save(held)
        for start, end in ((1, 3), (2, 2), (3, 1), (0, 5), (None, 2), (2, None)):
            query = OrderQuery(
                start_ms=None if start is None else START_MS + start,
                end_ms=None if end is None else START_MS + end,
            )
            wanted = orders_asked_for(held, query)
            expect_equal(list((await orders.find(query)).items), wanted, f"find of {query}")


@book.law()
async def pages_show_everything_once(trial: Trial[OrderStore]) -> None:
    """Pages of every size show each order once and in order, and the last one has no `next`."""
    held = mixed_orders(30)
    questions: tuple[dict[str, object], ...] = (
        {},
        {"user_id": "user_1"},
        {"side": Side.SELL},
        {"token_id": "token_2"},
        {"statuses": ACTIVE_STATUSES},
        {"ids": frozenset(one.id for one in held[5:25])},
        {"client_order_id": "client_1"},
    )
    async with trial.opened() as orders:
        await orders.save(held)
        for fields in questions:
            wanted = orders_asked_for(held, OrderQuery(**fields))  # type: ignore[arg-type]
            for limit in (1, 2, 7, len(wanted), len(wanted) + 1):
                found = await pages(orders, fields, limit)
                expect_equal(found, wanted, f"pages of {limit} for {fields}")


@book.law()
async def pages_bear_changes_meanwhile(trial: Trial[OrderStore]) -> None:
    """
    An order that does not change while one pages is seen exactly once, whatever the others do.
    """
    still = [order(number) for number in range(0, 60, 3)]
    async with trial.opened() as orders:
        await orders.save([order(number) for number in range(60)])
        seen: list[str] = []
        after: str | None = None
        for turn in range(1000):
            page = await orders.find(OrderQuery(after=after, limit=4))
            seen += [one.id for one in page.items]
            after = page.next
            if after is None:
                break
            last = page.items[-1]
            changing = [number for number in range(60) if number % 3]
            ends = changing[turn % len(changing)]
            await orders.remove([(last.id, 10_000)] if last.order_num % 3 else [])
            await orders.remove([(f"order_{ends}", 10_000)])
            moved = changing[(turn * 7) % len(changing)]
            await orders.save([order(moved, version=turn + 2, order_num=turn % 60)])
            await orders.save([order(1000 + turn, order_num=turn * 5 % 60)])
        expect(after is None, "the pages do not end")
        counts = {one.id: seen.count(one.id) for one in still}
        expect_equal(counts, {one.id: 1 for one in still}, "how often the still ones were seen")


@book.law()
async def a_malformed_cursor_is_refused(trial: Trial[OrderStore]) -> None:
    """A cursor that the store did not make is an `InvalidQuery`."""
    async with trial.opened() as orders:
        await orders.save([order(1)])
        for cursor in ("", "nonsense", "-1", "\x00", "é", "W10=", "eyJhIjogMX0="):
            call = orders.find(OrderQuery(after=cursor))
            await expect_raises(InvalidQuery, call, f"find after {cursor!r}")
