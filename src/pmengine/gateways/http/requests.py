"""What clients may ask: the bodies and parameters of requests, as their schemas."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pmengine.services.events.rules import (
    DESCRIPTION_CHARS_MAX,
    IMAGE_URL_CHARS_MAX,
    NAME_CHARS_MAX,
    SLUG_CHARS_MAX,
    SLUG_PATTERN,
    TITLE_CHARS_MAX,
)
from pmengine.shards import SHARDS_MAX
from pmstore import (
    FEE_PPM_MAX,
    INTEGER_MAX,
    MONEY_DECIMALS,
    PRICE_DECIMALS,
    QUANTITY_DECIMALS,
)

LIMIT_MAX = 1000
BATCH_MAX = 100
WINDOW_MS_MAX = 31 * 86_400_000
ID_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"

Number = Annotated[int, Meta(ge=1, le=INTEGER_MAX)]
EpochMs = Annotated[int, Meta(ge=0, le=INTEGER_MAX, description="Epoch milliseconds (UTC).")]
# Patterns are for readers of the description: what does not fit is refused with more words.
Id = Annotated[
    str,
    Meta(
        description="1..64 of A-Z a-z 0-9 . _ : -",
        examples=["c1"],
        extra_json_schema={"pattern": ID_PATTERN},
    ),
]


def _decimal(says: str, digits: int, example: str) -> Meta:
    pattern = rf"^(0|[1-9][0-9]{{0,12}})(\.[0-9]{{1,{digits}}})?$"
    return Meta(description=says, examples=[example], extra_json_schema={"pattern": pattern})


PriceText = Annotated[
    str, _decimal("Exact decimal 0.001 .. 0.999, at most 4 digits.", PRICE_DECIMALS, "0.5")
]
QuantityText = Annotated[
    str, _decimal("Shares: exact decimal, at most 2 digits.", QUANTITY_DECIMALS, "1.25")
]
MoneyText = Annotated[
    str, _decimal("Money: exact decimal, at most 6 digits.", MONEY_DECIMALS, "100")
]
PayoutText = Annotated[
    str, _decimal("What a share is paid: 0 .. 1, at most 4 digits.", PRICE_DECIMALS, "1")
]
Shard = Annotated[
    int, Meta(ge=0, le=SHARDS_MAX - 1, description="Where the money is; unset, the user's home.")
]
Slug = Annotated[
    str,
    Meta(
        max_length=SLUG_CHARS_MAX,
        description="Words of a-z 0-9, joined by single -",
        examples=["world-cup"],
        extra_json_schema={"pattern": SLUG_PATTERN},
    ),
]
TopicName = Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX, examples=["Football"])]
Outcome = Annotated[str, Meta(min_length=1, max_length=255)]
Rate = Annotated[int, Meta(ge=0, le=FEE_PPM_MAX, description="Parts per million.")]
_BY_NUMBER = {"propertyNames": {"pattern": "^[1-9][0-9]{0,17}$"}}
Payouts = tuple[PayoutText, PayoutText]
Limit = Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="Items on the page.")]
After = Annotated[str, Meta(description="The `next` of the page before.")]


class Input(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown fields are refused: a mistyped name must not be taken for its absence."""


class NewOrder(Input, frozen=True, gc=False, kw_only=True):
    """
    A new order.

    A limit order has price and quantity. A market sell has a quantity, a market buy a
    volume (its money); price is then the worst that it takes. Without `client_order_id`
    one is made. `expires_at_ms` belongs to `gtd`, which rests until then. After
    `valid_until_ms` it is refused instead of taken; without, that is in one hour. What fills
    it counts for its `group`; it is cancelled when its `session` ends.
    """

    event_id: Number
    market_id: Number
    token_id: Id
    side: Literal["buy", "sell"]
    type: Literal["limit", "market"]
    price: PriceText | None = None
    quantity: QuantityText | None = None
    volume: MoneyText | None = None
    time_in_force: Literal["gtc", "gtd", "ioc", "fok"] | None = None
    expires_at_ms: EpochMs | None = None
    post_only: bool = False
    self_trade: Literal["cancel_taker", "cancel_maker", "cancel_both", "none"] | None = None
    group: Id | None = None
    session: Id | None = None
    client_order_id: Id | None = None
    valid_until_ms: EpochMs | None = None


class OrderBatch(Input, frozen=True, kw_only=True):
    """New orders, each judged on its own, taken one after the other."""

    orders: Annotated[list[NewOrder], Meta(min_length=1, max_length=BATCH_MAX)]


class OrderAmendment(Input, frozen=True, kw_only=True):
    """A new price and/or total quantity, filled part included."""

    price: PriceText | None = None
    quantity: QuantityText | None = None


class FeeDefinition(Input, frozen=True, kw_only=True):
    """
    What a market charges makers and takers.

    Of a share at price p, the rate of min(p, 1-p) if `linear`, of p x (1-p) if `quadratic`.
    """

    kind: Literal["linear", "quadratic"]
    maker_ppm: Rate
    taker_ppm: Rate


class MarketDefinition(Input, frozen=True, kw_only=True):
    """A question with two outcomes and their two tokens; `tick_size` in 0.0001."""

    token_ids: tuple[Id, Id]
    outcomes: tuple[Outcome, Outcome] = ("Yes", "No")
    tick_size: Annotated[int, Meta(ge=1, le=10_000)] = 1
    fees: FeeDefinition | None = None


class NewEvent(Input, frozen=True, kw_only=True):
    """
    An event with its markets by id; trading ends at `end_date` (RFC 3339).

    At most one market of an `exclusive` event is answered with its first outcome. With a `title`
    it needs a `topic`, and gets a `slug` and the next free `event_id` where none is given; without
    it has none of what people read.
    """

    event_id: Number | None = None
    title: Annotated[str, Meta(max_length=TITLE_CHARS_MAX, examples=["Who wins?"])] | None = None
    slug: Slug | None = None
    topic: Slug | None = None
    description: Annotated[str, Meta(max_length=DESCRIPTION_CHARS_MAX)] = ""
    image_url: (
        Annotated[
            str,
            Meta(
                max_length=IMAGE_URL_CHARS_MAX,
                description="https://… or a path that begins with one /",
                examples=["/images/cup.png"],
            ),
        ]
        | None
    ) = None
    markets: Annotated[
        dict[Number, MarketDefinition], Meta(max_length=500, extra_json_schema=_BY_NUMBER)
    ]
    end_date: (
        Annotated[
            str,
            Meta(examples=["2030-01-01T00:00:00Z"], extra_json_schema={"format": "date-time"}),
        ]
        | None
    ) = None
    exclusive: bool = False


class NewTopic(Input, frozen=True, kw_only=True):
    """A topic for events; the same again changes nothing."""

    topic: Slug
    name: TopicName


class TopicChange(Input, frozen=True, kw_only=True):
    """Another name, or whether new events are taken; what is left out stays as it is."""

    name: TopicName | None = None
    active: bool | None = None


class TopicPath(Input, frozen=True, kw_only=True):
    topic: Slug


class GroupLimit(Input, frozen=True, kw_only=True):
    """
    At most `quantity_max` shares filled within `window_ms` for the own orders of a group.

    `"0"` removes the group, and cancels its orders.
    """

    group: Id
    quantity_max: QuantityText
    window_ms: Annotated[int, Meta(ge=0, le=WINDOW_MS_MAX, description="Milliseconds.")] = 0


class Beat(Input, frozen=True, kw_only=True):
    """
    The session lives; unless it is renewed its orders are cancelled after `timeout_ms`.

    The first one begins it; with a `timeout_ms` of 0 it ends at once.
    """

    session: Id
    timeout_ms: Annotated[int, Meta(ge=0, le=WINDOW_MS_MAX, description="Milliseconds.")]


class NewDeposit(Input, frozen=True, kw_only=True):
    """Money that came from outside; the same `id` again changes nothing."""

    id: Id
    user_id: Id
    amount: MoneyText
    shard: Shard | None = None


class NewWithdrawal(Input, frozen=True, kw_only=True):
    """Own money that leaves; the same `id` again changes nothing."""

    id: Id
    amount: MoneyText
    shard: Shard | None = None


class PairAmount(Input, frozen=True, kw_only=True):
    """
    Shares of both tokens of a market; the same `id` again changes nothing.

    Without `market_id`, of the first token of every market of an exclusive event.
    """

    id: Id
    event_id: Number
    market_id: Number | None = None
    amount: QuantityText


class Conversion(Input, frozen=True, kw_only=True):
    """
    Shares of the second token of each of these markets of an exclusive event.

    The same `id` again changes nothing.
    """

    id: Id
    event_id: Number
    market_ids: Annotated[tuple[Number, ...], Meta(min_length=1, max_length=500)]
    amount: QuantityText


class Resolution(Input, frozen=True, kw_only=True):
    """What a share of each token is paid, together 1; or `void`, and both are paid the same."""

    payouts: Payouts | None = None
    void: bool = False


class EventResolution(Input, frozen=True, kw_only=True):
    """
    What a share of each token of every market is paid, by market.

    The two of a market are together 1, and so are the first tokens of all markets. If `void`
    instead, the first tokens are all paid the same.
    """

    payouts: Annotated[dict[Number, Payouts], Meta(extra_json_schema=_BY_NUMBER)] | None = None
    void: bool = False


class NoParameters(Input, frozen=True, kw_only=True):
    """Neither a path nor a query parameter."""


class OrderPath(Input, frozen=True, kw_only=True):
    order_id: Id


class EventPath(Input, frozen=True, kw_only=True):
    event_id: Number


class MarketPath(Input, frozen=True, kw_only=True):
    event_id: Number
    market_id: Number


class OrderFilter(Input, frozen=True, kw_only=True):
    status: Annotated[Literal["active", "closed"], Meta(description="Open or ended.")] | None = None
    event_id: Number | None = None
    market_id: Number | None = None
    token_id: Id | None = None
    side: Literal["buy", "sell"] | None = None
    client_order_id: Id | None = None
    limit: Limit = 100
    after: After | None = None


class OrderSelection(Input, frozen=True, kw_only=True):
    event_id: Number | None = None
    market_id: Number | None = None
    group: Id | None = None
    session: Id | None = None


class Resumption(Input, frozen=True, kw_only=True):
    post_only_ms: Annotated[
        int, Meta(ge=0, le=86_400_000, description="How long to take post-only orders alone.")
    ] = 0


class DepthFilter(Input, frozen=True, kw_only=True):
    event_id: Number
    market_id: Number
    levels: Annotated[int, Meta(ge=1, le=10_000, description="Of each side.")] | None = None


class TradeFilter(Input, frozen=True, kw_only=True):
    event_id: Number | None = None
    market_id: Number | None = None
    start_ms: EpochMs | None = None
    end_ms: Annotated[int, Meta(ge=0, le=INTEGER_MAX, description="Exclusive.")] | None = None
    limit: Limit = 100
    after: After | None = None
