"""The catalogue that the records add up to: topics, and events as people read them; pure."""

from __future__ import annotations

from typing import Final, Literal

import attrs

from pmengine.services.events.records import (
    EventClosed,
    EventClosing,
    EventDrafted,
    EventListed,
    EventRefused,
    Record,
    TopicChanged,
)
from pmengine.services.events.rules import Declined, Texts, read_topic
from pmstore import Position

TOPICS_MAX: Final = 1_000


@attrs.frozen(kw_only=True)
class Topic:
    """What events are about; new ones only while it is active."""

    topic: str
    name: str
    active: bool


@attrs.frozen(kw_only=True)
class TitledEvent:
    """
    An event that was drafted at `position`, and what became of it.

    It is `pending` until the engine has listed it or refused to, for `refusal`.
    """

    drafted: EventDrafted
    position: Position
    state: Literal["pending", "listed", "refused"] = "pending"
    refusal: Declined | None = None

    @property
    def event_id(self) -> int:
        """Its id, which nothing else gets unless it is refused."""
        return self.drafted.event_id


class Catalogue:
    """
    Folds records; asked what a request would have to write, it changes nothing.

    What is `pending` here, or `closing`, is owed to the engine by whoever works off the catalogue.
    """

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}
        self._events: dict[int, TitledEvent] = {}
        self._slugs: dict[str, int] = {}
        self._sources: dict[str, TitledEvent] = {}
        self._pending: dict[int, TitledEvent] = {}
        self._closing: set[int] = set()
        self._closed: set[int] = set()
        self._highest_id = 0

    def apply(self, record: Record, position: Position) -> None:
        """Follow *record*, which stands at *position*; one that fits nothing changes nothing."""
        if isinstance(record, TopicChanged):
            topic = Topic(topic=record.topic, name=record.name, active=record.active)
            self._topics[record.topic] = topic
        elif isinstance(record, EventDrafted):
            self._keep(TitledEvent(drafted=record, position=position))
            self._slugs[record.slug] = record.event_id
            self._highest_id = max(self._highest_id, record.event_id)
        elif isinstance(record, EventClosing):
            self._closing.add(record.event_id)
        elif isinstance(record, EventClosed):
            self._closing.discard(record.event_id)
            self._closed.add(record.event_id)
        else:
            self._settle(record)

    def _settle(self, record: EventListed | EventRefused) -> None:
        event = self._events.get(record.event_id)
        if event is None or str(event.position) != record.draft:
            return
        if isinstance(record, EventListed):
            self._keep(attrs.evolve(event, state="listed", refusal=None))
            self._slugs.setdefault(event.drafted.slug, event.event_id)
        elif event.state == "pending":
            refusal = Declined(code=record.code, detail=record.reason)
            self._keep(attrs.evolve(event, state="refused", refusal=refusal))
            del self._slugs[event.drafted.slug]

    def _keep(self, event: TitledEvent) -> None:
        self._events[event.event_id] = event
        if event.drafted.source is not None:
            self._sources[event.drafted.source] = event
        if event.state == "pending":
            self._pending[event.event_id] = event
        else:
            self._pending.pop(event.event_id, None)

    @property
    def next_id(self) -> int:
        """An id above every one that was given."""
        return self._highest_id + 1

    def topics(self) -> list[Topic]:
        """Every topic, by its id."""
        return [self._topics[topic] for topic in sorted(self._topics)]

    def topic(self, topic: str) -> Topic | None:
        """The topic *topic*, active or not."""
        return self._topics.get(topic)

    def event(self, event_id: int) -> TitledEvent | None:
        """The event *event_id* as it was drafted last, whatever became of it."""
        return self._events.get(event_id)

    def listed(self, event_id: int) -> EventDrafted | None:
        """What people read of *event_id*; None if it is not listed, or has no title."""
        event = self._events.get(event_id)
        return event.drafted if event is not None and event.state == "listed" else None

    def of_source(self, source: str) -> TitledEvent | None:
        """The event that the document *source* asked for."""
        return self._sources.get(source)

    def of_slug(self, slug: str) -> TitledEvent | None:
        """The event that has *slug*."""
        event_id = self._slugs.get(slug)
        return None if event_id is None else self._events[event_id]

    def pending(self) -> list[TitledEvent]:
        """Events of which it is not known what the engine says, oldest first."""
        return list(self._pending.values())

    def closing(self) -> list[int]:
        """Events that are to be closed and are not yet, by id."""
        return sorted(self._closing)

    def is_closing(self, event_id: int) -> bool:
        """Whether an event is to be closed, or was."""
        return event_id in self._closing or event_id in self._closed

    def is_closed(self, event_id: int) -> bool:
        """Whether trading was ended in all of an event."""
        return event_id in self._closed

    def known(self, texts: Texts, event_id: int | None) -> TitledEvent | Declined | None:
        """
        The event that was asked for before in the same words, or why there can be none.

        Args:
            event_id: If the request names one; else the slug says which event is meant.
        """
        held = self.of_slug(texts.slug)
        if event_id is None:
            if held is None or _is_same(held.drafted, texts):
                return held
            return _taken_slug(held)
        event = self._events.get(event_id)
        if event is not None and event.state != "refused":
            if _is_same(event.drafted, texts):
                return event
            said = f"event {event_id} is there with other content; take another id"
            return Declined(code="DUPLICATE_EVENT", detail=said, field="event_id")
        return None if held is None else _taken_slug(held)

    def draft(
        self, texts: Texts, event_id: int, now_ms: int, source: str | None
    ) -> EventDrafted | Declined:
        """What must be written for a new event, once `known` found none."""
        topic = self._topics.get(texts.topic)
        if topic is None:
            said = f"there is no topic {texts.topic[:64]!r}; an admin adds one by POST /topics"
            return Declined(code="UNKNOWN_TOPIC", detail=said, field="topic")
        if not topic.active:
            said = f"topic {texts.topic!r} takes no new events; it is not active"
            return Declined(code="INACTIVE_TOPIC", detail=said, field="topic")
        if texts.end_ms is not None and texts.end_ms <= now_ms:
            said = f"end_date {texts.end_date} has passed; trading must end in the future"
            return Declined(code="INVALID_EXPIRY", detail=said, field="end_date")
        return EventDrafted(
            event_id=event_id,
            title=texts.title,
            slug=texts.slug,
            description=texts.description,
            topic=texts.topic,
            image_url=texts.image_url,
            end_date=texts.end_date,
            exclusive=texts.exclusive,
            markets=dict(texts.markets),
            drafted_ms=now_ms,
            source=source,
        )

    def add_topic(self, topic: str, name: str) -> TopicChanged | Topic | Declined:
        """What must be written for a new topic; the topic if there is nothing to write."""
        read = read_topic(topic, name)
        if isinstance(read, Declined):
            return read
        known = self._topics.get(topic)
        if known is not None:
            if known.name == read[1]:
                return known
            said = f"topic {topic!r} is there with another name; PATCH /topics/{topic} renames it"
            return Declined(code="DUPLICATE_TOPIC", detail=said, field="topic")
        if len(self._topics) >= TOPICS_MAX:
            said = f"there are {TOPICS_MAX} topics, and no more are taken"
            return Declined(code="TOO_MANY_TOPICS", detail=said)
        return TopicChanged(topic=topic, name=read[1], active=True)

    def change_topic(
        self, topic: str, name: str | None, active: bool | None
    ) -> TopicChanged | Topic | Declined:
        """Likewise for another name, or for taking it out of use or back; None leaves it."""
        known = self._topics.get(topic)
        if known is None:
            return Declined(code="UNKNOWN_TOPIC", detail=f"there is no topic {topic[:64]!r}")
        read = read_topic(topic, known.name if name is None else name)
        if isinstance(read, Declined):
            return read
        changed = attrs.evolve(
            known, name=read[1], active=known.active if active is None else active
        )
        if changed == known:
            return known
        return TopicChanged(topic=topic, name=changed.name, active=changed.active)


def _taken_slug(held: TitledEvent) -> Declined:
    said = f"slug {held.drafted.slug!r} is that of event {held.event_id}; take another"
    return Declined(code="DUPLICATE_SLUG", detail=said, field="slug")


def _is_same(drafted: EventDrafted, texts: Texts) -> bool:
    """Whether a request says again what was drafted."""
    return (
        drafted.title == texts.title
        and drafted.slug == texts.slug
        and drafted.description == texts.description
        and drafted.topic == texts.topic
        and drafted.image_url == texts.image_url
        and drafted.end_date == texts.end_date
        and drafted.exclusive == texts.exclusive
        and drafted.markets == dict(texts.markets)
    )
