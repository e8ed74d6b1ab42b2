"""One client of the user feed: who it is, where it goes on, and what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import UNSET
from starlette.types import Receive, Send

from pmengine.gateways.auth import Caller, Door, NotAdmitted, Scope
from pmengine.gateways.websocket.conversation import Conversation
from pmengine.gateways.websocket.messages import Error, Pong
from pmengine.gateways.websocket.user_messages import (
    Auth,
    AuthError,
    Reason,
    Resumed,
    UserSnapshot,
    decode_asked,
    decode_first,
    show_balances,
    show_orders,
    show_update,
)
from pmengine.services.user_feed import HeldOrder, UserFeed, UserPicture

AUTH_S_MAX: Final = 10.0
"""How long a client may take to say who it is."""
VALID_S: Final = 5.0
"""How often it is looked whether a client that is told nothing may still be there."""
BEHIND_MAX: Final = 1000
"""Changes that a client is sent late; one that is further behind gets a snapshot."""
PART_ROWS_MAX: Final = 500
"""Orders or balances in one message of a snapshot."""
POLICY_VIOLATION: Final = 1008

_encoder: Final = msgspec.json.Encoder()


class UserConnection:
    """
    Tells a client what changes of one user, in order and without a gap.

    Nothing is kept for the client: it is sent the feed's own newest changes behind the one
    that it has. A client that these have left behind gets a snapshot.

    Args:
        caller: Who the client is, if its request said so; else its first message does.
    """

    def __init__(
        self, *, feed: UserFeed, door: Door, caller: Caller | None, receive: Receive, send: Send
    ) -> None:
        self._feed = feed
        self._door = door
        self._caller: Caller | None = None
        self._told_id = 0
        """The last update that the client has, with everything that is under way."""
        self._resumed_id = 0
        """The user's last update when it resumed: through there it is no slow client."""
        self._life = 0
        self._parts: Iterator[str] = iter(())
        self._conversation = Conversation(receive, send, hear=self._hear, owed=self._owed)
        if caller is not None:
            self._let_in(caller)

    async def run(self) -> None:
        """Serve the client until it leaves, or may not stay."""
        try:
            await self._conversation.run(self._wait_for_name(), self._look_again())
        finally:
            if self._caller is not None:
                self._feed.unlisten(self._caller.user_id, self._conversation.wake)

    async def _wait_for_name(self) -> None:
        await asyncio.sleep(AUTH_S_MAX)
        if self._caller is None:
            self._send_away("AUTH_TIMEOUT", "nothing said who you are")

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(VALID_S)
            self._check()

    async def _hear(self, text: str | bytes) -> None:
        if self._caller is None:
            self._hear_first(text)
            return
        asked = decode_asked(text)
        if isinstance(asked, Error):
            self._reply(asked)
        elif asked.action == "ping":
            self._reply(Pong())
        elif asked.action == "snapshot":
            self._begin_snapshot("asked")
        elif asked.resume_after is not UNSET:
            self._resume(asked.resume_after)

    def _hear_first(self, text: str | bytes) -> None:
        said = decode_first(text)
        if isinstance(said, Error):
            self._reply(said)
            return
        if said.shown == {"action": "ping"}:
            self._reply(Pong())
            return
        try:
            caller = self._door.identify_message(said.shown)
        except NotAdmitted as error:
            self._send_away(error.code, error.detail)
            return
        self._let_in(caller)
        if said.resume_after is not None:
            self._resume(said.resume_after)

    def _let_in(self, caller: Caller) -> None:
        if not caller.may(Scope.READ):
            self._send_away("SCOPE_MISSING", "this takes the scope read, which the caller has not")
            return
        feed = self._feed
        self._caller = caller
        self._life = feed.life
        self._told_id = self._resumed_id = feed.update_id(caller.user_id)
        feed.listen(caller.user_id, self._conversation.wake)
        self._reply(Auth(user_id=caller.user_id, update_id=self._told_id))

    def _resume(self, update_id: int) -> None:
        assert self._caller is not None, "it was let in"
        feed, user_id = self._feed, self._caller.user_id
        if feed.has_after(user_id, update_id):
            self._parts = iter(())
            self._told_id = update_id
            self._resumed_id = feed.update_id(user_id)
            self._reply(Resumed(update_id=update_id))
        else:
            is_ahead = update_id > feed.update_id(user_id)
            self._begin_snapshot("ahead" if is_ahead else "too_old")

    def _begin_snapshot(self, reason: Reason) -> None:
        assert self._caller is not None, "it was let in"
        picture = self._feed.picture(self._caller.user_id)
        self._life = self._feed.life
        self._told_id = self._resumed_id = picture.update_id
        self._parts = _parts(picture, reason)
        self._conversation.wake()

    def _owed(self) -> str | None:
        if self._caller is None or not self._check():
            return None
        feed, user_id = self._feed, self._caller.user_id
        newest = feed.update_id(user_id)
        if self._life != feed.life:
            self._begin_snapshot("restarted")
        elif newest - max(self._told_id, self._resumed_id) > BEHIND_MAX:
            self._begin_snapshot("too_slow")
        part = next(self._parts, None)
        if part is not None:
            return part
        if self._told_id == newest:
            return None
        update = feed.after(user_id, self._told_id)
        if update is None:
            self._begin_snapshot("too_slow")
            return next(self._parts)
        self._told_id = update.update_id
        return _text(show_update(update))

    def _check(self) -> bool:
        """Whether the client may still be there; it is sent away if not."""
        if self._caller is None or self._door.is_valid(self._caller):
            return True
        self._send_away("NOT_VALID", "the token expired, or the API key was revoked")
        return False

    def _send_away(self, code: str, detail: str) -> None:
        self._reply(AuthError(code=code, detail=detail))
        self._conversation.end(POLICY_VIOLATION, code)

    def _reply(self, message: msgspec.Struct) -> None:
        self._conversation.reply(_text(message))


def _parts(picture: UserPicture, reason: Reason) -> Iterator[str]:
    """The messages of a snapshot of *picture* as it is now; each is made when it is sent."""
    return _made(
        picture.update_id, reason, list(picture.orders.values()), list(picture.holdings.items())
    )


def _made(
    update_id: int,
    reason: Reason,
    orders: Sequence[HeldOrder],
    holdings: Sequence[tuple[str, tuple[int, int]]],
) -> Iterator[str]:
    rows = max(len(orders), len(holdings), 1)
    for start in range(0, rows, PART_ROWS_MAX):
        end = start + PART_ROWS_MAX
        yield _text(
            UserSnapshot(
                update_id=update_id,
                reason=reason,
                orders=show_orders(orders[start:end]),
                balances=show_balances(holdings[start:end]),
                more=end < rows,
            )
        )


def _text(message: msgspec.Struct) -> str:
    return _encoder.encode(message).decode()
