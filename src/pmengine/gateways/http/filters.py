"""What lists may be asked for: the query parameters of own fills and of markets, as schemas."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from pmengine.gateways.http.requests import After, EpochMs, Id, Input, Limit, Number
from pmstore import INTEGER_MAX

EndMs = Annotated[
    int, Meta(ge=0, le=INTEGER_MAX, description="Epoch milliseconds (UTC), exclusive.")
]


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
