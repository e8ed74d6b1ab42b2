"""Under which id a command is remembered, and what makes a repeat of it the same; pure."""

from __future__ import annotations

from pmengine.commands import (
    AmendOrder,
    CancelOrder,
    Deposit,
    Merge,
    Split,
    SubmitOrder,
    Withdraw,
)
from pmstore import ID_BYTES_MAX, Content, is_id

Identity = tuple[str, str | None, str, Content]
"""User, the command's own id (empty: it has none; None: an id is not valid), order, content."""


def identify_order(command: SubmitOrder) -> Identity:
    """An order is remembered under its `client_order_id`, else under its `order_id`."""
    user_id = command.user_id
    order_id = command.order_id
    own_id = command.client_order_id
    if own_id is None:
        own_id = order_id
    ids = order_id + own_id + user_id
    if not (
        order_id
        and own_id
        and user_id
        and ids.isascii()
        and ids.isprintable()
        and len(ids) <= ID_BYTES_MAX
    ) and not (is_id(order_id) and is_id(own_id) and is_id(user_id)):
        return ("", None, "", ())
    symbol = command.symbol
    content: Content = (
        symbol.event_id,
        symbol.market_id,
        symbol.token_id,
        command.side._value_,
        command.order_type._value_,
        command.quantity,
        command.price,
        command.volume,
        command.time_in_force._value_,
    )
    self_trade = command.self_trade
    if command.post_only or self_trade is not None or command.expires_at_ms is not None:
        mode = None if self_trade is None else self_trade._value_
        content = (*content, command.post_only, mode, command.expires_at_ms)
    return (user_id, own_id, order_id, content)


def identify_change(command: CancelOrder | AmendOrder) -> Identity:
    """A change of an order has no id of its own: saying it again finds it done."""
    if not (is_id(command.order_id) and is_id(command.user_id)):
        return ("", None, "", ())
    return (command.user_id, "", command.order_id, ())


def identify_cash(command: Deposit | Withdraw) -> Identity:
    """Cash that comes or goes is remembered under its id."""
    if not (is_id(command.id) and is_id(command.user_id)):
        return ("", None, "", ())
    return (command.user_id, command.id, "", (command.amount,))


def identify_pairs(command: Split | Merge) -> Identity:
    """Splitting and merging are remembered under their id."""
    if not (is_id(command.id) and is_id(command.user_id)):
        return ("", None, "", ())
    content = (command.event_id, command.market_id, command.quantity)
    return (command.user_id, command.id, "", content)


def identify_nobody(command: object) -> Identity:
    """A command without a user and an id of its own: nothing is kept but its answer."""
    return ("", "", "", ())
