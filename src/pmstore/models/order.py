"""An order as it is at one version."""

from __future__ import annotations

import enum

import attrs

from pmstore.models.symbol import Symbol


class Side(enum.Enum):
    BUY = "Buy"
    SELL = "Sell"


class OrderType(enum.Enum):
    LIMIT = "Limit"
    MARKET = "Market"


class OrderStatus(enum.Enum):
    NEW = "New"
    PARTIALLY_FILLED = "PartiallyFilled"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    REJECTED = "Rejected"


class TimeInForce(enum.Enum):
    GTC = "gtc"
    GTD = "gtd"
    IOC = "ioc"
    FOK = "fok"


class SelfTrade(enum.Enum):
    CANCEL_TAKER = "cancel_taker"
    CANCEL_MAKER = "cancel_maker"
    CANCEL_BOTH = "cancel_both"
    NONE = "none"


ACTIVE_STATUSES = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})


@attrs.define(weakref_slot=False)
class Order:
    """
    An order as it is at one `version`; replaced, never mutated.

    Plain slotted (a frozen one costs three times as much to make, and the engine makes
    one per change). Price in ticks, quantities in lots, volume and spent in micros,
    times in epoch milliseconds. `order_num` is the arrival number and decides time
    priority; `version` grows with every change. A market buy's `quantity` is what it
    has bought so far. `fee_exact` is the sum of the exact fees of its fills in 10^-10
    micros, an integer of any size; `fee_paid` the micros that were paid of it.
    """

    id: str
    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: int
    price: int
    status: OrderStatus
    filled_quantity: int
    remaining_quantity: int
    timestamp: int
    user_id: str
    order_num: int
    version: int = 0
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at_ms: int | None = None
    post_only: bool = False
    client_order_id: str | None = None
    volume: int = 0
    spent: int = 0
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER
    group: str | None = None
    session: str | None = None
    fee_exact: int = 0
    fee_paid: int = 0
