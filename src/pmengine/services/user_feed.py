"""What each user has, and the newest changes of it, as `user_event_stream` tells them."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from pmengine.projections import decode_user_entry
from pmengine.services.log import Place
from pmengine.services.outages import persistently
from pmengine.services.projection_reader import ProjectionReader
from pmengine.services.user_pictures import UserPicture, UserStart, UserUpdate, apply_change
from pmengine.user_events import USER_EVENT_STREAM, UserDocument
from pmstore import Stream

UPDATES_KEPT_MAX: Final = 100_000
"""How many of the newest changes, of all users together, are kept for who reads slowly."""


class UserFeed:
    """
    Follows `user_event_stream`, keeps what every user has, and wakes who follows a user.

    Where the stream does not go on (this reader was left behind, or the log lost its tail) the
    feed begins anew: `life` grows, no earlier change is kept, and what a follower was told
    before may not be so.

    Args:
        users: What every user has before the first entry of the stream.
        begin: Finds what to begin with; then *users* does not matter.
        kept_max: How many changes are kept, of all users together.
    """

    def __init__(
        self,
        stream: Stream,
        users: Mapping[str, UserPicture],
        *,
        begin: Callable[[], Awaitable[UserStart]] | None = None,
        kept_max: int = UPDATES_KEPT_MAX,
    ) -> None:
        self.life = 0
        self._reader = ProjectionReader(stream, USER_EVENT_STREAM, decode_user_entry, "users")
        self._users = dict(users)
        self._begin = begin
        self._kept_max = kept_max
        self._kept: dict[str, deque[UserUpdate]] = {}
        self._order: deque[str] = deque()
        """Whose each kept change is, the oldest first."""
        self._wakers: dict[str, set[Callable[[], None]]] = {}

    @property
    def place(self) -> Place | None:
        """How far on the log this is; None before the first entry."""
        return self._reader.place

    def picture(self, user_id: str) -> UserPicture:
        """What a user has now; it changes with the next entry."""
        picture = self._users.get(user_id)
        return UserPicture() if picture is None else picture

    def update_id(self, user_id: str) -> int:
        """The number of the user's last change, 0 before the first."""
        picture = self._users.get(user_id)
        return 0 if picture is None else picture.update_id

    def has_after(self, user_id: str, update_id: int) -> bool:
        """Whether every change of the user behind *update_id* is kept."""
        newest = self.update_id(user_id)
        if update_id == newest:
            return True
        kept = self._kept.get(user_id)
        return kept is not None and kept[0].update_id - 1 <= update_id < newest

    def after(self, user_id: str, update_id: int) -> UserUpdate | None:
        """The change of the user that follows *update_id*; None if it is not kept or not yet."""
        kept = self._kept.get(user_id)
        if kept is None:
            return None
        index = update_id + 1 - kept[0].update_id
        return kept[index] if 0 <= index < len(kept) else None

    def listen(self, user_id: str, wake: Callable[[], None]) -> None:
        """Call *wake* whenever something of the user changed, or the feed began anew."""
        self._wakers.setdefault(user_id, set()).add(wake)

    def unlisten(self, user_id: str, wake: Callable[[], None]) -> None:
        """Stop calling *wake*; without effect if it is not called."""
        wakers = self._wakers.get(user_id)
        if wakers is not None:
            wakers.discard(wake)
            if not wakers:
                del self._wakers[user_id]

    async def prepare(self) -> None:
        """
        Find what to begin with; `run` does it if nobody did.

        Raises:
            CannotStart, CorruptData: From the log and its snapshots.
        """
        if self._begin is None:
            return
        start = await persistently(self._begin, "users")
        await self._reader.stand_at(start.place)
        self._users = start.users
        self._kept.clear()
        self._order.clear()
        self.life += 1
        for user_id in tuple(self._wakers):
            self._wake(user_id)

    async def run(self) -> None:
        """
        Follow until cancelled, over outages of the stream.

        Raises:
            LogGap: The stream does not go on and there is nothing to begin anew with.
            CannotStart, CorruptData: As for `prepare`.
        """
        if self.place is None:
            await self.prepare()
        anew = None if self._begin is None else self.prepare
        await self._reader.pass_on(self.tell, anew)

    def tell(self, documents: Iterable[UserDocument]) -> None:
        """Take *documents* in, and wake who follows their users."""
        woken: set[str] = set()
        for document in documents:
            user_id = document.user_id
            picture = self._users.get(user_id)
            if picture is None:
                picture = self._users[user_id] = UserPicture()
            if document.update_id <= picture.update_id:
                continue
            self._keep(user_id, apply_change(picture, document))
            woken.add(user_id)
        for user_id in woken:
            self._wake(user_id)

    def _keep(self, user_id: str, update: UserUpdate) -> None:
        kept = self._kept.get(user_id)
        if kept is None:
            kept = self._kept[user_id] = deque()
        elif update.update_id != kept[-1].update_id + 1:
            kept.clear()  # the numbers of another producer's log may have gaps
        kept.append(update)
        self._order.append(user_id)
        if len(self._order) > self._kept_max:
            self._let_go(self._order.popleft())

    def _let_go(self, user_id: str) -> None:
        """Let the oldest change of a user go."""
        kept = self._kept.get(user_id)
        if kept is not None:
            kept.popleft()
            if not kept:
                del self._kept[user_id]

    def _wake(self, user_id: str) -> None:
        for wake in tuple(self._wakers.get(user_id, ())):
            wake()
