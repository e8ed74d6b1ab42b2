"""What ends many orders without being asked: limits of groups, and sessions that fall silent."""

from __future__ import annotations

from pmengine.commands import Heartbeat, OrderGroup
from pmengine.gateways.http.answers import GroupView, SessionView
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.reading import parse_id, parse_quantity
from pmengine.gateways.http.requests import Beat, GroupLimit
from pmengine.gateways.http.sending import accepted, valid_until_ms
from pmengine.gateways.http.showing import show_quantity


async def set_group(call: Call) -> Reply:
    """Limit what is filled of the own orders of a group within a while."""
    body: GroupLimit = call.body
    command = OrderGroup(
        user_id=call.user_id,
        group=parse_id(body.group, "group"),
        quantity_max=parse_quantity(body.quantity_max, "quantity_max", least=0),
        window_ms=body.window_ms,
        valid_until_ms=valid_until_ms(call),
    )
    await accepted(call, command)
    return 200, GroupView(
        group=command.group,
        quantity_max=show_quantity(command.quantity_max),
        window_ms=command.window_ms,
    )


async def beat(call: Call) -> Reply:
    """Begin a session or let it live on; for no time, end it."""
    body: Beat = call.body
    command = Heartbeat(
        user_id=call.user_id,
        session=parse_id(body.session, "session"),
        timeout_ms=body.timeout_ms,
        valid_until_ms=valid_until_ms(call),
    )
    await accepted(call, command)
    return 200, SessionView(session=command.session, timeout_ms=command.timeout_ms)
