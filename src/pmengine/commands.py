"""
What goes into the engine: one class a command, decoded from the input streams' JSON.

Commands are msgspec Structs and not attrs classes because their union is told apart by the
tag `types` in one pass over the bytes, which attrs classes cannot do.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from pmstore import INTEGER_MAX, OrderType, SelfTrade, Side, Symbol, TimeInForce

ORDER_INPUT: Final = "order_input_stream"
EVENT_INPUT: Final = "event_input_stream"

Integer = Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
"""Beyond 64 bits a number is no command's: it is refused where it is read."""


class _Command(msgspec.Struct, frozen=True, gc=False, tag_field="types", kw_only=True):
    """
    A command; `correlation_id` comes back with its outcome.

    After `valid_until_ms` (epoch milliseconds of the input's clock) it is refused.
    """

    correlation_id: str = ""
    valid_until_ms: Integer | None = None


class SubmitOrder(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """
    A new order. Price (or worst price) in ticks, quantity in lots, volume in micros.

    A market buy names a volume and no quantity. `expires_at_ms` (epoch milliseconds) belongs
    to GTD alone. What fills it counts for its `group`; it is cancelled when its `session`
    ends. Without `client_order_id` it is remembered under its `order_id`.
    """

    order_id: str
    symbol: Symbol
    side: Side
    order_type: OrderType
    user_id: str
    quantity: Integer = 0
    price: Integer | None = None
    volume: Integer = 0
    client_order_id: str | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at_ms: Integer | None = None
    post_only: bool = False
    self_trade: SelfTrade | None = None
    group: str | None = None
    session: str | None = None


class CancelOrder(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """Take an own order off the ladder."""

    order_id: str
    user_id: str
    symbol: Symbol | None = None


class AmendOrder(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """A new price (ticks) and/or total quantity (lots) for an own order, in one step."""

    order_id: str
    user_id: str
    price: Integer | None = None
    quantity: Integer | None = None


class CancelAll(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """Cancel all orders of a user, or those that are in everything that is named besides."""

    user_id: str
    event_id: Integer | None = None
    market_id: Integer | None = None
    group: str | None = None
    session: str | None = None


class OrderGroup(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """
    At most *quantity_max* lots filled within *window_ms* for the orders of one group.

    The last of them cancels the group's orders and refuses new ones until the group is said
    again, with room in its window. A *quantity_max* of 0 removes it and cancels its orders.
    """

    user_id: str
    group: str
    quantity_max: Integer
    window_ms: Integer


class Heartbeat(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """
    The session of a user is there; its orders are cancelled *timeout_ms* after the last one.

    The first one begins the session, a *timeout_ms* of 0 ends it at once.
    """

    user_id: str
    session: str
    timeout_ms: Integer


class Deposit(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """Cash (micros) that came from outside."""

    id: str
    user_id: str
    amount: Integer


class Withdraw(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """Cash (micros) that leaves; never more than is available."""

    id: str
    user_id: str
    amount: Integer


class Split(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """Cash into *quantity* lots of both tokens of a market."""

    id: str
    user_id: str
    event_id: Integer
    market_id: Integer
    quantity: Integer


class Merge(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """*quantity* lots of both tokens of a market back into cash."""

    id: str
    user_id: str
    event_id: Integer
    market_id: Integer
    quantity: Integer


class SplitEvent(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """Cash into *quantity* lots of the first token of every market of an exclusive event."""

    id: str
    user_id: str
    event_id: Integer
    quantity: Integer


class MergeEvent(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """*quantity* lots of the first token of every market of an exclusive event into cash."""

    id: str
    user_id: str
    event_id: Integer
    quantity: Integer


class Convert(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """
    *quantity* lots of the second token of each market named, all of one exclusive event.

    They become cash, 10000 micros a lot for every market but one, and as many lots of the
    first token of every other market.
    """

    id: str
    user_id: str
    event_id: Integer
    market_ids: tuple[Integer, ...]
    quantity: Integer


class NewFees(msgspec.Struct, frozen=True, gc=False):
    """What a market charges: rates in parts per million, of the kind's formula."""

    kind: Literal["linear", "quadratic"]
    maker_ppm: Integer
    taker_ppm: Integer


class NewMarket(msgspec.Struct, frozen=True, gc=False):
    """A market as `AddOneEvent` and `AddOneMarket` name it; without `fees` it charges none."""

    token_ids: tuple[str, str]
    outcomes: tuple[str, str] = ("Yes", "No")
    tick_size: Integer = 1
    id: Integer | None = None
    fees: NewFees | None = None


class AddOneEvent(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """A new event with its markets by id; `end_date` is RFC 3339."""

    event_id: Integer
    markets: dict[Integer, NewMarket]
    end_date: str | None = None
    exclusive: bool = False


class RemoveOneEvent(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """End trading in every market of an event and let it go once nothing is outstanding."""

    event_id: Integer


class AddOneMarket(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """A further market for an event."""

    event_id: Integer
    market_id: Integer
    market: NewMarket


class RemoveOneMarket(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """End trading in a market and let it go once nothing is outstanding."""

    event_id: Integer
    market_id: Integer


class StopAllEvents(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """Refuse new orders everywhere; cancels go on."""


class ResumeAllEvents(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """Take new orders again; for the first *post_only_ms* only those that are post-only."""

    post_only_ms: Integer = 0


class PauseMarket(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """Refuse new orders in one market; cancels go on."""

    event_id: Integer
    market_id: Integer


class ResumeMarket(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """Take new orders in a market again."""

    event_id: Integer
    market_id: Integer


class PostOnly(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """
    For *for_ms* milliseconds take only post-only orders, everywhere.

    A new leader's word to its own input, so that makers come back before takers do.
    """

    for_ms: Integer


class Resolve(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """
    End a market: each lot of a token is paid its payout (ticks, adding up to 10000).

    `void` stands for payouts and pays both tokens the same.
    """

    event_id: Integer
    market_id: Integer
    payouts: tuple[Integer, Integer] | None = None
    void: bool = False


class ResolveEvent(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """
    End an exclusive event as a whole: the payouts (ticks) of every market's tokens, by market.

    Each pair adds up to 10000, and so do the payouts of the first tokens. `void` stands for
    payouts and pays the first tokens of all markets the same, what is left over to the first.
    """

    event_id: Integer
    payouts: dict[Integer, tuple[Integer, Integer]] | None = None
    void: bool = False


class Tick(_Command, frozen=True, gc=False, tag=True, kw_only=True):
    """Time has passed and something was due: the leader's word to its own input."""


Command = (
    SubmitOrder
    | CancelOrder
    | AmendOrder
    | CancelAll
    | OrderGroup
    | Heartbeat
    | Deposit
    | Withdraw
    | Split
    | Merge
    | SplitEvent
    | MergeEvent
    | Convert
    | AddOneEvent
    | RemoveOneEvent
    | AddOneMarket
    | RemoveOneMarket
    | StopAllEvents
    | ResumeAllEvents
    | PauseMarket
    | ResumeMarket
    | PostOnly
    | Resolve
    | ResolveEvent
    | Tick
)

_decoder = msgspec.json.Decoder(Command | list[Command])
_encoder = msgspec.json.Encoder()


def decode_commands(payload: bytes) -> list[Command]:
    """
    The commands of one input entry: a document, or an array of documents.

    Unknown fields are ignored.

    Raises:
        ValueError: Not JSON, an unknown tag, a missing field or one of the wrong type;
            the message says which.
    """
    try:
        decoded = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from None
    return decoded if isinstance(decoded, list) else [decoded]


def encode_command(command: Command) -> bytes:
    """The JSON document of *command*."""
    return _encoder.encode(command)
