"""The part of the client that is for admins: listing, resolving and pausing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import attrs

from pmengine.client.amounts import Amount, to_text
from pmengine.client.markets import ClosedEvent, Event, Market, NewMarket, Pause, Topic
from pmengine.client.requests import Repeat, Request, said
from pmengine.client.transport import PREFIX, Transport

Payouts = tuple[Amount, Amount]
"""What a share of each token is paid, together 1."""

T = TypeVar("T")


class Administration:
    """What the scope admin may do to events, markets, topics and the whole exchange."""

    _transport: Transport

    async def add_event(
        self,
        event_id: int | None,
        markets: Mapping[int, NewMarket],
        *,
        title: str | None = None,
        topic: str | None = None,
        slug: str | None = None,
        description: str | None = None,
        image_url: str | None = None,
        end_date: str | None = None,
        exclusive: bool = False,
    ) -> Event:
        """
        List an event with its markets (admin); the same again changes nothing.

        Args:
            event_id: None, of an event with a title, takes the next free one.
            title: What people read of it, together with the fields that follow.
            topic: Of a title that of `topics()`, which is active.
            slug: Unique; made of the title if it is not given.
            image_url: `https://…`, or a path that begins with one `/`.
            end_date: RFC 3339; trading ends then.
            exclusive: At most one market is answered with its first outcome.
        """
        body = said(
            {
                "event_id": event_id,
                "title": title,
                "topic": topic,
                "slug": slug,
                "description": description,
                "image_url": image_url,
                "markets": {id: said(attrs.asdict(one)) for id, one in markets.items()},
                "end_date": end_date,
                "exclusive": exclusive,
            }
        )
        return await self._change("events", Event, body)

    async def close_event(self, event_id: int) -> ClosedEvent:
        """End trading in all markets of an event (admin); once more changes nothing."""
        return await self._change(f"events/{event_id:d}/close", ClosedEvent)

    async def add_topic(self, topic: str, name: str) -> Topic:
        """Add a topic (admin); the same again changes nothing."""
        return await self._change("topics", Topic, {"topic": topic, "name": name})

    async def change_topic(
        self, topic: str, *, name: str | None = None, active: bool | None = None
    ) -> Topic:
        """Rename a topic (admin), or take it out of use or back; None leaves it as it is."""
        body = said({"name": name, "active": active})
        return await self._change(f"topics/{quote(topic, safe='')}", Topic, body, method="PATCH")

    async def resolve_market(
        self, event_id: int, market_id: int, *, payouts: Payouts | None = None, void: bool = False
    ) -> Market:
        """
        Say what the tokens of a market are paid (admin): trading ends, holders are paid.

        Args:
            payouts: Of both tokens, together 1.
            void: Instead: both are paid the same.
        """
        body = {"payouts": None if payouts is None else _payouts(payouts), "void": void}
        path = f"events/{event_id:d}/markets/{market_id:d}/resolve"
        return await self._change(path, Market, said(body))

    async def resolve_event(
        self, event_id: int, *, payouts: Mapping[int, Payouts] | None = None, void: bool = False
    ) -> Event:
        """The same for all markets of an exclusive event at once, by market (admin)."""
        texts = None
        if payouts is not None:
            texts = {market_id: _payouts(pair) for market_id, pair in payouts.items()}
        body = said({"payouts": texts, "void": void})
        return await self._change(f"events/{event_id:d}/resolve", Event, body)

    async def pause_market(self, event_id: int, market_id: int) -> Market:
        """Refuse new orders in one market (admin); cancels go on."""
        return await self._change(f"events/{event_id:d}/markets/{market_id:d}/pause", Market)

    async def resume_market(self, event_id: int, market_id: int) -> Market:
        """Take new orders in a market again (admin)."""
        return await self._change(f"events/{event_id:d}/markets/{market_id:d}/resume", Market)

    async def pause(self) -> Pause:
        """Refuse new orders everywhere (admin); cancels go on."""
        return await self._change("pause", Pause)

    async def resume(self, *, post_only_ms: int | None = None) -> Pause:
        """Take new orders again (admin), for *post_only_ms* only post-only ones."""
        return await self._change("resume", Pause, parameters={"post_only_ms": post_only_ms})

    async def _change(
        self,
        path: str,
        answer: type[T],
        body: Mapping[str, Any] | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        method: str = "POST",
    ) -> T:
        return await self._transport.ask(
            Request(
                method=method,
                path=f"{PREFIX}/{path}",
                answer=answer,
                repeat=Repeat.SAME_STATE,
                parameters=parameters or {},
                body=body,
            )
        )


def _payouts(pair: Payouts) -> tuple[str, str]:
    first, second = pair
    return to_text(first), to_text(second)
