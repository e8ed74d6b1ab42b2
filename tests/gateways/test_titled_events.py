"""What people read of events is kept with them, found by its words, and never of another event."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import attrs
import httpx
import msgspec
import pytest

from pmengine.assembly import open_exchange
from pmengine.commands import NewMarket
from pmengine.gateways.http import create_app, serving
from pmengine.services.events import API_MQ_STREAM, CATALOGUE_STREAM, EventDesk, KeptCatalogue
from pmengine.services.events.announcing import ClosedTold, ListedTold, decode_told
from pmengine.services.events.records import decode_record, encode_record
from pmstore import START, open_stream
from pmstore.clock import system_clock
from pmstore.testing import Fault, Faults, faulty
from tests.gateways.exchange import Running, running_exchange, settings, venue_of

DEADLINE_S = 60.0


def titled(name: str = "a", **fields: Any) -> dict[str, Any]:
    """An event about the weather whose tokens are named after *name*; None leaves one out."""
    body = {
        "title": f"Will {name} win?",
        "topic": "weather",
        "markets": {"1": {"token_ids": [f"{name}-y", f"{name}-n"]}},
        **fields,
    }
    return {name: value for name, value in body.items() if value is not None}


async def add_topic(running: Running) -> None:
    await running.done("POST", "/topics", json={"topic": "weather", "name": "Weather"})


async def found(running: Running, query: str) -> list[int]:
    page = await running.done("GET", f"/events?{query}")
    return [one["event_id"] for one in page["items"]]


async def test_texts_are_shown_as_they_are_kept(running: Running) -> None:
    await add_topic(running)
    body = titled(
        title="  Cafe\u0301 open?  ",
        description="One.\r\n\r\nTwo.",
        image_url="https://example.org/a.png?size=2",
    )
    event = await running.done("POST", "/events", json=body)
    shown = {
        "title": "Café open?",
        "slug": "cafe-open",
        "topic": {"topic": "weather", "name": "Weather"},
        "image_url": "https://example.org/a.png?size=2",
    }
    assert {name: event[name] for name in shown} == shown
    assert event["description"] == "One.\n\nTwo."
    assert await running.done("GET", f"/events/{event['event_id']}") == event
    (listed,) = (await running.done("GET", "/events?slug=cafe-open"))["items"]
    assert {name: listed[name] for name in shown} == shown
    assert "description" not in listed
    bare = await running.done("GET", "/events/1")
    assert (bare["title"], bare["topic"], bare["description"]) == (None, None, "")


async def test_events_are_found_by_topic_and_by_words_of_their_titles(running: Running) -> None:
    await add_topic(running)
    await running.done("POST", "/topics", json={"topic": "sport", "name": "Sport"})
    await running.done("POST", "/events", json=titled("rain", event_id=10))
    await running.done("POST", "/events", json=titled("snow", event_id=11))
    await running.done("POST", "/events", json=titled("RAIN-2", topic="sport", event_id=12))
    assert await found(running, "topic=weather") == [10, 11]
    assert await found(running, "topic=nothing") == []
    assert await found(running, "text=RAIN") == [10, 12]
    assert await found(running, "text=win%20rain") == [10, 12]
    assert await found(running, "text=rain&topic=sport&sort=newest") == [12]
    assert await found(running, "text=rain%20snow") == []
    assert await found(running, "text=snow-y") == [11]
    assert await found(running, "topic=weather&sort=volume") == [10, 11]


async def test_a_topic_is_shown_by_its_name_now_and_refuses_new_events_when_out_of_use(
    running: Running,
) -> None:
    await add_topic(running)
    await add_topic(running)
    event = await running.done("POST", "/events", json=titled())
    other = {"topic": "weather", "name": "Other"}
    await running.refused(422, "DUPLICATE_TOPIC", "POST", "/topics", json=other)
    change = {"name": "The weather", "active": False}
    topic = await running.done("PATCH", "/topics/weather", json=change)
    assert topic == {"topic": "weather", "name": "The weather", "active": False}
    assert (await running.done("GET", "/topics"))["items"] == [topic]
    shown = await running.done("GET", f"/events/{event['event_id']}")
    assert shown["topic"] == {"topic": "weather", "name": "The weather"}
    problem = await running.refused(422, "INACTIVE_TOPIC", "POST", "/events", json=titled("b"))
    assert problem["field"] == "topic"
    # What was listed before is asked for again all the same.
    assert (await running.done("POST", "/events", json=titled()))["event_id"] == event["event_id"]
    await running.done("PATCH", "/topics/weather", json={"active": True})
    await running.done("POST", "/events", json=titled("b"))
    await running.refused(404, "UNKNOWN_TOPIC", "PATCH", "/topics/none", json={"active": True})


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("INVALID_TITLE", {"title": " "}),
        ("INVALID_TITLE", {"title": "a\u202eb"}),
        ("INVALID_TITLE", {"title": "one\ntwo"}),
        ("INVALID_SLUG", {"slug": "Not a slug"}),
        ("INVALID_SLUG", {"title": "下雨吗"}),
        ("INVALID_DESCRIPTION", {"description": "a\x00b"}),
        ("INVALID_IMAGE", {"image_url": "http://example.org/a.png"}),
        ("INVALID_IMAGE", {"image_url": "data:image/png;base64,AAAA"}),
        ("INVALID_IMAGE", {"image_url": "//example.org/a.png"}),
        ("INVALID_IMAGE", {"image_url": "https://u:p@example.org/a.png"}),
        ("INVALID_IMAGE", {"image_url": "https:///a.png"}),
        ("INVALID_IMAGE", {"image_url": "javascript:alert(1)"}),
        ("UNKNOWN_TOPIC", {"topic": "none"}),
        ("UNKNOWN_TOPIC", {"topic": None}),
        ("INVALID_TITLE", {"title": None, "event_id": 5}),
        ("INVALID_EXPIRY", {"end_date": "2020-01-01T00:00:00Z"}),
        ("INVALID_EXPIRY", {"end_date": "tomorrow"}),
        ("INVALID_MARKETS", {"markets": {}}),
        ("INVALID_MARKETS", {"markets": {"1": {"token_ids": ["t", "t"]}}}),
        ("INVALID_ID", {"markets": {"1": {"token_ids": ["t", "a b"]}}}),
        ("INVALID_TICK", {"markets": {"1": {"token_ids": ["t", "u"], "tick_size": 3}}}),
        (
            "INVALID_OUTCOMES",
            {"markets": {"1": {"token_ids": ["t", "u"], "outcomes": ["Yes", "yes"]}}},
        ),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_kept(
    running: Running, code: str, fields: dict[str, Any]
) -> None:
    await add_topic(running)
    problem = await running.refused(422, code, "POST", "/events", json=titled(**fields))
    assert problem["field"] in (*fields, "title", "slug") or problem["field"].startswith("markets")
    assert await found(running, "") == [1]
    assert running.exchange.events.catalogue.next_id == 1


async def test_a_slug_is_one_events_and_the_same_again_is_the_same_event(running: Running) -> None:
    await add_topic(running)
    first = await running.done("POST", "/events", json=titled(slug="who-wins"))
    again = await running.done("POST", "/events", json=titled(slug="who-wins"))
    assert again == first
    other = titled("b", slug="who-wins")
    problem = await running.refused(422, "DUPLICATE_SLUG", "POST", "/events", json=other)
    assert problem["field"] == "slug"
    taken = titled("b", event_id=first["event_id"])
    await running.refused(422, "DUPLICATE_EVENT", "POST", "/events", json=taken)
    assert await found(running, "topic=weather") == [first["event_id"]]


async def test_many_who_want_one_slug_at_once_get_one_event(running: Running) -> None:
    await add_topic(running)
    bodies = [titled(f"t{number}", slug="who-wins") for number in range(8)]
    answers = await asyncio.gather(*(running.ask("POST", "/events", json=one) for one in bodies))
    assert sorted(one.status_code for one in answers) == [201] + 7 * [422]
    bodies = [titled(f"u{number}") for number in range(8)]
    answers = await asyncio.gather(*(running.ask("POST", "/events", json=one) for one in bodies))
    ids = {one.json()["event_id"] for one in answers}
    assert len(ids) == 8
    assert len(await found(running, "topic=weather")) == 9


async def test_what_the_engine_refuses_is_not_shown_and_its_id_and_slug_are_free(
    running: Running,
) -> None:
    await add_topic(running)
    # Its first token is that of market 1 of event 1, which only the engine knows.
    clashing = titled(slug="who-wins", markets={"1": {"token_ids": ["y1", "fresh"]}})
    for _ in range(2):
        await running.refused(422, "MALFORMED", "POST", "/events", json=clashing)
    assert await found(running, "topic=weather") == []
    # An id that an event without a title has is given to nobody, and its words are not the other's.
    await running.refused(422, "MALFORMED", "POST", "/events", json=titled(event_id=1))
    assert (await running.done("GET", "/events/1"))["title"] is None
    event = await running.done("POST", "/events", json=titled(slug="who-wins"))
    assert event["event_id"] > 1
    assert await found(running, "topic=weather") == [event["event_id"]]


async def test_closing_ends_trading_and_is_said_once(running: Running) -> None:
    await add_topic(running)
    await running.refused(404, "UNKNOWN_EVENT", "POST", "/events/77/close")
    event = await running.done("POST", "/events", json=titled("a"))
    pair = {"id": "s", "event_id": event["event_id"], "market_id": 1, "amount": "5"}
    await running.done("POST", "/splits", json=pair)
    for event_id in (event["event_id"], 1):
        for _ in range(2):
            closed = await running.done("POST", f"/events/{event_id}/close")
            assert closed == {"event_id": event_id, "closed": True}
    shown = await running.done("GET", f"/events/{event['event_id']}")
    assert (shown["removing"], shown["title"]) == (True, "Will a win?")
    await running.refused(
        422,
        "MARKET_CLOSED",
        "POST",
        "/orders",
        json={
            "event_id": event["event_id"],
            "market_id": 1,
            "token_id": "a-y",
            "side": "sell",
            "type": "limit",
            "price": "0.5",
            "quantity": "1",
        },
    )


async def test_503_says_that_nothing_was_kept_and_504_that_nobody_knows(tmp_path: Path) -> None:
    async with open_exchange(settings(tmp_path)) as exchange, AsyncExitStack() as opened:
        stream = await opened.enter_async_context(open_stream("memory://", CATALOGUE_STREAM))
        faults = Faults()
        kept = KeptCatalogue(faulty(stream, faults))
        desk = EventDesk(kept, exchange.history.events, system_clock)
        venue = attrs.evolve(venue_of(exchange), events=desk)
        url = await opened.enter_async_context(serving(create_app(venue), "127.0.0.1", 0))
        client = await opened.enter_async_context(httpx.AsyncClient(base_url=url))
        running = Running(exchange, url, client)
        topic = {"topic": "weather", "name": "Weather"}
        faults.next(Fault.BEFORE, verb="append")
        await running.refused(503, "NOT_TAKEN", "POST", "/topics", json=topic)
        faults.next(Fault.AFTER, verb="append")
        await running.refused(504, "OUTCOME_UNKNOWN", "POST", "/topics", json=topic)
        assert (await running.done("GET", "/topics"))["items"][0]["name"] == "Weather"
        await running.done("POST", "/topics", json=topic)
        faults.next(Fault.BEFORE, verb="append")
        await running.refused(503, "NOT_TAKEN", "POST", "/events", json=titled())
        assert kept.catalogue.of_slug("will-a-win") is None
        faults.next(Fault.AFTER, verb="append")
        await running.refused(504, "OUTCOME_UNKNOWN", "POST", "/events", json=titled())
        # The engine lists it, and that cannot be written down.
        appends = faults.calls.count("append")
        faults.at(appends + 1, Fault.BEFORE, verb="append")
        await running.refused(504, "OUTCOME_UNKNOWN", "POST", "/events", json=titled())
        # While the catalogue does not answer, what is known is shown.
        faults.down = Fault.BEFORE
        (shown,) = (await running.done("GET", "/events"))["items"]
        assert shown["title"] is None
        faults.heal()
        event = await running.done("POST", "/events", json=titled())
        assert event["event_id"] == shown["event_id"]
        faults.down = Fault.BEFORE
        (shown,) = (await running.done("GET", "/events"))["items"]
        assert shown["title"] == "Will a win?"
        assert (await running.done("GET", "/topics"))["items"] == [{**topic, "active": True}]


async def told_in(folder: Path) -> list[ListedTold | ClosedTold]:
    """What `api_mq_stream` of an exchange in one process says, read beside it."""
    async with open_stream(f"file:{folder}/streams", API_MQ_STREAM, read_only=True) as stream:
        return [decode_told(one.payload) for one in await stream.read(START, 1000)]


async def test_everybody_is_told_once_of_each_listing_and_close_over_restarts(
    tmp_path: Path,
) -> None:
    ids: list[int] = []
    for life in range(3):
        async with running_exchange(tmp_path) as running:
            await add_topic(running)
            event = await running.done("POST", "/events", json=titled(f"a{life}"))
            ids.append(event["event_id"])
            await running.done("POST", f"/events/{ids[0]}/close")
            wanted = life + 2
            async with asyncio.timeout(DEADLINE_S):
                while len(await told_in(tmp_path)) < wanted:
                    await asyncio.sleep(0.02)
            left = (await running.done("GET", "/events?topic=weather"))["items"]
            assert [one["slug"] for one in left] == [f"will-a{n}-win" for n in range(1, life + 1)]
    told = await told_in(tmp_path)
    listed = [one.event_id for one in told if isinstance(one, ListedTold)]
    closed = [one.event_id for one in told if isinstance(one, ClosedTold)]
    assert (listed, closed) == (ids, ids[:1])
    assert len(set(ids)) == 3


async def test_what_was_kept_before_the_end_is_listed_after_it_once(tmp_path: Path) -> None:
    """The state between the two writes, as a kill leaves it: the draft, and nothing after it."""
    async with running_exchange(tmp_path) as running:
        await add_topic(running)
        event = await running.done("POST", "/events", json=titled("a"))
    place = f"file:{tmp_path}/streams"
    async with open_stream(place, CATALOGUE_STREAM) as stream:
        _, draft, last = await stream.read(START, 10)
        number = event["event_id"] + 1
        market = NewMarket(token_ids=("b-y", "b-n"))
        other = msgspec.structs.replace(
            decode_record(draft.payload), event_id=number, slug="will-b-win", markets={1: market}
        )
        await stream.append([encode_record(other, last.id)])
    told = {"API_ORDER_TIMEOUT_SECONDS": "0.1"}
    for _ in range(2):
        async with running_exchange(tmp_path, told=told) as running:
            async with asyncio.timeout(DEADLINE_S):
                # Nobody here was answered that it is listed: the stores have their time.
                while number not in await found(running, "topic=weather"):
                    await asyncio.sleep(0.02)
                while len(await told_in(tmp_path)) < 2:
                    await asyncio.sleep(0.02)
            shown = await running.done("GET", f"/events/{number}")
            assert (shown["slug"], shown["title"]) == ("will-b-win", "Will a win?")
    assert [one.event_id for one in await told_in(tmp_path)] == [event["event_id"], number]
