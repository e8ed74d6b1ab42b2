"""What lists may be asked for: the query parameters of own fills and of markets, as schemas."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from pmengine.gateways.http.requests import After, EpochMs, Id, Input, Limit, Number
from pmengine.services.events.rules import SLUG_CHARS_MAX, SLUG_PATTERN
from pmstore import INTEGER_MAX

EndMs = Annotated[
    int, Meta(ge=0, le=INTEGER_MAX, description="Epoch milliseconds (UTC), exclusive.")
]


EventText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="Words of the title, or part of an outcome or a token's id.",
    ),
]


Slug = Annotated[str, Meta(max_length=SLUG_CHARS_MAX, pattern=SLUG_PATTERN)]


class EventFilter(Input, frozen=True, kw_only=True):
    status: Literal["open", "closed", "resolved"] | None = None
    exclusive: bool | None = None
    text: EventText | None = None
    topic: Slug | None = None
    slug: Slug | None = None
    ending_before_ms: EndMs | None = None
    sort: Literal["id", "ending_soon", "newest", "volume"] = "id"
    limit: Limit = 100
    after: After | None = None


class FillFilter(Input, frozen=True, kw_only=True):
    event_id: Number | None = None
    market_id: Number | None = None
    order_id: Id | None = None
    start_ms: EpochMs | None = None
    end_ms: EndMs | None = None
    limit: Limit = 100
    after: After | None = None


class TopFilter(Input, frozen=True, kw_only=True):
    event_id: Number
    market_id: Number | None = None
    limit: Limit = 100
    after: After | None = None


class CandleFilter(Input, frozen=True, kw_only=True):
    event_id: Number
    market_id: Number
    token_id: Id | None = None
    interval: Literal["1m", "5m", "1h", "1d"] = "1m"
    start_ms: EpochMs | None = None
    end_ms: EndMs | None = None
    limit: Limit = 100
    after: After | None = None


class PositionFilter(Input, frozen=True, kw_only=True):
    status: Literal["open", "closed"] | None = None
    event_id: Number | None = None
    market_id: Number | None = None
    limit: Limit = 100
    after: After | None = None
