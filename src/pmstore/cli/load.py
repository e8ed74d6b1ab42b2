"""A small load on a store, with the time that each call took."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import attrs

from pmstore.models.order import Order, OrderStatus, OrderType, Side
from pmstore.models.query import OrderQuery, TradeQuery
from pmstore.models.symbol import Symbol
from pmstore.models.trade import MatchType, Trade
from pmstore.protocols import OrderStore, TradeStore

_BATCH: Final = 100
_USERS: Final = 50
_START_MS: Final = 1_700_000_000_000
_SYMBOL: Final = Symbol(1, 1, "token_1")


@attrs.frozen
class Measurement:
    """How long the calls of one verb took in one round, each with so many records."""

    verb: str
    durations_s: Sequence[float]
    records_per_call: int = 1

    @property
    def calls(self) -> int:
        """How many calls."""
        return len(self.durations_s)

    @property
    def records(self) -> int:
        """How many records went through all of them."""
        return self.calls * self.records_per_call

    @property
    def mean_s(self) -> float:
        """Seconds of a call on the average."""
        return sum(self.durations_s) / self.calls

    def quantile_s(self, part: float) -> float:
        """Seconds within which *part* of the calls had ended."""
        return sorted(self.durations_s)[min(self.calls - 1, int(part * self.calls))]


async def _timed(
    verb: str, calls: int, call: Callable[[int], Awaitable[object]], records: int = 1
) -> Measurement:
    durations: list[float] = []
    for number in range(calls):
        started = time.perf_counter()
        await call(number)
        durations.append(time.perf_counter() - started)
    return Measurement(verb, durations, records)


async def load_orders(store: OrderStore, round_number: int, calls: int) -> list[Measurement]:
    """One round over an order store; every round brings orders of its own."""
    first = round_number * calls * (1 + _BATCH)
    behind = first + calls
    batches = [
        [_order(behind + number * _BATCH + one) for one in range(_BATCH)] for number in range(calls)
    ]
    return [
        await _timed("save 1", calls, lambda number: store.save([_order(first + number)])),
        await _timed(f"save {_BATCH}", calls, lambda number: store.save(batches[number]), _BATCH),
        await _timed("get 1", calls, lambda number: store.get([f"bench_{first + number}"])),
        await _timed(
            f"get {_BATCH}",
            calls,
            lambda number: store.get([one.id for one in batches[number]]),
            _BATCH,
        ),
        await _timed(
            "find 50 of a user",
            calls,
            lambda number: store.find(OrderQuery(user_id=f"user_{number % _USERS}", limit=50)),
            50,
        ),
        await _timed(
            "remove 1", calls, lambda number: store.remove([(f"bench_{first + number}", 1)])
        ),
    ]


async def load_trades(store: TradeStore, round_number: int, calls: int) -> list[Measurement]:
    """One round over a trade store; every round brings trades of its own."""
    first = round_number * calls * (1 + _BATCH)
    behind = first + calls
    batches = [
        [_trade(behind + number * _BATCH + one) for one in range(_BATCH)] for number in range(calls)
    ]
    return [
        await _timed("append 1", calls, lambda number: store.append([_trade(first + number)])),
        await _timed(
            f"append {_BATCH}", calls, lambda number: store.append(batches[number]), _BATCH
        ),
        await _timed(
            "find the newest 50", calls, lambda number: store.find(TradeQuery(limit=50)), 50
        ),
        await _timed(
            "find 50 of a user",
            calls,
            lambda number: store.find(TradeQuery(user_id=f"user_{number % _USERS}", limit=50)),
            50,
        ),
    ]


def _order(number: int) -> Order:
    return Order(
        id=f"bench_{number}",
        symbol=_SYMBOL,
        side=Side.BUY if number % 2 else Side.SELL,
        order_type=OrderType.LIMIT,
        quantity=100,
        price=5000,
        status=OrderStatus.NEW,
        filled_quantity=0,
        remaining_quantity=100,
        timestamp=_START_MS + number,
        user_id=f"user_{number % _USERS}",
        order_num=number,
        version=1,
    )


def _trade(number: int) -> Trade:
    return Trade(
        trade_id=number,
        match_type=MatchType.NORMAL,
        taker_order_id=f"bench_{number}",
        maker_order_id=f"bench_{number // 2}",
        taker_user_id=f"user_{number % _USERS}",
        maker_user_id="maker",
        symbol=_SYMBOL,
        maker_symbol=_SYMBOL,
        side=Side.BUY,
        maker_side=Side.SELL,
        price=5000,
        maker_price=5000,
        quantity=100,
        timestamp=_START_MS + number,
        taker_is_bid=True,
    )
