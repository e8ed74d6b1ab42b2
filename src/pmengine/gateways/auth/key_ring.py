"""The API keys that a gateway knows, followed on their stream."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final

import structlog

from pmengine.gateways.auth.caller import Caller
from pmengine.gateways.auth.key_records import READ_ENTRIES_MAX, Keys
from pmengine.gateways.auth.key_text import digest_of, id_of
from pmstore import START, Stream

LOOK_S: Final = 0.5
"""How often the stream is asked for what is new."""

_logger = structlog.get_logger("pmengine.keys")


class KeyRing:
    """
    Finds callers by their keys, in memory.

    A key that was revoked stops counting within `LOOK_S` seconds while the stream answers. If
    the stream has not answered for *max_age_s*, no key counts until it does.

    Args:
        opening: Opens the stream of keys; gives None while nobody has made a key.
        now: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        opening: Callable[[], AbstractAsyncContextManager[Stream | None]],
        *,
        max_age_s: float,
        now: Callable[[], float],
    ) -> None:
        self._opening = opening
        self._max_age_s = max_age_s
        self._now = now
        self._keys = Keys()
        self._stream: Stream | None = None
        self._closing = AsyncExitStack()
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
        Take what is new on the stream; it is opened again if it failed before.

        Raises:
            PmstoreError: It does not answer, or is damaged.
        """
        asked_at = self._now()
        try:
            if self._stream is None:
                self._stream = await self._closing.enter_async_context(self._opening())
            if self._stream is None:
                await self.close()
            else:
                await self._read(self._stream)
        except BaseException:
            await self.close()
            raise
        self._heard_at = asked_at

    async def run(self) -> None:
        """Follow until cancelled, over outages; the first failure and the recovery are logged."""
        is_failing = False
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except Exception as error:
                # Whatever it is: it is tried again, and meanwhile soon no key counts.
                if not is_failing:
                    reason = f"{type(error).__name__}: {error}"
                    _logger.warning("keys_unavailable", reason=reason)
                is_failing = True
            else:
                if is_failing:
                    _logger.info("keys_available_again")
                is_failing = False

    async def close(self) -> None:
        """Let the stream go; what is known stays."""
        self._stream = None
        closing, self._closing = self._closing, AsyncExitStack()
        await closing.aclose()

    async def _read(self, stream: Stream) -> None:
        while entries := await stream.read(self._after, READ_ENTRIES_MAX):
            for problem in self._keys.apply(entries):
                _logger.warning("unreadable_key_record", reason=problem)
            self._after = entries[-1].id
            # A long stream is read without holding up who shares the loop.
            await asyncio.sleep(0)
