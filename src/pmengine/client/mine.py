"""What a user has, followed over the user feed."""

from __future__ import annotations

import asyncio
import ssl
import weakref
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Self

import attrs

from pmengine.client.credentials import Credentials
from pmengine.client.errors import (
    ClientClosed,
    ClientError,
    Refused,
    Unavailable,
    UnreadableAnswer,
)
from pmengine.client.holdings import Holdings, OwnChange
from pmengine.client.orders import Order
from pmengine.client.pending import Pending
from pmengine.client.reconnecting import Reconnecting, not_live
from pmengine.client.user_messages import (
    Auth,
    AuthError,
    Balance,
    Error,
    OpenOrderChange,
    PositionChange,
    Resumed,
    UserSnapshot,
    reader,
)

UNAUTHORIZED: Final = 401


class Mine:
    """
    The own open orders and balances, mirrored from the user feed.

        async with client.mine() as mine:
            async for change in mine.changes():
                print(mine.is_live, change.event, mine.orders, mine.balances)

    Entering waits until it is live. After a lost connection it goes on behind the last change
    that it has, so that none is lost; if the exchange does not keep them any more, a snapshot
    stands in their place.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        changes_max: int,
        deadline_s: float,
        silence_s_max: float,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._first_message = credentials.first_message
        self._socket = Reconnecting(url, self, silence_s_max=silence_s_max, trust=trust)
        self._changes_max = changes_max
        self._deadline_s = deadline_s
        self._shards: list[Holdings] = []
        self._resumes = False
        self._pending: weakref.WeakSet[Pending[OwnChange]] = weakref.WeakSet()
        self._settled = asyncio.Event()
        self._failure: ClientError | None = None
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._running is not None:
            raise ClientClosed("it is open already; take another one")
        self._running = asyncio.create_task(self._run())
        try:
            await self.live()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._leave()

    async def live(self, deadline_s: float | None = None) -> None:
        """
        Return as soon as it is live.

        Raises:
            Unavailable: It is not by then.
            Refused: The exchange does not let the user in.
        """
        limit_s = self._deadline_s if deadline_s is None else deadline_s
        try:
            async with asyncio.timeout(limit_s):
                await self._settled.wait()
        except TimeoutError:
            raise not_live("the user feed", limit_s, self._socket.trouble) from None
        if self._failure is not None:
            raise self._failure

    @property
    def is_live(self) -> bool:
        """Whether it can be believed: it is whole, and the connection is there."""
        return bool(self._shards) and all(one.is_live for one in self._shards)

    @property
    def update_ids(self) -> tuple[int, ...]:
        """The user's update that it shows, of each shard."""
        return tuple(one.update_id for one in self._shards)

    @property
    def orders(self) -> dict[str, Order]:
        """The open orders by id, as they are now."""
        return {id: order for one in self._shards for id, order in one.orders.items()}

    @property
    def balances(self) -> dict[str, Balance]:
        """What is held of `cash` and of tokens, by asset, over all shards."""
        held: dict[str, Balance] = {}
        for row in (row for one in self._shards for row in one.balances.values()):
            there = held.get(row.asset)
            held[row.asset] = row if there is None else _sum(there, row)
        return held

    def changes(self) -> AsyncIterator[OwnChange]:
        """
        Every change from this call on, as it comes, until it is left.

        It raises a ClientError when it will not be live again.
        """
        pending = Pending[OwnChange](
            self._changes_max, lambda change: attrs.evolve(change, missed=True)
        )
        if self._failure is not None:
            pending.end(self._failure)
        self._pending.add(pending)
        return pending

    async def greet(self) -> None:
        """Say who this is, and where it goes on."""
        first: dict[str, object] = {**self._first_message}
        self._resumes = bool(self._shards) and min(self.update_ids) >= 0
        if self._resumes:
            ids = self.update_ids
            first["resume_after"] = ids[0] if len(ids) == 1 else ids
        await self._socket.say(first)

    async def hear(self, text: str | bytes) -> None:
        """Take in a message."""
        told = reader.read(text)
        if isinstance(told, Auth):
            await self._let_in(told)
        elif isinstance(told, AuthError):
            raise _not_let_in(told)
        elif isinstance(told, Error):
            # Where this wanted to go on cannot be followed, if there are other shards now.
            await self._ask_snapshot()
        elif isinstance(told, Resumed | UserSnapshot | OpenOrderChange | PositionChange):
            await self._take(told)

    def lose(self) -> None:
        """What is shown may not be so any more."""
        was_live = self.is_live
        self._settled.clear()
        for one in self._shards:
            one.lose()
        if was_live:
            self._tell(OwnChange(kind="stale"))

    def give_up(self, error: ClientError) -> None:
        """It will not be live again."""
        self._failure = error
        self._settled.set()
        for pending in self._pending:
            pending.end(error)

    async def _let_in(self, told: Auth) -> None:
        count = 1 if isinstance(told.update_id, int) else len(told.update_id)
        if count != len(self._shards):
            self._shards = [Holdings(shard) for shard in range(count)]
            self._resumes = False
        if not self._resumes:
            await self._ask_snapshot()

    async def _take(self, told: Resumed | UserSnapshot | OpenOrderChange | PositionChange) -> None:
        if told.shard >= len(self._shards):
            raise UnreadableAnswer(f"the user feed told of shard {told.shard}, which is none")
        shard = self._shards[told.shard]
        if isinstance(told, UserSnapshot):
            change = shard.begin(told)
            if change is None:
                return
        elif isinstance(told, Resumed):
            change = shard.resume(told)
        elif shard.is_live:
            change = shard.follow(told)
        else:
            return  # a snapshot is under way, and is later than this
        if change is None:
            self.lose()
            await self._ask_snapshot()
            return
        if self.is_live:
            self._settled.set()
        self._tell(change)

    async def _ask_snapshot(self) -> None:
        await self._socket.say({"action": "snapshot"})

    async def _run(self) -> None:
        try:
            await self._socket.run()
        except Exception as error:
            # Whatever it is: who waits for changes hears that none come any more.
            self.give_up(UnreadableAnswer(f"the user feed ended: {error!r}"))
            raise

    async def _leave(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        for pending in self._pending:
            pending.end()

    def _tell(self, change: OwnChange) -> None:
        for pending in self._pending:
            pending.put(change)


def _sum(one: Balance, other: Balance) -> Balance:
    return Balance(
        asset=one.asset,
        available=one.available + other.available,
        frozen=one.frozen + other.frozen,
    )


def _not_let_in(told: AuthError) -> ClientError:
    if told.code in ("KEYS_BEHIND", "AUTH_TIMEOUT"):
        return Unavailable(f"{told.code}: {told.detail}", code=told.code)
    return Refused(UNAUTHORIZED, told.code, told.detail)
