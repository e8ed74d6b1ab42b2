"""What a request says of a new order, as the command that asks the engine for it."""

from __future__ import annotations

from typing import Final

from pmengine.commands import SubmitOrder
from pmengine.gateways.http.operations import Call
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.http.reading import (
    parse_id,
    parse_money,
    parse_name,
    parse_price,
    parse_quantity,
)
from pmengine.gateways.http.requests import NewOrder
from pmengine.gateways.http.sending import valid_until_ms
from pmstore import OrderType, SelfTrade, Side, Symbol, TimeInForce

SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_RESTING: Final = frozenset({TimeInForce.GTC, TimeInForce.GTD})


def submission(call: Call, body: NewOrder) -> SubmitOrder:
    """The command that *body* asks for; raises `Problem` for what cannot be read."""
    is_limit = body.type == "limit"
    by_volume = not is_limit and body.side == "buy"
    lacks_price = is_limit and body.price is None
    if lacks_price or (body.quantity is None) != by_volume or (body.volume is None) == by_volume:
        raise _without_its_terms(body, lacks_price=lacks_price, by_volume=by_volume)
    time_in_force = _time_in_force(body, is_limit)
    if body.post_only and (not is_limit or time_in_force not in _RESTING):
        raise Problem(
            422, "MALFORMED", "post_only goes with a gtc or gtd limit order", field="post_only"
        )
    token_id = parse_id(body.token_id, "token_id")
    own_id = body.client_order_id
    order_id = call.venue.new_id()
    own_id = order_id if own_id is None else parse_id(own_id, "client_order_id")
    valid_until = body.valid_until_ms
    return SubmitOrder(
        order_id=order_id,
        symbol=Symbol(body.event_id, body.market_id, token_id),
        side=SIDES[body.side],
        order_type=OrderType.LIMIT if is_limit else OrderType.MARKET,
        user_id=call.user_id,
        quantity=0 if body.quantity is None else parse_quantity(body.quantity),
        price=None if body.price is None else parse_price(body.price),
        volume=0 if body.volume is None else parse_money(body.volume, "volume"),
        client_order_id=own_id,
        time_in_force=time_in_force,
        expires_at_ms=body.expires_at_ms,
        post_only=body.post_only,
        self_trade=None if body.self_trade is None else SelfTrade(body.self_trade),
        group=parse_name(body.group, "group"),
        session=parse_name(body.session, "session"),
        valid_until_ms=valid_until_ms(call) if valid_until is None else valid_until,
    )


def _time_in_force(body: NewOrder, is_limit: bool) -> TimeInForce:
    default = TimeInForce.GTC if is_limit else TimeInForce.IOC
    named = default if body.time_in_force is None else TimeInForce(body.time_in_force)
    if not is_limit and named in (TimeInForce.GTD, TimeInForce.FOK):
        raise Problem(
            422, "MALFORMED", f"a {_kind(body)} is never {named.value}", field="time_in_force"
        )
    if (named is TimeInForce.GTD) != (body.expires_at_ms is not None):
        raise Problem(
            422, "INVALID_EXPIRY", "gtd and expires_at_ms go together", field="expires_at_ms"
        )
    return named


def _kind(body: NewOrder) -> str:
    return "limit order" if body.type == "limit" else f"market {body.side}"


def _without_its_terms(body: NewOrder, *, lacks_price: bool, by_volume: bool) -> Problem:
    """Why *body* is no order: it lacks what it needs, or has what does not go with it."""
    needed, other = ("volume", "quantity") if by_volume else ("quantity", "volume")
    if lacks_price:
        needed = "price"
    elif getattr(body, needed) is not None:
        detail = f"{other} does not go with a {_kind(body)}; it takes a {needed}"
        return Problem(422, "MALFORMED", detail, field=other)
    detail = f"a {_kind(body)} needs a {needed}; add it"
    return Problem(422, "MALFORMED", detail, field=needed)
