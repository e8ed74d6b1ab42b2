"""The part of the client that looks at the exchange: its events, markets and state."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeVar

import attrs

from pmengine.client.markets import (
    Caller,
    Candle,
    CandleInterval,
    Depth,
    Event,
    EventOrder,
    EventStatus,
    Top,
    Topic,
)
from pmengine.client.orders import Trade
from pmengine.client.paging import PAGE_SIZE, Page, all_of
from pmengine.client.requests import Repeat, Request
from pmengine.client.transport import PREFIX, Transport

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class _State:
    status: str = ""
    ready: bool = False
    reason: str = ""


class Exchange:
    """What everybody may look at."""

    _transport: Transport

    def events(
        self,
        *,
        status: EventStatus | None = None,
        exclusive: bool | None = None,
        text: str | None = None,
        topic: str | None = None,
        slug: str | None = None,
        ending_before_ms: int | None = None,
        sort: EventOrder | None = None,
        limit: int | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Event]:
        """
        Events by id or as *sort* says.

        Args:
            text: Words of the title, or part of an outcome or a token's id.
        """
        parameters = {
            "status": status,
            "exclusive": exclusive,
            "text": text,
            "topic": topic,
            "slug": slug,
            "ending_before_ms": ending_before_ms,
            "sort": sort,
        }
        path = f"{PREFIX}/events"
        return all_of(
            self._transport, path, Page[Event], parameters, limit=limit, page_size=page_size
        )

    async def event(self, event_id: int) -> Event:
        """One event, with best prices and last trade of each outcome."""
        return await self._look(f"events/{event_id:d}", Event)

    async def depth(self, event_id: int, market_id: int, *, levels: int | None = None) -> Depth:
        """The levels of both tokens of a market, the best *levels* of each side."""
        parameters = {"event_id": event_id, "market_id": market_id, "levels": levels}
        return await self._look("depth", Depth, parameters)

    def tops(
        self,
        event_id: int,
        *,
        market_id: int | None = None,
        limit: int | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Top]:
        """Best bid and ask of both tokens, of an event's markets by id or of one of them."""
        parameters = {"event_id": event_id, "market_id": market_id}
        path = f"{PREFIX}/top"
        return all_of(
            self._transport, path, Page[Top], parameters, limit=limit, page_size=page_size
        )

    def trades(
        self,
        *,
        event_id: int | None = None,
        market_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Trade]:
        """Trades, newest first, from *start_ms* until before *end_ms*."""
        parameters = {
            "event_id": event_id,
            "market_id": market_id,
            "start_ms": start_ms,
            "end_ms": end_ms,
        }
        path = f"{PREFIX}/trades"
        return all_of(
            self._transport, path, Page[Trade], parameters, limit=limit, page_size=page_size
        )

    def candles(
        self,
        event_id: int,
        market_id: int,
        *,
        token_id: str | None = None,
        interval: CandleInterval = "1m",
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Candle]:
        """
        What was traded in a market by interval (UTC), newest first, empty intervals left out.

        Args:
            token_id: In whose prices; unset, those of the first.
        """
        parameters = {
            "event_id": event_id,
            "market_id": market_id,
            "token_id": token_id,
            "interval": interval,
            "start_ms": start_ms,
            "end_ms": end_ms,
        }
        path = f"{PREFIX}/candles"
        return all_of(
            self._transport, path, Page[Candle], parameters, limit=limit, page_size=page_size
        )

    async def topics(self) -> tuple[Topic, ...]:
        """What events are about, by id, active or not."""
        return (await self._look("topics", Page[Topic])).items

    async def caller(self) -> Caller:
        """Who this client is to the exchange, and what it may do there."""
        return await self._look("caller", Caller)

    async def health(self) -> None:
        """
        Return if the exchange's process lives.

        Raises:
            Unavailable: It does not answer.
        """
        await self._look("/health", _State)

    async def ready(self) -> str:
        """
        Wait until orders are taken, and return what the exchange says of it.

        Raises:
            Unavailable: They are not taken by the deadline; the message says why.
        """
        return (await self._look("/ready", _State)).reason

    async def _look(
        self, path: str, answer: type[T], parameters: Mapping[str, Any] | None = None
    ) -> T:
        return await self._transport.ask(
            Request(
                method="GET",
                path=path if path.startswith("/") else f"{PREFIX}/{path}",
                answer=answer,
                repeat=Repeat.ASKS,
                parameters=parameters or {},
            )
        )
