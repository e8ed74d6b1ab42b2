"""Orders that tests place."""

from __future__ import annotations

from typing import Any

from pmengine.client import NewOrder


def buy(**fields: Any) -> NewOrder:
    """A limit order to buy one y1 at 0.5, but for *fields*."""
    named: dict[str, Any] = {
        "event_id": 1,
        "market_id": 1,
        "token_id": "y1",
        "side": "buy",
        "price": "0.5",
        "quantity": "1",
        **fields,
    }
    return NewOrder(**named)
