"""Which shard has what: events by their number, cash by user and shard; pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final

from pmengine.commands import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    Command,
    Deposit,
    Heartbeat,
    OrderGroup,
    PostOnly,
    ResumeAllEvents,
    StopAllEvents,
    SubmitOrder,
    Tick,
    Withdraw,
)
from pmstore import CASH

SHARDS_MAX: Final = 1024
"""Numbers of orders and trades are a counter times this, plus their shard."""


def shard_of(event_id: int, shards: int) -> int:
    """Which of *shards* has an event with all of its markets, orders and tokens."""
    return event_id % shards


def home_of(user_id: str, shards: int) -> int:
    """Where a user's money comes in and leaves unless the request says another shard."""
    return zlib.crc32(user_id.encode(errors="surrogatepass")) % shards


def shards_of(command: Command, shards: int) -> Sequence[int]:
    """
    The shards that *command* is for; empty if it names an order whose event is not known.

    What concerns everything of a user, or everything, goes to all of them.
    """
    if shards == 1:
        return (0,)
    if isinstance(command, SubmitOrder):
        return (shard_of(command.symbol.event_id, shards),)
    if isinstance(command, AmendOrder):
        return ()
    if isinstance(command, CancelOrder):
        return () if command.symbol is None else (shard_of(command.symbol.event_id, shards),)
    if isinstance(command, Deposit | Withdraw):
        return (home_of(command.user_id, shards),)
    if isinstance(
        command, OrderGroup | Heartbeat | StopAllEvents | ResumeAllEvents | PostOnly | Tick
    ):
        return range(shards)
    if isinstance(command, CancelAll) and command.event_id is None:
        return range(shards)
    assert command.event_id is not None
    return (shard_of(command.event_id, shards),)


def cash_of(shard: int) -> str:
    """What stores of all shards call the cash that users have on *shard*."""
    return CASH if shard == 0 else f"{CASH}@{shard}"


def cash_shard(asset: str) -> int | None:
    """On which shard a row of the stores is cash; None for a token."""
    if asset == CASH:
        return 0
    name, _, number = asset.partition("@")
    is_cash = name == CASH and number.isdecimal() and 0 < int(number) < SHARDS_MAX
    return int(number) if is_cash and asset == cash_of(int(number)) else None
