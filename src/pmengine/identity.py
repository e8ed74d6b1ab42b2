"""Under which id a command is remembered, and what makes a repeat of it the same; pure."""

from __future__ import annotations

from typing import Final

import msgspec
from librt.strings import BytesWriter

from pmengine.commands import SubmitOrder
from pmengine.journal import put
from pmengine.records import Records, quoted
from pmstore import ID_BYTES_MAX, OrderType, Side, TimeInForce, is_id

_BUY: Final = Side.BUY
_LIMIT: Final = OrderType.LIMIT
_GTC: Final = TimeInForce.GTC
_IOC: Final = TimeInForce.IOC

_encode: Final = msgspec.json.Encoder().encode


def are_ids(texts: str, one: str, two: str, three: str) -> bool:
    """Whether three texts, *texts* together, are ids: the frequent case without a look at each."""
    if (
        one
        and two
        and three
        and len(texts) <= ID_BYTES_MAX
        and texts.isascii()
        and texts.isprintable()
    ):
        return True
    return is_id(one) and is_id(two) and is_id(three)


def order_content(command: SubmitOrder, records: Records) -> bytes:
    """What a repeated order must say again to be the same, as a JSON array."""
    symbol = command.symbol
    out = BytesWriter()
    token = records.tokens.get(symbol.token_id)
    if token is not None and token.is_of(symbol.event_id, symbol.market_id):
        out.write(token.content)
    else:
        out.write(b"[%d,%d," % (symbol.event_id, symbol.market_id))
        out.write(quoted(symbol.token_id))
    out.write(b',"Buy"' if command.side is _BUY else b',"Sell"')
    out.write(b',"Limit",' if command.order_type is _LIMIT else b',"Market",')
    put(out, command.quantity)
    price = command.price
    if price is None:
        out.write(b",null,")
    else:
        out.append(44)
        put(out, price)
        out.append(44)
    put(out, command.volume)
    time_in_force = command.time_in_force
    if time_in_force is _GTC:
        out.write(b',"gtc"')
    elif time_in_force is _IOC:
        out.write(b',"ioc"')
    else:
        out.append(44)
        out.write(quoted(time_in_force.value))
    self_trade = command.self_trade
    expires_at_ms = command.expires_at_ms
    group = command.group
    session = command.session
    if (
        command.post_only
        or self_trade is not None
        or expires_at_ms is not None
        or group is not None
        or session is not None
    ):
        mode = None if self_trade is None else self_trade.value
        rest: list[object] = [command.post_only, mode, expires_at_ms]
        if group is not None or session is not None:
            rest.append(group)
            rest.append(session)
        out.append(44)
        out.write(_encode(rest)[1:-1])
    out.append(93)
    return out.getvalue()


def content_of(*values: object) -> bytes:
    """What a repeated command of another kind must say again, as a JSON array."""
    return _encode(values)
