"""Examples of the API's description for what everybody is shown of markets."""

from __future__ import annotations

from typing import Any, Final

_Example = dict[str, Any]

TOP: Final[_Example] = {
    "event_id": 1,
    "market_id": 1,
    "update_id": 7,
    "timestamp": 1704110400000,
    "tokens": {
        "y1": {
            "bid": {"price": "0.5", "quantity": "0.5"},
            "ask": None,
            "last_price": "0.49",
        },
        "n1": {
            "bid": None,
            "ask": {"price": "0.5", "quantity": "0.5"},
            "last_price": "0.51",
        },
    },
}
TOP_PAGE: Final[_Example] = {"items": [TOP], "next": None}
CANDLE: Final[_Example] = {
    "start_ms": 1704110400000,
    "open": "0.49",
    "high": "0.52",
    "low": "0.48",
    "close": "0.5",
    "volume": "12.5",
    "turnover": "6.2",
    "trades": 3,
}
CANDLE_PAGE: Final[_Example] = {"items": [CANDLE], "next": None}
