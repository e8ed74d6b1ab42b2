"""What one client still has to be told of one user on one shard: a number, and no backlog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from pmengine.gateways.websocket.user_messages import (
    Reason,
    Resumed,
    UserSnapshot,
    show_balances,
    show_orders,
    show_update,
    text_of,
)
from pmengine.services.user_feed import UserFeed
from pmengine.services.user_pictures import HeldOrder, UserPicture

BEHIND_MAX: Final = 1000
"""Changes that a client is sent late; one that is further behind gets a snapshot."""
PART_ROWS_MAX: Final = 500
"""Orders or balances in one message of a snapshot."""


class UserSubscription:
    """
    A user of one feed for one client.

    Nothing is kept for the client: it is sent the feed's own newest changes behind the one
    that it has. A client that these have left behind gets a snapshot.

    Args:
        shard: Said in every message; unset where there is one shard alone.

    Attributes:
        told_id: The last update that the client has, with everything that is under way.
    """

    def __init__(self, feed: UserFeed, user_id: str, shard: int | UnsetType = UNSET) -> None:
        self.told_id = feed.update_id(user_id)
        self._feed = feed
        self._user_id = user_id
        self._shard = shard
        self._resumed_id = self.told_id
        """The user's last update when it resumed: through there it is no slow client."""
        self._life = feed.life
        self._parts: Iterator[str] = iter(())

    def resume(self, update_id: int) -> Resumed | None:
        """Go on behind *update_id*, and say so; None if a snapshot comes instead."""
        feed, user_id = self._feed, self._user_id
        if not feed.has_after(user_id, update_id):
            is_ahead = update_id > feed.update_id(user_id)
            self.ask_snapshot("ahead" if is_ahead else "too_old")
            return None
        self._parts = iter(())
        self.told_id = update_id
        self._resumed_id = feed.update_id(user_id)
        return Resumed(update_id=update_id, shard=self._shard)

    def ask_snapshot(self, reason: Reason) -> None:
        """The next messages are what the user has now."""
        picture = self._feed.picture(self._user_id)
        self._life = self._feed.life
        self.told_id = self._resumed_id = picture.update_id
        self._parts = _parts(picture, reason, self._shard)

    def take(self) -> str | None:
        """The message that is due, None if there is none."""
        feed, user_id = self._feed, self._user_id
        newest = feed.update_id(user_id)
        if self._life != feed.life:
            self.ask_snapshot("restarted")
        elif newest - max(self.told_id, self._resumed_id) > BEHIND_MAX:
            self.ask_snapshot("too_slow")
        part = next(self._parts, None)
        if part is not None:
            return part
        if self.told_id == newest:
            return None
        update = feed.after(user_id, self.told_id)
        if update is None:
            self.ask_snapshot("too_slow")
            return next(self._parts)
        self.told_id = update.update_id
        return text_of(show_update(update, self._shard))


def _parts(picture: UserPicture, reason: Reason, shard: int | UnsetType) -> Iterator[str]:
    """The messages of a snapshot of *picture* as it is now; each is made when it is sent."""
    orders, holdings = list(picture.orders.values()), list(picture.holdings.items())
    return _made(picture.update_id, reason, shard, orders, holdings)


def _made(
    update_id: int,
    reason: Reason,
    shard: int | UnsetType,
    orders: Sequence[HeldOrder],
    holdings: Sequence[tuple[str, tuple[int, int]]],
) -> Iterator[str]:
    rows = max(len(orders), len(holdings), 1)
    for start in range(0, rows, PART_ROWS_MAX):
        end = start + PART_ROWS_MAX
        snapshot: msgspec.Struct = UserSnapshot(
            update_id=update_id,
            reason=reason,
            orders=show_orders(orders[start:end]),
            balances=show_balances(holdings[start:end]),
            more=end < rows,
            shard=shard,
        )
        yield text_of(snapshot)
