"""Examples of the API's description for what users are shown of their own."""

from __future__ import annotations

from typing import Any, Final

_Example = dict[str, Any]

FILL: Final[_Example] = {
    "trade_id": 1024,
    "order_id": "0190b6a0-7c00-7000-8000-000000000001",
    "role": "taker",
    "event_id": 1,
    "market_id": 1,
    "token_id": "y1",
    "side": "buy",
    "price": "0.49",
    "quantity": "1",
    "fee": "0.0098",
    "match_type": "normal",
    "timestamp": 1704110400000,
}
FILL_PAGE: Final[_Example] = {"items": [FILL], "next": None}
POSITION: Final[_Example] = {
    "event_id": 1,
    "market_id": 1,
    "token_id": "y1",
    "outcome": "Yes",
    "state": "open",
    "quantity": "10",
    "available": "8",
    "frozen": "2",
    "average_price": "0.49",
    "cost": "4.9",
    "mark_price": "0.5",
    "value": "5",
    "realised_profit": "-0.2",
    "unrealised_profit": "0.1",
}
POSITION_PAGE: Final[_Example] = {"items": [POSITION], "next": None}
