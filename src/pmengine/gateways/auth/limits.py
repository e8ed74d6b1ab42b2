"""How much one user and one address may ask: token buckets, in memory that is bounded."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from pmengine.gateways.auth.addresses import Origins
from pmengine.gateways.auth.caller import NotAdmitted

BUCKETS_MAX: Final = 100_000
ROUNDING_S: Final = 1e-6
"""Less than that is no wait, but the rounding of sums."""


class Buckets:
    """
    A token bucket for each key: *burst* tokens at most, *rate* new ones a second.

    Of a bucket only the time is kept at which it is full again; one that is full needs none.
    So the keys of the last *burst / rate* seconds are enough, in two generations of which the
    older one goes as a whole. Beyond *buckets_max* keys in a generation it goes early, and who
    was in it has a full bucket: memory has a bound, whatever comes.

    Args:
        rate: Tokens a second.
        burst: What a full bucket holds, at least 1.
        now: Seconds of a clock that never goes back.
    """

    def __init__(
        self, rate: float, burst: int, now: Callable[[], float], buckets_max: int = BUCKETS_MAX
    ) -> None:
        self._token_s = 1.0 / rate
        self._burst = burst
        self._full_s = burst / rate
        self._now = now
        self._buckets_max = buckets_max
        self._young: dict[str, float] = {}
        self._old: dict[str, float] = {}
        self._turned_at = now()

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def take(self, key: str, count: int = 1, /) -> float:
        """
        Take *count* tokens from the bucket of *key*: 0, or the seconds until there are so many.

        A full bucket is always enough.
        """
        taken_s = min(count, self._burst) * self._token_s
        now = self._now()
        if now - self._turned_at > self._full_s or len(self._young) >= self._buckets_max:
            self._old, self._young = self._young, {}
            self._turned_at = now
        full_at = self._young.get(key)
        if full_at is None:
            full_at = self._old.get(key, now)
        full_at = max(full_at, now)
        full_at += taken_s
        missing_s = full_at - now - self._full_s
        if missing_s > ROUNDING_S:
            return missing_s
        self._young[key] = full_at
        return 0.0


class Limits:
    """
    What is counted of a request: its address before anything else, its user once it is known.

    Args:
        users: None limits no user.
        addresses: None limits no address.
        sockets_max: WebSockets that one address may have open; None for any number.
        origins: Says which address a request counts for.
    """

    def __init__(
        self,
        *,
        users: Buckets | None = None,
        addresses: Buckets | None = None,
        sockets_max: int | None = None,
        origins: Origins | None = None,
    ) -> None:
        self._users = users
        self._addresses = addresses
        self._sockets_max = sockets_max
        self._origins = Origins() if origins is None else origins
        self._sockets: dict[str, int] = {}

    def take_address(self, peer: str, forwarded_for: bytes = b"") -> None:
        """
        Count a request from *peer*.

        Raises:
            NotAdmitted: Its address asked too much (429).
        """
        if self._addresses is not None:
            _admit(self._addresses.take(self._origins.of(peer, forwarded_for)), "this address")

    def take_user(self, user_id: str, count: int = 1) -> None:
        """
        Count a request of *user_id*, or as many as *count*.

        Raises:
            NotAdmitted: The user asked too much (429).
        """
        if self._users is not None:
            _admit(self._users.take(user_id, count), "this user")

    def open_socket(self, peer: str, forwarded_for: bytes = b"") -> Callable[[], None]:
        """
        Count a WebSocket from *peer* as open until what is given back is called.

        Raises:
            NotAdmitted: Its address has too many (429).
        """
        if self._sockets_max is None:
            return lambda: None
        origin = self._origins.of(peer, forwarded_for)
        count = self._sockets.get(origin, 0)
        if count >= self._sockets_max:
            detail = f"this address has {count} WebSockets open; close one first"
            raise NotAdmitted(429, "TOO_MANY_SOCKETS", detail, retry_after_s=1)
        self._sockets[origin] = count + 1

        def close() -> None:
            left = self._sockets.pop(origin) - 1
            if left:
                self._sockets[origin] = left

        return close


def _admit(missing_s: float, who: str) -> None:
    if missing_s:
        wait_s = max(1, math.ceil(missing_s))
        detail = f"{who} asks too much; wait {wait_s} s"
        raise NotAdmitted(429, "TOO_MANY_REQUESTS", detail, retry_after_s=wait_s)
