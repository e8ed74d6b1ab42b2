"""Events with a title, their ends, and topics: what admins ask of the event desk."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import msgspec

from pmengine.commands import Command, NewMarket
from pmengine.gateways.http.answers import ClosedEvent, TopicList, TopicView
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.http.reading import parse_end_date
from pmengine.gateways.http.requests import EventPath, NewEvent, NewTopic, TopicChange, TopicPath
from pmengine.gateways.http.sending import lacking, valid_until_ms
from pmengine.gateways.http.words import looked_at
from pmengine.services.events import Declined, EventCreate, Send, Topic, Unfinished
from pmengine.services.front import Answer
from pmstore import StoreClosed, StoreUnavailable

T = TypeVar("T")


async def add_titled_event(call: Call, title: str, markets: dict[int, NewMarket]) -> int:
    """
    Keep an event with what people read of it, and have it listed; its id.

    Raises:
        Problem: It was not kept (422, 503), or it is not known whether it is listed (504).
    """
    body: NewEvent = call.body
    if body.topic is None:
        raise Problem(422, "UNKNOWN_TOPIC", "a title needs a topic; GET /topics", field="topic")
    asked = EventCreate(
        title=title,
        topic=body.topic,
        markets=markets,
        event_id=body.event_id,
        slug=body.slug,
        description=body.description,
        image_url=body.image_url,
        end_date=None if body.end_date is None else parse_end_date(body.end_date),
        exclusive=body.exclusive,
    )
    if body.event_id is None:
        # The stores say which ids are taken.
        await call.freshness.reached()
    done = await _asked(call.venue.events.create(asked, _sending(call)))
    if isinstance(done, Declined):
        raise _declined(done)
    call.is_applied = True
    return done.event_id


def check_untitled(body: NewEvent) -> None:
    """
    See that nothing is said for people to read where there is no title.

    Raises:
        Problem: Something is (422).
    """
    if body.slug or body.topic or body.description or body.image_url:
        said = "slug, topic, description and image_url are for an event with a title; add one"
        raise Problem(422, "INVALID_TITLE", said, field="title")


async def close_event(call: Call) -> Reply:
    """End trading in all markets of an event."""
    parameters: EventPath = call.parameters
    done = await _asked(call.venue.events.close(parameters.event_id, _sending(call)))
    if isinstance(done, Declined):
        raise _declined(done, missing="UNKNOWN_EVENT")
    return 200, ClosedEvent(event_id=done.event_id)


async def list_topics(call: Call) -> Reply:
    """Every topic."""
    catalogue = await looked_at(call.venue.events)
    return 200, TopicList(items=[_show_topic(one) for one in catalogue.topics()])


async def add_topic(call: Call) -> Reply:
    """Add a topic."""
    body: NewTopic = call.body
    topic = await _asked(call.venue.events.add_topic(body.topic, body.name))
    if isinstance(topic, Declined):
        raise _declined(topic)
    return 201, _show_topic(topic)


async def change_topic(call: Call) -> Reply:
    """Rename a topic, take it out of use or back."""
    parameters: TopicPath = call.parameters
    body: TopicChange = call.body
    change = call.venue.events.change_topic(parameters.topic, body.name, body.active)
    topic = await _asked(change)
    if isinstance(topic, Declined):
        raise _declined(topic, missing="UNKNOWN_TOPIC")
    return 200, _show_topic(topic)


def _sending(call: Call) -> Send:
    async def send(command: Command) -> Answer:
        lasting = msgspec.structs.replace(command, valid_until_ms=valid_until_ms(call))
        venue = call.venue
        answer = await venue.front.send(lasting, venue.answer_timeout_s, listing=True)
        for one in (answer, *answer.others):
            call.freshness.told(one.number, one.shard)
        return answer

    return send


async def _asked(asking: Awaitable[T]) -> T:
    try:
        return await asking
    except (StoreClosed, StoreUnavailable, Unfinished) as error:
        raise lacking(error, None, None) from None


def _declined(declined: Declined, *, missing: str = "") -> Problem:
    status = 404 if declined.code == missing else 422
    return Problem(status, declined.code, declined.detail, field=declined.field)


def _show_topic(topic: Topic) -> TopicView:
    return TopicView(topic=topic.topic, name=topic.name, active=topic.active)
