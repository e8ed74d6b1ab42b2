"""What is said over the depth WebSocket, both ways."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import DecodeError, Meta, Struct, ValidationError, json

from pmengine.gateways.depth_view import TokenDepth
from pmengine.gateways.http.answers import TradeView
from pmstore import INTEGER_MAX

_Number = Annotated[int, Meta(ge=1, le=INTEGER_MAX)]


class _Action(Struct, frozen=True, forbid_unknown_fields=True, tag_field="action"):
    """What a client asks for."""


class Ping(_Action, frozen=True, tag="ping"):
    """Answered by `pong`."""


class _OfMarket(_Action, frozen=True):
    event_id: _Number
    market_id: _Number


class Subscribe(_OfMarket, frozen=True, tag="subscribe"):
    """Follow a market: `subscribed`, its snapshot, then every delta."""


class Unsubscribe(_OfMarket, frozen=True, tag="unsubscribe"):
    """Follow it no more."""


class AskSnapshot(_OfMarket, frozen=True, tag="snapshot"):
    """The whole depth of a followed market once more; deltas go on from there."""


Action = Ping | Subscribe | Unsubscribe | AskSnapshot


class _Said(Struct, frozen=True, tag_field="type", omit_defaults=True):
    """What a client is told."""


class Connected(_Said, frozen=True, tag="connected"):
    """The connection is open."""


class Pong(_Said, frozen=True, tag="pong"):
    """Answers `ping`."""


class Subscribed(_Said, frozen=True, tag="subscribed"):
    """The market is followed; its snapshot comes next."""

    event_id: int
    market_id: int


class Unsubscribed(_Said, frozen=True, tag="unsubscribed"):
    """The market is followed no more; nothing of it comes after this."""

    event_id: int
    market_id: int


class Snapshot(_Said, frozen=True, tag="snapshot"):
    """A market's whole depth after update `update_id`; `timestamp` in epoch milliseconds."""

    event_id: int
    market_id: int
    update_id: int
    timestamp: int
    depths: dict[str, TokenDepth]


class Delta(_Said, frozen=True, tag="delta"):
    """
    What changed from `prev_update_id` to `update_id`: quantities as they are now, "0" for a
    level that is gone; the trades in between, oldest first, in the taker's terms.
    """

    event_id: int
    market_id: int
    prev_update_id: int
    update_id: int
    timestamp: int
    changes: dict[str, TokenDepth]
    trades: list[TradeView]


class SubscribeError(_Said, frozen=True, tag="subscribe_error"):
    """The market is not followed, for this reason."""

    code: str
    detail: str
    event_id: int | None = None
    market_id: int | None = None


class UnsubscribeError(_Said, frozen=True, tag="unsubscribe_error"):
    """Nothing was changed, for this reason."""

    code: str
    detail: str
    event_id: int | None = None
    market_id: int | None = None


class Error(_Said, frozen=True, tag="error"):
    """A message that could not be followed."""

    code: str
    detail: str


Said = (
    Connected
    | Pong
    | Subscribed
    | Unsubscribed
    | Snapshot
    | Delta
    | SubscribeError
    | UnsubscribeError
    | Error
)


class _Named(Struct):
    action: str = ""


_encoder: Final = json.Encoder()
_decoder: Final = json.Decoder(Action)
_named: Final = json.Decoder(_Named)


def encode(message: Said) -> str:
    """The text of *message*."""
    return _encoder.encode(message).decode()


def decode_action(text: str | bytes) -> Action | SubscribeError | UnsubscribeError | Error:
    """What a client asks for, or the message that says what is wrong with it."""
    try:
        action: Action = _decoder.decode(text)
        return action
    except ValidationError as error:
        detail = str(error).replace("`", "")
    except ValueError as error:
        return Error("MALFORMED", f"the message is not JSON: {error}")
    try:
        named = _named.decode(text).action
    except DecodeError:
        named = ""
    if named == "subscribe":
        return SubscribeError("MALFORMED", detail)
    if named == "unsubscribe":
        return UnsubscribeError("MALFORMED", detail)
    return Error("MALFORMED", f"{detail}; actions are subscribe, unsubscribe, snapshot and ping")
