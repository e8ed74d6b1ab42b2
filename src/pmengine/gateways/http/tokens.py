"""Which market a token is of: it never changes, so it is looked up once."""

from __future__ import annotations

from collections.abc import Iterable

from pmengine.gateways.http.event_scan import EventScan
from pmstore import MarketKey


class Tokens:
    """
    The markets of tokens, by what is listed.

    Cost:
        A token that is not known costs a reading of all events.
    """

    def __init__(self, events: EventScan) -> None:
        self._events = events
        self._known: dict[str, MarketKey] = {}

    async def find(self, tokens: Iterable[str]) -> dict[str, MarketKey]:
        """
        The markets of *tokens*; one that is not listed is a missing key.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        wanted = list(tokens)
        if any(token not in self._known for token in wanted):
            self._known = {
                token: (event.event_id, market_id)
                for event in await self._events.events()
                for market_id, market in event.markets.items()
                for token in market.token_ids
            }
        return {token: self._known[token] for token in wanted if token in self._known}
