"""The examples of the API's description; the tests read each by its schema."""

from __future__ import annotations

from typing import Any, Final

_Example = dict[str, Any]

NEW_ORDER: Final[_Example] = {
    "client_order_id": "c1",
    "event_id": 1,
    "market_id": 1,
    "token_id": "y1",
    "side": "buy",
    "type": "limit",
    "price": "0.5",
    "quantity": "1.5",
    "time_in_force": "gtc",
}
ORDER_AMENDMENT: Final[_Example] = {"price": "0.51", "quantity": "2"}
ORDER: Final[_Example] = {
    "id": "0190b6a0-7c00-7000-8000-000000000001",
    "client_order_id": "c1",
    "event_id": 1,
    "market_id": 1,
    "token_id": "y1",
    "side": "buy",
    "type": "limit",
    "time_in_force": "gtc",
    "post_only": False,
    "status": "partially_filled",
    "price": "0.5",
    "quantity": "1.5",
    "filled_quantity": "1",
    "remaining_quantity": "0.5",
    "timestamp": 1704110400000,
    "version": 4,
}
TRADE: Final[_Example] = {
    "trade_id": 1024,
    "event_id": 1,
    "market_id": 1,
    "token_id": "y1",
    "side": "buy",
    "price": "0.49",
    "quantity": "1",
    "match_type": "normal",
    "timestamp": 1704110400000,
}
ONE_ORDER: Final[_Example] = {"order": {**ORDER, "average_price": "0.49"}}
PLACED_ORDER: Final[_Example] = {**ONE_ORDER, "trades": [TRADE]}
ORDER_BATCH: Final[_Example] = {"orders": [NEW_ORDER, {**NEW_ORDER, "price": "2"}]}
BATCH_ANSWERS: Final[_Example] = {
    "items": [
        {"status": 201, **PLACED_ORDER},
        {
            "status": 422,
            "problem": {
                "type": "urn:pmengine:problem:invalid-price",
                "title": "Invalid price",
                "status": 422,
                "code": "INVALID_PRICE",
                "detail": "price is '2'; it takes 0.001 .. 0.999",
                "field": "price",
            },
        },
    ]
}
GROUP_LIMIT: Final[_Example] = {"group": "quotes", "quantity_max": "500", "window_ms": 1000}
BEAT: Final[_Example] = {"session": "bot1", "timeout_ms": 5000}
CANCELLED_ORDERS: Final[_Example] = {"items": [{**ORDER, "status": "cancelled"}], "more": False}
ORDER_PAGE: Final[_Example] = {"items": [ORDER], "next": None}
TRADE_PAGE: Final[_Example] = {"items": [TRADE], "next": None}
DEPTH: Final[_Example] = {
    "event_id": 1,
    "market_id": 1,
    "update_id": 7,
    "timestamp": 1704110400000,
    "depths": {
        "y1": {
            "latest_trade_price": "0.49",
            "bids": [{"price": "0.5", "total_quantity": "0.5", "total_size": "0.25"}],
            "asks": [],
        },
        "n1": {
            "latest_trade_price": "0.51",
            "bids": [],
            "asks": [{"price": "0.5", "total_quantity": "0.5", "total_size": "0.25"}],
        },
    },
}
ACCOUNT: Final[_Example] = {
    "user_id": "u1",
    "cash": {"available": "99.26", "frozen": "0.25"},
    "positions": [{"token_id": "y1", "available": "1", "frozen": "0"}],
}
NEW_DEPOSIT: Final[_Example] = {"id": "d1", "user_id": "u1", "amount": "100"}
NEW_WITHDRAWAL: Final[_Example] = {"id": "w1", "amount": "10.5"}
CONVERSION: Final[_Example] = {"id": "c1", "event_id": 2, "market_ids": [1, 3], "amount": "10"}
PAIR_AMOUNT: Final[_Example] = {"id": "s1", "event_id": 1, "market_id": 1, "amount": "10"}
NEW_EVENT: Final[_Example] = {
    "event_id": 1,
    "title": "Who wins the cup?",
    "slug": "cup-2030",
    "topic": "football",
    "description": "The final of 2030.",
    "image_url": "https://example.org/cup.png",
    "end_date": "2030-01-01T00:00:00Z",
    "markets": {
        "1": {
            "outcomes": ["Yes", "No"],
            "token_ids": ["y1", "n1"],
            "tick_size": 1,
            "fees": {"kind": "linear", "maker_ppm": 0, "taker_ppm": 20000},
        }
    },
}
MARKET: Final[_Example] = {
    "market_id": 1,
    "state": "open",
    "removing": False,
    "tick_size": 1,
    "fees": {"kind": "linear", "maker_ppm": 0, "taker_ppm": 20000},
    "tokens": [
        {
            "token_id": "y1",
            "outcome": "Yes",
            "best_bid": "0.5",
            "best_ask": None,
            "last_price": "0.49",
            "payout": None,
        },
        {
            "token_id": "n1",
            "outcome": "No",
            "best_bid": None,
            "best_ask": "0.5",
            "last_price": "0.51",
            "payout": None,
        },
    ],
}
_LISTED: Final[_Example] = {
    "event_id": 1,
    "title": "Who wins the cup?",
    "slug": "cup-2030",
    "topic": {"topic": "football", "name": "Football"},
    "image_url": "https://example.org/cup.png",
    "end_date": "2030-01-01T00:00:00Z",
    "exclusive": False,
    "removing": False,
    "markets": {"1": MARKET},
}
EVENT: Final[_Example] = {**_LISTED, "description": "The final of 2030."}
EVENT_PAGE: Final[_Example] = {"items": [_LISTED], "next": None}
RESOLUTION: Final[_Example] = {"payouts": ["1", "0"]}
EVENT_RESOLUTION: Final[_Example] = {"payouts": {"1": ["1", "0"], "2": ["0", "1"]}}
PAUSED_MARKET: Final[_Example] = {**MARKET, "state": "paused"}
RESOLVED_MARKET: Final[_Example] = {
    **MARKET,
    "state": "resolved",
    "tokens": [
        {**MARKET["tokens"][0], "best_bid": None, "payout": "1"},
        {**MARKET["tokens"][1], "best_ask": None, "payout": "0"},
    ],
}
RESOLVED_EVENT: Final[_Example] = {
    **EVENT,
    "exclusive": True,
    "markets": {
        "1": RESOLVED_MARKET,
        "2": {
            **RESOLVED_MARKET,
            "market_id": 2,
            "tokens": [
                {**RESOLVED_MARKET["tokens"][0], "token_id": "y2", "payout": "0"},
                {**RESOLVED_MARKET["tokens"][1], "token_id": "n2", "payout": "1"},
            ],
        },
    },
}
