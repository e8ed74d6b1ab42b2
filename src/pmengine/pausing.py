"""When and where new orders are taken: everywhere, in one market, or only from makers; pure."""

from __future__ import annotations

from mypy_extensions import i64

from pmengine.commands import PauseMarket, PostOnly, ResumeAllEvents, ResumeMarket
from pmengine.facts import Refusal
from pmengine.journal import Journal
from pmengine.listing import Listing
from pmengine.records import Records
from pmstore import INTEGER_MAX, MarketState, Paused


class Pausing:
    """Stops and resumes the taking of new orders; what rests stays where it is."""

    def __init__(self, records: Records, journal: Journal, listing: Listing) -> None:
        self._records = records
        self._journal = journal
        self._listing = listing

    def stop_all(self) -> None:
        """Refuse new orders everywhere; once more changes nothing."""
        if not self._records.paused:
            self._set(True, 0)

    def resume_all(self, command: ResumeAllEvents, now_ms: i64) -> Refusal | None:
        """Take new orders again, for the first while only those that are post-only."""
        if not 0 <= command.post_only_ms <= INTEGER_MAX - now_ms:
            return Refusal.INVALID_EXPIRY
        until_ms: i64 = now_ms + command.post_only_ms if command.post_only_ms else 0
        records = self._records
        if records.paused or until_ms or records.post_only_until_ms > now_ms:
            self._set(False, until_ms)
        return None

    def post_only(self, command: PostOnly, now_ms: i64) -> Refusal | None:
        """For a while take only post-only orders; a longer while under way is not cut short."""
        if not 0 <= command.for_ms <= INTEGER_MAX - now_ms:
            return Refusal.INVALID_EXPIRY
        until_ms: i64 = now_ms + command.for_ms
        if until_ms > max(now_ms, self._records.post_only_until_ms):
            self._set(self._records.paused, until_ms)
        return None

    def _set(self, paused: bool, until_ms: i64) -> None:
        records = self._records
        records.paused = paused
        records.post_only_until_ms = until_ms
        self._journal.add(Paused(paused, until_ms))

    def set_market(self, command: PauseMarket | ResumeMarket, paused: bool) -> Refusal | None:
        """Refuse new orders in a market that has not ended, or take them again."""
        book = self._listing.find(command.event_id, command.market_id)
        if isinstance(book, Refusal):
            return book
        if not book.is_shown:
            return Refusal.MARKET_CLOSED
        if book.is_open == paused:
            state = MarketState.PAUSED if paused else MarketState.OPEN
            self._listing.set_state(book, state)
        return None
