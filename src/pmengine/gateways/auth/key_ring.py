"""The API keys that a gateway knows, followed on their stream."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from pmengine.gateways.auth.caller import Caller
from pmengine.gateways.auth.key_records import READ_ENTRIES_MAX, Keys
from pmengine.gateways.auth.key_text import digest_of, id_of
from pmstore import START, PmstoreError, Stream

LOOK_S: Final = 0.5
"""How often the stream is asked for what is new."""

_logger = structlog.get_logger("pmengine.keys")


class KeyRing:
    """
    Finds callers by their keys, in memory.

    A key that was revoked stops counting within `LOOK_S` seconds while the stream answers. If
    the stream has not answered for *max_age_s*, no key counts until it does.

    Args:
        open_stream: Opens the stream of keys; None while nobody has made a key.
        now: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        open_stream: Callable[[], Awaitable[Stream | None]],
        *,
        max_age_s: float,
        now: Callable[[], float],
    ) -> None:
        self._open_stream = open_stream
        self._max_age_s = max_age_s
        self._now = now
        self._keys = Keys()
        self._stream: Stream | None = None
        self._after = START
        self._heard_at: float | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether it is known which keys were revoked, but for the last *max_age_s* seconds."""
        return self._heard_at is not None and self._now() - self._heard_at <= self._max_age_s

    def find(self, key: str, /) -> Caller | None:
        """Who *key* belongs to; None if it is unknown or revoked. Cost: one SHA-256."""
        key_id = id_of(key)
        known = None if key_id is None else self._keys.get(key_id)
        if known is None or known.revoked_ms is not None:
            return None
        if not hmac.compare_digest(digest_of(key), known.digest):
            return None
        return Caller(user_id=known.user_id, scopes=known.scopes, key_id=known.id)

    def has(self, key_id: str, /) -> bool:
        """Whether the key *key_id* counts now."""
        key = self._keys.get(key_id)
        return key is not None and key.revoked_ms is None and self.is_fresh

    async def look(self) -> None:
        """
        Take what is new on the stream.

        Raises:
            PmstoreError: It does not answer, or is damaged.
        """
        asked_at = self._now()
        if self._stream is None:
            self._stream = await self._open_stream()
        while self._stream is not None:
            entries = await self._stream.read(self._after, READ_ENTRIES_MAX)
            if not entries:
                break
            for problem in self._keys.apply(entries):
                _logger.warning("unreadable_key_record", reason=problem)
            self._after = entries[-1].id
            # A long stream is read without holding up who shares the loop.
            await asyncio.sleep(0)
        self._heard_at = asked_at

    async def run(self) -> None:
        """Follow until cancelled, over outages; the first failure and the recovery are logged."""
        is_failing = False
        while True:
            try:
                await self.look()
            except PmstoreError as error:
                if not is_failing:
                    _logger.warning("keys_unavailable", reason=str(error))
                is_failing = True
            else:
                if is_failing:
                    _logger.info("keys_available_again")
                is_failing = False
            await asyncio.sleep(LOOK_S)
