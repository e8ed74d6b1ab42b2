"""Documents of `event-stream`, as other systems write them."""

from __future__ import annotations

from typing import Any


def create(number: int, **fields: Any) -> dict[str, Any]:
    """The document of event *number*; None leaves a field out."""
    body = {
        "types": "EventCreate",
        "event_id": number,
        "title": f"Question {number}?",
        "topic": "sport",
        "markets": {"1": {"token_ids": [f"y{number}", f"n{number}"]}},
        **fields,
    }
    return {name: value for name, value in body.items() if value is not None}


def close(number: int) -> dict[str, Any]:
    return {"types": "EventClose", "event_id": number}
