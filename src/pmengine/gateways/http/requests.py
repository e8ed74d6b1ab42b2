"""What clients may ask: the bodies and parameters of requests, as their schemas."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pmstore import INTEGER_MAX

LIMIT_MAX = 1000
ID_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"

Number = Annotated[int, Meta(ge=1, le=INTEGER_MAX)]
EpochMs = Annotated[int, Meta(ge=0, le=INTEGER_MAX, description="Epoch milliseconds (UTC).")]
Id = Annotated[str, Meta(description="1..64 of A-Z a-z 0-9 . _ : -", examples=["c1"])]
PriceText = Annotated[
    str, Meta(description="Exact decimal 0.001 .. 0.999, at most 4 digits.", examples=["0.5"])
]
QuantityText = Annotated[
    str, Meta(description="Shares: exact decimal, at most 2 digits.", examples=["1.25"])
]
MoneyText = Annotated[
    str, Meta(description="Money: exact decimal, at most 6 digits.", examples=["100"])
]
PayoutText = Annotated[
    str, Meta(description="What a share is paid: 0 .. 1, at most 4 digits.", examples=["1"])
]
Outcome = Annotated[str, Meta(min_length=1, max_length=255)]
Limit = Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="Items on the page.")]
After = Annotated[str, Meta(description="The `next` of the page before.")]


class _Body(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown fields are refused: a mistyped name must not be taken for its absence."""


class NewOrder(_Body, frozen=True, gc=False, kw_only=True):
    """
    A new order.

    A limit order has price and quantity. A market sell has a quantity, a market buy a
    volume (its money); price is then the worst that it takes. Without `client_order_id`
    one is made. After `valid_until_ms` it is refused instead of taken; without, that is in
    one hour.
    """

    event_id: Number
    market_id: Number
    token_id: Id
    side: Literal["buy", "sell"]
    type: Literal["limit", "market"]
    price: PriceText | None = None
    quantity: QuantityText | None = None
    volume: MoneyText | None = None
    time_in_force: Literal["gtc", "ioc"] | None = None
    post_only: bool = False
    self_trade: Literal["cancel_taker", "cancel_maker", "cancel_both", "none"] | None = None
    client_order_id: Id | None = None
    valid_until_ms: EpochMs | None = None


class OrderAmendment(_Body, frozen=True, kw_only=True):
    """A new price and/or total quantity, filled part included."""

    price: PriceText | None = None
    quantity: QuantityText | None = None


class MarketDefinition(_Body, frozen=True, kw_only=True):
    """A question with two outcomes and their two tokens; `tick_size` in 0.0001."""

    token_ids: tuple[Id, Id]
    outcomes: tuple[Outcome, Outcome] = ("Yes", "No")
    tick_size: Annotated[int, Meta(ge=1, le=10_000)] = 1


class NewEvent(_Body, frozen=True, kw_only=True):
    """An event with its markets by id; trading ends at `end_date` (RFC 3339)."""

    event_id: Number
    markets: Annotated[dict[Number, MarketDefinition], Meta(max_length=500)]
    end_date: Annotated[str, Meta(examples=["2030-01-01T00:00:00Z"])] | None = None


class NewDeposit(_Body, frozen=True, kw_only=True):
    """Money that came from outside; the same `id` again changes nothing."""

    id: Id
    user_id: Id
    amount: MoneyText


class NewWithdrawal(_Body, frozen=True, kw_only=True):
    """Own money that leaves; the same `id` again changes nothing."""

    id: Id
    amount: MoneyText


class PairAmount(_Body, frozen=True, kw_only=True):
    """Shares of both tokens of a market; the same `id` again changes nothing."""

    id: Id
    event_id: Number
    market_id: Number
    amount: QuantityText


class Resolution(_Body, frozen=True, kw_only=True):
    """What a share of each token is paid; together 1."""

    payouts: tuple[PayoutText, PayoutText]


class NoParameters(_Body, frozen=True, kw_only=True):
    """Neither a path nor a query parameter."""


class OrderPath(_Body, frozen=True, kw_only=True):
    order_id: Id


class EventPath(_Body, frozen=True, kw_only=True):
    event_id: Number


class MarketPath(_Body, frozen=True, kw_only=True):
    event_id: Number
    market_id: Number


class OrderFilter(_Body, frozen=True, kw_only=True):
    status: Annotated[Literal["active", "closed"], Meta(description="Open or ended.")] | None = None
    event_id: Number | None = None
    market_id: Number | None = None
    limit: Limit = 100
    after: After | None = None


class EventFilter(_Body, frozen=True, kw_only=True):
    limit: Limit = 100
    after: After | None = None


class DepthFilter(_Body, frozen=True, kw_only=True):
    event_id: Number
    market_id: Number
    levels: Annotated[int, Meta(ge=1, le=10_000, description="Of each side.")] | None = None


class TradeFilter(_Body, frozen=True, kw_only=True):
    event_id: Number | None = None
    market_id: Number | None = None
    start_ms: EpochMs | None = None
    end_ms: Annotated[int, Meta(ge=0, le=INTEGER_MAX, description="Exclusive.")] | None = None
    limit: Limit = 100
    after: After | None = None
