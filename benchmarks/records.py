"""The orders and trades that the benchmarks of stores keep."""

from __future__ import annotations

from typing import Final

from pmstore import MatchType, Order, OrderStatus, OrderType, Side, Symbol, Trade

USERS: Final = 500
SYMBOLS: Final = tuple(Symbol(1, number // 2, f"token_{number}") for number in range(20))
_START_MS: Final = 1_704_110_400_000


def stored_order(number: int, *, user_id: str = "", version: int = 1) -> Order:
    """The *number*-th order; in a later *version* than the first it is partly filled."""
    filled = 0 if version == 1 else 40
    return Order(
        id=f"order_{number:012d}",
        symbol=SYMBOLS[number % len(SYMBOLS)],
        side=Side.BUY if number % 2 else Side.SELL,
        order_type=OrderType.LIMIT,
        quantity=100,
        price=5_000,
        status=OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.NEW,
        filled_quantity=filled,
        remaining_quantity=100 - filled,
        timestamp=_START_MS + number,
        user_id=user_id or f"user_{number % USERS}",
        order_num=number,
        version=version,
    )


def stored_trade(number: int) -> Trade:
    """The *number*-th trade; ten of them happen in a millisecond."""
    symbol = SYMBOLS[number % len(SYMBOLS)]
    return Trade(
        trade_id=number * 1024,
        match_type=MatchType.NORMAL,
        taker_order_id=f"order_{number:012d}",
        maker_order_id=f"order_{number + 5:012d}",
        taker_user_id=f"user_{number % USERS}",
        maker_user_id=f"user_{number % 77}",
        symbol=symbol,
        maker_symbol=symbol,
        side=Side.BUY,
        maker_side=Side.SELL,
        price=5_000,
        maker_price=5_000,
        quantity=100,
        timestamp=_START_MS + number // 10,
        taker_is_bid=True,
    )
