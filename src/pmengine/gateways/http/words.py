"""What people read of an event, as it is shown."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

import attrs
from msgspec import UNSET

from pmengine.gateways.http.answers import TopicName
from pmengine.services.events import Catalogue, EventDesk
from pmstore import StoreClosed, StoreUnavailable


@attrs.frozen(kw_only=True)
class Words:
    """The texts of one event; `description` is left out of lists."""

    title: str | None = None
    slug: str | None = None
    topic: TopicName | None = None
    image_url: str | None = None
    description: Any = UNSET


UNTITLED: Final = Words()
LOOK_S_MAX: Final = 1.0


def words_of(catalogue: Catalogue, event_id: int, *, in_full: bool = False) -> Words:
    """What *catalogue* has of an event; with its description if it is shown *in_full*."""
    listed = catalogue.listed(event_id)
    if listed is None:
        return Words(description="") if in_full else UNTITLED
    topic = catalogue.topic(listed.topic)
    return Words(
        title=listed.title,
        slug=listed.slug,
        topic=None if topic is None else TopicName(topic=topic.topic, name=topic.name),
        image_url=listed.image_url,
        description=listed.description if in_full else UNSET,
    )


async def newest(desk: EventDesk) -> Catalogue:
    """
    The catalogue, looked at again if it has events of which it is not known what became.

    A gateway may hear of a listing from the stores first.
    """
    return await looked_at(desk) if desk.catalogue.pending() else desk.catalogue


async def looked_at(desk: EventDesk) -> Catalogue:
    """The catalogue with what other gateways wrote; without an answer as it was."""
    # What follows the stream says of an outage, once.
    with suppress(StoreClosed, StoreUnavailable, TimeoutError):
        async with asyncio.timeout(LOOK_S_MAX):
            await desk.look()
    return desk.catalogue


def mentions(title: str, text: str) -> bool:
    """Whether every word of *text* is in *title*, in upper or lower case."""
    folded = title.casefold()
    return all(word in folded for word in text.casefold().split())
