"""A small venue of our own, without pmengine, that records itself in Bitstamp's format."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from random import Random

START_MS = 1_700_000_000_000
COIN = 10**8
DEPTH = 20


class Venue:
    """
    A price-time book, as slow as it is plain, which writes a line for everything it does.

    What happens before `record()` leaves no line: such orders are older than the recording.
    Prices are cents, amounts 1e-8.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.prints: list[tuple[int, int]] = []
        self.time_ms = START_MS
        self.orders: dict[int, list[int]] = {}
        self._recording = False
        self._next_id = 9_990
        self._turn = 0

    def record(self) -> None:
        self._recording = True

    def submit(self, is_bid: bool, price: int, amount: int) -> int:
        order_id = self._next_id
        self._next_id += 1
        self._turn += 1
        self.orders[order_id] = [is_bid, price, amount, self._turn]
        self.tell("order_created", order_id)
        self._match(order_id)
        return order_id

    def cancel(self, order_id: int) -> None:
        self.tell("order_deleted", order_id)
        del self.orders[order_id]

    def reprice(self, order_id: int, price: int) -> None:
        self._turn += 1
        self.orders[order_id][1] = price
        self.orders[order_id][3] = self._turn
        self.tell("order_changed", order_id)
        self._match(order_id)

    def picture(self) -> None:
        sides = {"bids": self.levels(True)[:DEPTH], "asks": self.levels(False)[:DEPTH]}
        document = {
            side: [[cents(price), coins(amount)] for price, amount in levels]
            for side, levels in sides.items()
        }
        self.line("order_book", document)

    def levels(self, is_bid: bool) -> list[tuple[int, int]]:
        total: dict[int, int] = {}
        for bid, price, amount, _ in self.orders.values():
            if bid == is_bid:
                total[price] = total.get(price, 0) + amount
        return sorted(total.items(), reverse=is_bid)

    def tell(self, kind: str, order_id: int) -> None:
        is_bid, price, amount, _ = self.orders[order_id]
        self.line(kind, order_document(order_id, bool(is_bid), price, amount))

    def line(self, kind: str, document: object, after_ms: int = 100) -> None:
        self.time_ms += after_ms
        if self._recording:
            self.lines.append(f"{self.time_ms} {kind} {json.dumps(document)}")

    def write(self, path: Path) -> Path:
        return write_lines(path, self.lines)

    def _match(self, taker_id: int) -> None:
        taker = self.orders[taker_id]
        while taker[2]:
            maker_id = self._best_against(taker)
            if maker_id is None:
                return
            maker = self.orders[maker_id]
            amount = min(taker[2], maker[2])
            taker[2] -= amount
            maker[2] -= amount
            for nth, order_id in enumerate(sorted((taker_id, maker_id), key=lambda one: one % 7)):
                is_bid, price, left, _ = self.orders[order_id]
                kind = "order_changed" if left else "order_deleted"
                document = order_document(order_id, bool(is_bid), price, left)
                self.line(kind, document, after_ms=2 if nth else 20)
            if self._recording:
                self.prints.append((maker[1], amount))
            trade = {"price": maker[1] / 100, "amount": amount / COIN, "id": len(self.prints)}
            self.line("trade", trade, after_ms=8)
            if not maker[2]:
                del self.orders[maker_id]
        del self.orders[taker_id]

    def _best_against(self, taker: list[int]) -> int | None:
        is_bid, limit, _, _ = taker
        crossing = [
            (price if is_bid else -price, turn, order_id)
            for order_id, (bid, price, _, turn) in self.orders.items()
            if bid != is_bid and (price <= limit if is_bid else price >= limit)
        ]
        return min(crossing)[2] if crossing else None


def cents(price: int) -> str:
    return f"{price // 100}.{price % 100:02d}"


def coins(amount: int) -> str:
    return f"{amount // COIN}.{amount % COIN:08d}"


def order_document(order_id: int, is_bid: bool, price: int, amount: int) -> dict[str, object]:
    return {
        "price": cents(price),
        "amount": coins(amount),
        "datetime": "1700000000",
        "id": order_id,
        "order_type": 0 if is_bid else 1,
    }


def write_lines(path: Path, lines: list[str]) -> Path:
    """Write a recording; packed if its name ends in `.xz`."""
    text = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(lzma.compress(text) if path.suffix == ".xz" else text)
    return path


def trade_for_a_while(seed: int, steps: int = 1_500) -> Venue:
    """A venue that has recorded about *steps* decisions of a random crowd."""
    chance = Random(seed)
    venue = Venue()
    for side in (True, False):
        for distance in range(1, 40):
            amount = chance.randint(1, 5 * COIN)
            venue.submit(side, 23_600 + (-distance if side else distance), amount)
    venue.record()
    born = venue._next_id
    for step in range(steps):
        act = chance.random()
        mine = [order_id for order_id in venue.orders if order_id >= born]
        price = 23_600 + round(chance.gauss(0, 12))
        if act < 0.6 or not mine:
            venue.submit(chance.random() < 0.5, price, chance.randint(1, 4 * COIN))
        elif act < 0.65:
            venue.reprice(chance.choice(mine), price)
        elif act < 0.75:
            venue.cancel(chance.choice(list(venue.orders)))
        else:
            venue.cancel(chance.choice(mine))
        if step % 4 == 0:
            venue.picture()
    return venue
