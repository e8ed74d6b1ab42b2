"""One client of the user feed: who it is, where it goes on, and what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET
from starlette.types import Receive, Send

from pmengine.gateways.auth import Caller, Door, NotAdmitted, Scope
from pmengine.gateways.websocket.conversation import AtOnce, Conversation
from pmengine.gateways.websocket.messages import Error, Pong
from pmengine.gateways.websocket.user_messages import (
    Auth,
    AuthError,
    decode_asked,
    decode_first,
    text_of,
)
from pmengine.gateways.websocket.user_subscription import UserSubscription
from pmengine.services.user_feed import UserFeed

AUTH_S_MAX: Final = 10.0
"""How long a client may take to say who it is."""
VALID_S: Final = 5.0
"""How often it is looked whether a client that is told nothing may still be there."""
POLICY_VIOLATION: Final = 1008


class UserConnection:
    """
    Tells a client what changes of one user, on every shard in order and without a gap.

    Args:
        feeds: Of all shards, by their numbers.
        caller: Who the client is, if its request said so; else its first message does.
    """

    def __init__(
        self,
        *,
        feeds: Sequence[UserFeed],
        door: Door,
        caller: Caller | None,
        receive: Receive,
        send: Send,
        at_once: AtOnce,
    ) -> None:
        self._feeds = feeds
        self._door = door
        self._caller: Caller | None = None
        self._subscriptions: list[UserSubscription] = []
        self._turn = 0
        """Which shard is asked first for what is owed."""
        self._conversation = Conversation(
            receive, send, at_once=at_once, hear=self._hear, owed=self._owed
        )
        if caller is not None:
            self._let_in(caller)

    async def run(self) -> None:
        """Serve the client until it leaves, or may not stay."""
        try:
            await self._conversation.run(self._wait_for_name(), self._look_again())
        finally:
            if self._caller is not None:
                for feed in self._feeds:
                    feed.unlisten(self._caller.user_id, self._conversation.wake)

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
            for one in self._subscriptions:
                one.ask_snapshot("asked")
            self._conversation.wake()
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
        if self._let_in(caller) and said.resume_after is not None:
            self._resume(said.resume_after)

    def _let_in(self, caller: Caller) -> bool:
        if not caller.may(Scope.READ):
            self._send_away("SCOPE_MISSING", "this takes the scope read, which the caller has not")
            return False
        self._caller = caller
        is_one = len(self._feeds) == 1
        for shard, feed in enumerate(self._feeds):
            one = UserSubscription(feed, caller.user_id, UNSET if is_one else shard)
            self._subscriptions.append(one)
            feed.listen(caller.user_id, self._conversation.wake)
        told = [one.told_id for one in self._subscriptions]
        self._reply(Auth(user_id=caller.user_id, update_id=told[0] if is_one else told))
        return True

    def _resume(self, update_ids: int | list[int]) -> None:
        numbers = [update_ids] if isinstance(update_ids, int) else update_ids
        if len(numbers) != len(self._subscriptions):
            shards = len(self._subscriptions)
            detail = f"resume_after takes {shards} numbers, one for each shard; {len(numbers)} came"
            self._reply(Error("MALFORMED", detail))
            return
        for one, update_id in zip(self._subscriptions, numbers, strict=True):
            resumed = one.resume(update_id)
            if resumed is not None:
                self._reply(resumed)
        self._conversation.wake()

    def _owed(self) -> str | None:
        if not self._check():
            return None
        count = len(self._subscriptions)
        for step in range(count):
            shard = (self._turn + step) % count
            text = self._subscriptions[shard].take()
            if text is not None:
                self._turn = shard + 1
                return text
        return None

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
        self._conversation.reply(text_of(message))
