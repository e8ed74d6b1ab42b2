"""
Plays a recorded flow through one order book of others, and says how long that took.

A program of its own, in an environment where nothing of ours is installed: `benchmarks.peers`
makes that environment and starts this with the name of the book, the flow, the seconds that
it may take, and whether trades are asked for instead of the time.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

ADD, CANCEL, TAKE = range(3)
PART = 100
"""Steps between two looks at the clock."""

Step = tuple[int, int, bool, int, int]
"""Kind, number of the order, whether it buys, price, quantity."""
Trade = tuple[int, int, int, int]
"""Number of the taker, number of the maker, quantity, price."""
Play = Callable[[Sequence[Step], "list[Any] | None"], None]
"""Does steps, and keeps what the book answers if there is a list for it."""
Told = Callable[["list[Any]"], list[Trade]]
"""The trades in what was kept."""


def cython_orderbook(orders: int) -> tuple[Play, Told]:
    from cython_orderbook import Order, OrderBook, OrderSide

    return _with_order_objects(Order, OrderBook, OrderSide, orders)


def akhil4n_orderbook(orders: int) -> tuple[Play, Told]:
    from orderbook import Order, OrderBook, OrderSide

    return _with_order_objects(Order, OrderBook, OrderSide, orders)


def _with_order_objects(new_order: Any, new_book: Any, side: Any, orders: int) -> tuple[Play, Told]:
    book = new_book()
    buy, sell = side.BID, side.ASK
    ids: list[str] = [""] * orders

    def play(steps: Sequence[Step], kept: list[Any] | None) -> None:
        for kind, number, is_bid, price, quantity in steps:
            if kind == CANCEL:
                book.cancel_order(ids[number])
                continue
            order = new_order(side=buy if is_bid else sell, price=price, original_quantity=quantity)
            ids[number] = order.order_id
            book.add_limit_order(order)

    def told(kept: list[Any]) -> list[Trade]:
        numbers = {name: number for number, name in enumerate(ids) if name}
        return [
            (
                numbers[one.aggressor_id],
                numbers[one.filler_id],
                one.quantity_filled,
                int(one.price),
            )
            for one in book.trade_log
        ]

    return play, told


def lightmatchingengine(orders: int) -> tuple[Play, Told]:
    from lightmatchingengine.lightmatchingengine import LightMatchingEngine

    engine = LightMatchingEngine()
    ids = [0] * orders

    def play(steps: Sequence[Step], kept: list[Any] | None) -> None:
        for kind, number, is_bid, price, quantity in steps:
            if kind == CANCEL:
                engine.cancel_order(ids[number], "market")
                continue
            order, trades = engine.add_order("market", price, quantity, 1 if is_bid else 2)
            ids[number] = order.order_id
            if kept is not None:
                kept.append((number, trades))

    def told(kept: list[Any]) -> list[Trade]:
        numbers = {name: number for number, name in enumerate(ids) if name}
        return [
            (taker, numbers[one.order_id], one.trade_qty, one.trade_price)
            for taker, trades in kept
            for one in trades
            if one.order_id != ids[taker]
        ]

    return play, told


def pyorderbook(orders: int) -> tuple[Play, Told]:
    from pyorderbook import Book, ask, bid

    book = Book()
    made: list[Any] = [None] * orders

    def play(steps: Sequence[Step], kept: list[Any] | None) -> None:
        for kind, number, is_bid, price, quantity in steps:
            if kind == CANCEL:
                book.cancel(made[number])
                continue
            order = bid("market", price, quantity) if is_bid else ask("market", price, quantity)
            made[number] = order
            blotter = book.match(order)
            if kept is not None:
                kept.append((number, blotter.trades))

    def told(kept: list[Any]) -> list[Trade]:
        numbers = {order.id: number for number, order in enumerate(made) if order is not None}
        return [
            (taker, numbers[one.standing_order_id], one.fill_quantity, int(one.fill_price))
            for taker, trades in kept
            for one in trades
        ]

    return play, told


def order_matching(orders: int) -> tuple[Play, Told]:
    from loguru import logger
    from order_matching.enums import Side
    from order_matching.matching_engine import MatchingEngine
    from order_matching.order import LimitOrder
    from order_matching.orders import Orders

    logger.remove()
    engine = MatchingEngine(seed=1)
    now = datetime(2024, 1, 1)

    def play(steps: Sequence[Step], kept: list[Any] | None) -> None:
        for kind, number, is_bid, price, quantity in steps:
            if kind == CANCEL:
                engine.cancel_order(str(number))
                continue
            order = LimitOrder(
                side=Side.BUY if is_bid else Side.SELL,
                price=price,
                size=quantity,
                timestamp=now,
                order_id=str(number),
                trader_id="trader",
            )
            engine.place(Orders([order]))
            executed = engine.match(now)
            if kept is not None:
                kept.append(executed.trades)

    def told(kept: list[Any]) -> list[Trade]:
        return [
            (int(one.incoming_order_id), int(one.book_order_id), int(one.size), int(one.price))
            for trades in kept
            for one in trades
        ]

    return play, told


BOOKS = {
    "lightmatchingengine": lightmatchingengine,
    "cython-orderbook": cython_orderbook,
    "akhil4n-orderbook": akhil4n_orderbook,
    "pyorderbook": pyorderbook,
    "order-matching": order_matching,
}


def main(name: str, flow: str, seconds_max: float, trades_asked: bool) -> None:
    """Print as JSON how many of the measured steps were done, in which time, with what trades."""
    recorded = json.loads(Path(flow).read_text(encoding="utf-8"))
    before = [tuple(step) for step in recorded["before"]]
    measured = [tuple(step) for step in recorded["measured"]]
    play, told = BOOKS[name](recorded["orders"])
    kept: list[Any] | None = [] if trades_asked else None
    play(before, kept)
    # As everything that is measured here: what stands is permanent, few collections.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 1_000_000)
    done, seconds = 0, 0.0
    start = time.perf_counter()
    while done < len(measured) and seconds < seconds_max:
        play(measured[done : done + PART], kept)
        done = min(done + PART, len(measured))
        seconds = time.perf_counter() - start
    trades = told(kept) if kept is not None else []
    print(json.dumps({"operations": done, "seconds": seconds, "trades": trades}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4] == "trades")
