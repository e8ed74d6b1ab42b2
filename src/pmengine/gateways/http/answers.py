"""What clients are answered: the bodies of answers, as their schemas."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from pmengine.gateways.http.problems import ProblemDetails


def decimal(says: str, example: str, *, signed: bool = False) -> Meta:
    """What the description says of an exact decimal."""
    pattern = rf"^{'-?' if signed else ''}(0|[1-9][0-9]*)(\.[0-9]+)?$"
    return Meta(description=says, examples=[example], extra_json_schema={"pattern": pattern})


PriceText = Annotated[str, decimal("Exact decimal.", "0.5")]
QuantityText = Annotated[str, decimal("Shares, exact decimal.", "1.25")]
MoneyText = Annotated[str, decimal("Money, exact decimal.", "100")]
Status = Literal["new", "partially_filled", "filled", "cancelled", "rejected"]


class OrderView(Struct, frozen=True, gc=False, kw_only=True):
    """
    An order as it is now; times in epoch milliseconds.

    `average_price` is null before any fill, rounded to six digits, and left out of lists.
    `volume` and `spent` are there for market buys, `expires_at_ms` for gtd orders, `group` and
    `session` for orders that are of one.
    """

    id: str
    client_order_id: str | None
    event_id: int
    market_id: int
    token_id: str
    side: Literal["buy", "sell"]
    type: Literal["limit", "market"]
    time_in_force: Literal["gtc", "gtd", "ioc", "fok"]
    post_only: bool
    status: Status
    price: PriceText
    quantity: QuantityText
    filled_quantity: QuantityText
    remaining_quantity: QuantityText
    timestamp: int
    version: int
    average_price: PriceText | UnsetType | None = UNSET
    volume: MoneyText | UnsetType = UNSET
    spent: MoneyText | UnsetType = UNSET
    expires_at_ms: int | UnsetType = UNSET
    group: str | UnsetType = UNSET
    session: str | UnsetType = UNSET


class TradeView(Struct, frozen=True, gc=False, kw_only=True):
    """One fill in the taker's terms; `timestamp` in epoch milliseconds."""

    trade_id: int
    event_id: int
    market_id: int
    token_id: str
    side: Literal["buy", "sell"]
    price: PriceText
    quantity: QuantityText
    match_type: Literal["normal", "mint", "merge"]
    timestamp: int


class PlacedOrder(Struct, frozen=True, kw_only=True):
    """An order after the request, with the fills that it took, oldest first."""

    order: OrderView
    trades: list[TradeView]


class BatchAnswer(Struct, frozen=True, kw_only=True):
    """
    What became of one order of a batch: `status` is what it would be answered alone with.

    `order` and `trades` are there if it was accepted, now (201) or before (200), else
    `problem`.
    """

    status: int
    order: OrderView | UnsetType = UNSET
    trades: list[TradeView] | UnsetType = UNSET
    problem: ProblemDetails | UnsetType = UNSET


class BatchAnswers(Struct, frozen=True, kw_only=True):
    """One answer for each order, in their order."""

    items: list[BatchAnswer]


class GroupView(Struct, frozen=True, kw_only=True):
    """The limit of a group as it was set; with a `quantity_max` of 0 there is none."""

    group: str
    quantity_max: QuantityText
    window_ms: int


class SessionView(Struct, frozen=True, kw_only=True):
    """A session that lives for `timeout_ms` from now; with 0 it has ended."""

    session: str
    timeout_ms: int


class OneOrder(Struct, frozen=True, kw_only=True):
    order: OrderView


class CancelledOrders(Struct, frozen=True, kw_only=True):
    """
    Orders as cancelled, in the order of their arrival.

    If there are `more`, those trade no more either, and end one step after the other.
    """

    items: list[OrderView]
    more: bool


class OrderPage(Struct, frozen=True, kw_only=True):
    """A page of orders in the order of their arrival; `next` is null on the last."""

    items: list[OrderView]
    next: str | None


class TradePage(Struct, frozen=True, kw_only=True):
    """A page of trades, newest first; `next` is null on the last."""

    items: list[TradeView]
    next: str | None


class TokenView(Struct, frozen=True, kw_only=True):
    """One outcome of a market; prices are null where there is none."""

    token_id: str
    outcome: str
    best_bid: PriceText | None
    best_ask: PriceText | None
    last_price: PriceText | None
    payout: PriceText | None


class FeesView(Struct, frozen=True, kw_only=True):
    """Of a share at p the rate of min(p, 1-p) if `linear`, of p x (1-p) if `quadratic`."""

    kind: Literal["linear", "quadratic"]
    maker_ppm: int
    taker_ppm: int


class MarketView(Struct, frozen=True, kw_only=True):
    market_id: int
    state: Literal["open", "paused", "closed", "resolved", "void"]
    removing: bool
    tick_size: int
    fees: FeesView | None
    tokens: list[TokenView]


class TopicName(Struct, frozen=True, kw_only=True):
    """What an event is about; `name` as it is now."""

    topic: str
    name: str


class EventView(Struct, frozen=True, kw_only=True):
    """
    An event with its markets by id; `end_date` is RFC 3339 UTC.

    `title`, `slug`, `topic` and `image_url` are null where it has none, `description` is then
    empty and left out of lists. `volume_24h`, the money traded in the last 24 hours, is there in
    lists by volume.
    """

    event_id: int
    title: str | None
    slug: str | None
    topic: TopicName | None
    image_url: str | None
    end_date: str | None
    exclusive: bool
    removing: bool
    markets: dict[int, MarketView]
    description: str | UnsetType = UNSET
    volume_24h: MoneyText | UnsetType = UNSET


class EventPage(Struct, frozen=True, kw_only=True):
    """A page of events; `next` is null on the last."""

    items: list[EventView]
    next: str | None


class ClosedEvent(Struct, frozen=True, kw_only=True):
    """Trading has ended in all markets of an event."""

    event_id: int
    closed: Literal[True] = True


class TopicView(Struct, frozen=True, kw_only=True):
    """What events are about; new ones only while it is `active`."""

    topic: str
    name: str
    active: bool


class TopicList(Struct, frozen=True, kw_only=True):
    """Every topic by its id; `next` is null, as there is no further page."""

    items: list[TopicView]
    next: None = None


class CashView(Struct, frozen=True, kw_only=True):
    available: MoneyText
    frozen: MoneyText


class PositionView(Struct, frozen=True, kw_only=True):
    """Shares of one token; `average_price` is there where an account is asked for."""

    token_id: str
    available: QuantityText
    frozen: QuantityText
    average_price: PriceText | UnsetType | None = UNSET


class AccountView(Struct, frozen=True, kw_only=True):
    """
    What a user holds; `frozen` is set aside for open orders.

    With several shards `cash_by_shard` says how much of the cash is on each, by its number.
    """

    user_id: str
    cash: CashView
    positions: list[PositionView]
    cash_by_shard: list[CashView] | UnsetType = UNSET


class PauseView(Struct, frozen=True, kw_only=True):
    """Whether new orders are refused everywhere; for how long only post-only ones are taken."""

    paused: bool
    post_only_ms: int


class HealthView(Struct, frozen=True, kw_only=True):
    status: Literal["alive"]


class ReadinessView(Struct, frozen=True, kw_only=True):
    ready: bool
    reason: str
