"""The facts of the log: each says a thing as it is now, so applying one twice changes nothing."""

from __future__ import annotations

import attrs

from pmstore.models.balance import Balance
from pmstore.models.leaving import Leaving
from pmstore.models.market import Event, Market, MarketState
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.models.symbol import Symbol
from pmstore.models.trade import Trade

Level = tuple[int, int]
"""Price in ticks of the first token, and lots resting there now (0: the level is gone)."""

Content = tuple[str | int | bool | None, ...]
"""What makes two commands with one id the same command."""


@attrs.define(weakref_slot=False)
class OrderCreated:
    """An accepted order as it came in, also if it never rests."""

    order: Order


@attrs.define(weakref_slot=False)
class OrderUpdated:
    """An open order as it is now."""

    order: Order


@attrs.define(weakref_slot=False)
class OrderFilled:
    """An order ended, filled; quantities in lots, spent in micros."""

    order_id: str
    symbol: Symbol
    user_id: str
    version: int
    filled_quantity: int
    remaining_quantity: int
    timestamp: int
    spent: int = 0
    reason: str = ""


@attrs.define(weakref_slot=False)
class OrderCancelled:
    """An order ended with something left, or a market order that bought nothing."""

    order_id: str
    symbol: Symbol
    user_id: str
    version: int
    filled_quantity: int
    remaining_quantity: int
    timestamp: int
    spent: int = 0
    reason: str = ""


@attrs.define(weakref_slot=False)
class OrdersLeaving:
    """
    Whether the orders that `leaving` names are still being worked off.

    Each of them ends with a fact of its own. Those that all end with one step have none of these.
    """

    leaving: Leaving
    working: bool


@attrs.define(weakref_slot=False)
class MarketUpdateId:
    """
    A market's ladder or last price changed.

    `bids` and `asks` are the changed levels, in terms of the first token;
    `last_price` is 0 before any trade. When `cleared`, every other level is gone.
    """

    event_id: int
    market_id: int
    update_id: int
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    last_price: int = 0
    timestamp: int = 0
    cleared: bool = False


@attrs.define(weakref_slot=False)
class EventAdded:
    """An event, with its markets, as it was added."""

    event: Event


@attrs.define(weakref_slot=False)
class EventChanged:
    """Whether an event leaves the state when its last market does."""

    event_id: int
    removing: bool


@attrs.define(weakref_slot=False)
class EventRemoved:
    """An event left the state, with all of its markets."""

    event_id: int


@attrs.define(weakref_slot=False)
class MarketAdded:
    """A market as it was added to its event."""

    event_id: int
    market: Market


@attrs.define(weakref_slot=False)
class MarketRemoved:
    """A market left the state: no token of it is outstanding."""

    event_id: int
    market_id: int


@attrs.define(weakref_slot=False)
class MarketChanged:
    """
    A market's state as it is now.

    `payouts` are ticks per token once it is resolved; `working` says whether its orders or
    holders are still being worked off.
    """

    event_id: int
    market_id: int
    state: MarketState
    removing: bool = False
    payouts: tuple[int, int] | None = None
    working: bool = False


@attrs.define(weakref_slot=False)
class Paused:
    """
    Whether new orders are refused everywhere.

    Before `post_only_until_ms` (epoch milliseconds; 0: never) only post-only orders are taken.
    """

    paused: bool
    post_only_until_ms: int = 0


@attrs.define(weakref_slot=False)
class GroupChanged:
    """
    A user's order group as it is now; its fills stay as they are.

    At most `quantity_max` lots may be filled within `window_ms` (milliseconds), then it is
    `triggered`. With a `quantity_max` of 0 it is gone, and its fills with it.
    """

    user_id: str
    group: str
    quantity_max: int
    window_ms: int
    triggered: bool = False


@attrs.define(weakref_slot=False)
class GroupFilled:
    """
    The lots that orders of a group were filled by in the very millisecond `time_ms`.

    What was filled at or before `time_ms` less the group's window is forgotten now, and at no
    other fact.
    """

    user_id: str
    group: str
    time_ms: int
    quantity: int


@attrs.define(weakref_slot=False)
class SessionChanged:
    """Until when (epoch milliseconds) a user's session lives unless renewed; 0: it ended."""

    user_id: str
    session: str
    deadline_ms: int


@attrs.define(weakref_slot=False)
class Remembered:
    """
    The outcome of one command, under its id if it has one.

    `outcome` is `accepted` or a refusal code; `order_id` the order it made or named.
    With `repeat` it is an answer alone and nothing more is kept.
    """

    user_id: str
    kind: str
    id: str
    outcome: str
    order_id: str
    timestamp: int
    content: Content = ()
    correlation_id: str = ""
    repeat: bool = False


@attrs.define(weakref_slot=False)
class Counters:
    """
    Engine time (epoch milliseconds): what was due to be forgotten by now is; and the cash
    (micros) that came from outside less what left.
    """

    time_ms: int
    deposited: int


@attrs.define(weakref_slot=False)
class Restored:
    """A log that lost its tail goes on above the snapshot with this number and hash."""

    number: int
    hash: str


Change = (
    OrderCreated
    | OrderUpdated
    | OrderFilled
    | OrderCancelled
    | Trade
    | Balance
    | OrdersLeaving
    | MarketUpdateId
    | EventAdded
    | EventChanged
    | EventRemoved
    | MarketAdded
    | MarketRemoved
    | MarketChanged
    | Paused
    | GroupChanged
    | GroupFilled
    | SessionChanged
    | Remembered
    | Counters
    | Restored
)
"""Every fact; `Trade` and `Balance` are facts too (`Traded`, `AccountChanged` on the wire)."""


@attrs.frozen(kw_only=True)
class Batch:
    """
    One entry of the log: everything that one batch of commands changed.

    Each entry carries the hash of the one before; `number` grows by one. `input` says how
    far every input stream was consumed.
    """

    number: int
    epoch: int
    time: int
    prev_hash: str
    hash: str
    input: dict[str, Position]
    changes: list[Change]
