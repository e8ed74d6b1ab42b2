"""The list of events: what is asked for of them, in the order that is asked for."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Final, Literal

import msgspec

from pmengine.gateways.http.answers import EventPage, EventView
from pmengine.gateways.http.cursors import decode_cursor, encode_cursor
from pmengine.gateways.http.filters import EventFilter
from pmengine.gateways.http.lookup import is_gone
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.http.rankings import Ranking
from pmengine.gateways.http.showing import show_event, show_money
from pmengine.gateways.http.words import mentions, newest, words_of
from pmengine.services.events import Catalogue
from pmstore import INTEGER_MAX, Event, EventQuery, MarketState

_TRADING: Final = frozenset({MarketState.OPEN, MarketState.PAUSED})
_ANSWERED: Final = frozenset({MarketState.RESOLVED, MarketState.VOID})

MARKETS_MAX: Final = 2_000
"""Markets on one page, but for an event that has more by itself."""
AT_ONCE_MAX: Final = 2_000
"""Events that are looked at before others get a turn."""

Key = tuple[int, int]
"""What events are sorted by: a number of the sort, then the event's id."""


class _Behind(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    sort: Literal["id", "ending_soon", "newest"]
    key: Key


class _BehindRank(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    sort: Literal["volume"]
    ranking: str
    rank: int


async def list_events(call: Call) -> Reply:
    """Events with the best prices of their markets."""
    asked: EventFilter = call.parameters
    await call.freshness.reached()
    if asked.sort == "volume":
        return 200, await _ranked(call, asked)
    if asked.sort == "id" and asked == EventFilter(limit=asked.limit, after=asked.after):
        return 200, await _plain(call, asked)
    return 200, await _sorted(call, asked)


async def _plain(call: Call, asked: EventFilter) -> EventPage:
    """Events by id, as the store has them: one round trip, a second one if they are large."""
    store = call.venue.history.events
    page = await store.find(EventQuery(after=asked.after, limit=asked.limit))
    fitting = _that_fit(page.items)
    if fitting < len(page.items):
        page = await store.find(EventQuery(after=asked.after, limit=fitting))
    feed = call.venue.depth
    catalogue = await newest(call.venue.events)
    listed = [
        show_event(event, feed, words_of(catalogue, event.event_id))
        for event in page.items
        if not is_gone(event)
    ]
    return EventPage(items=listed, next=page.next)


async def _sorted(call: Call, asked: EventFilter) -> EventPage:
    key = _KEYS[asked.sort]
    behind = None
    if asked.after is not None:
        cursor = decode_cursor(asked.after, _Behind)
        if cursor.sort != asked.sort:
            raise _of_another_list()
        behind = cursor.key
    events = await call.derived.events.events()
    catalogue = await newest(call.venue.events)
    found: list[Event] = []
    for start in range(0, len(events), AT_ONCE_MAX):
        left = (
            event
            for event in events[start : start + AT_ONCE_MAX]
            if _fits(event, asked, catalogue) and (behind is None or key(event) > behind)
        )
        found = heapq.nsmallest(asked.limit + 1, chain(found, left), key=key)
        await asyncio.sleep(0)
    shown = found[: asked.limit]
    shown = shown[: _that_fit(shown)]
    after = None
    if len(found) > len(shown):
        after = encode_cursor(_Behind(asked.sort, key(shown[-1])))  # type: ignore[arg-type]
    feed = call.venue.depth
    items = [show_event(event, feed, words_of(catalogue, event.event_id)) for event in shown]
    return EventPage(items=items, next=after)


async def _ranked(call: Call, asked: EventFilter) -> EventPage:
    """By money traded; a walk through the pages keeps the ranking that it began with."""
    events = {event.event_id: event for event in await call.derived.events.events()}
    rank = 0
    if asked.after is None:
        ranking = await _rank(call, events)
    else:
        cursor = decode_cursor(asked.after, _BehindRank)
        kept = call.derived.rankings.find(cursor.ranking)
        if kept is None or not 0 < cursor.rank <= len(kept.entries):
            raise Problem(
                410,
                "CURSOR_EXPIRED",
                "this walk through the ranking was too long ago, or began at another gateway; "
                "begin again without after",
                field="after",
            )
        ranking, rank = kept, cursor.rank
    items: list[EventView] = []
    markets = 0
    feed, catalogue = call.venue.depth, await newest(call.venue.events)
    while rank < len(ranking.entries):
        event_id, money = ranking.entries[rank]
        event = events.get(event_id)
        if event is not None and _fits(event, asked, catalogue):
            markets += len(event.markets)
            if len(items) == asked.limit or (items and markets > MARKETS_MAX):
                call.derived.rankings.keep(ranking)
                after = encode_cursor(_BehindRank("volume", ranking.name, rank))
                return EventPage(items=items, next=after)
            words = words_of(catalogue, event_id)
            items.append(show_event(event, feed, words, show_money(money)))
        rank += 1
    return EventPage(items=items, next=None)


async def _rank(call: Call, events: Mapping[int, Event]) -> Ranking:
    sums = await call.derived.turnover.read(call.venue.clock())
    entries = [(event_id, sums.get(event_id, 0)) for event_id in events]
    entries.sort(key=lambda entry: (-entry[1], entry[0]))
    return Ranking(call.venue.new_id(), entries)


def _that_fit(events: Sequence[Event]) -> int:
    """How many of *events* go on one page: one at least, and no more markets than fit."""
    markets = 0
    for number, event in enumerate(events):
        markets += len(event.markets)
        if number and markets > MARKETS_MAX:
            return number
    return len(events)


def _fits(event: Event, asked: EventFilter, catalogue: Catalogue) -> bool:
    if asked.exclusive is not None and event.exclusive is not asked.exclusive:
        return False
    if asked.ending_before_ms is not None and (
        event.end_date_ms is None or event.end_date_ms >= asked.ending_before_ms
    ):
        return False
    if asked.status is not None and status_of(event) != asked.status:
        return False
    if asked.topic is None and asked.slug is None and asked.text is None:
        return True
    listed = catalogue.listed(event.event_id)
    if asked.topic is not None and (listed is None or listed.topic != asked.topic):
        return False
    if asked.slug is not None and (listed is None or listed.slug != asked.slug):
        return False
    if asked.text is None or (listed is not None and mentions(listed.title, asked.text)):
        return True
    return _mentions(event, asked.text.casefold())


def status_of(event: Event) -> str:
    """
    `open` while a market of it trades or may again, then `closed` until all are answered.

    An event without a market is open: it may still get some.
    """
    states = {market.state for market in event.markets.values()}
    if not event.removing and (not states or states & _TRADING):
        return "open"
    return "resolved" if states <= _ANSWERED else "closed"


def _mentions(event: Event, text: str) -> bool:
    return any(text in word.casefold() for word in _words(event))


def _words(event: Event) -> Iterable[str]:
    for market in event.markets.values():
        yield from market.outcomes
        yield from market.token_ids


def _by_id(event: Event) -> Key:
    return (event.event_id, event.event_id)


def _by_end(event: Event) -> Key:
    return (INTEGER_MAX if event.end_date_ms is None else event.end_date_ms, event.event_id)


def _newest_first(event: Event) -> Key:
    return (-event.event_id, event.event_id)


_KEYS: Final[Mapping[str, Callable[[Event], Key]]] = {
    "id": _by_id,
    "ending_soon": _by_end,
    "newest": _newest_first,
}


def _of_another_list() -> Problem:
    return Problem(
        400, "MALFORMED", "after is of a list in another order; begin again without", field="after"
    )
