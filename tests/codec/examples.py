"""Records and texts that several tests of the codec speak of."""

from __future__ import annotations

from pmstore.models.order import Order, OrderStatus, OrderType, Side
from pmstore.models.symbol import Symbol
from pmstore.models.trade import MatchType, Trade

SYMBOL = Symbol(1, 1, "token_123")
ORDER = Order(
    "order_123",
    SYMBOL,
    Side.BUY,
    OrderType.LIMIT,
    100,
    5000,
    OrderStatus.NEW,
    0,
    100,
    1704110400000,
    "user_456",
    1,
)
"""The order that the source's documents print."""

TRADE = Trade(
    1024,
    MatchType.NORMAL,
    "taker_1",
    "maker_1",
    "user_1",
    "user_2",
    SYMBOL,
    SYMBOL,
    Side.BUY,
    Side.SELL,
    5200,
    5200,
    10,
    1736937045123,
    True,
)

LATER_ORDER = """{"order_id":42,"symbol":{"event_id":1,"market_id":1,"token_id":"token_123"},
"side":"sell","order_type":"limit","quantity":100,"price":5000,"status":"partially_filled",
"filled_quantity":40,"remaining_quantity":60,"timestamp":1704110400000,"user_id":7,"order_num":1}"""

SOURCE_SNAPSHOT = """{
  "snapshots": [
    {
      "symbol": {
        "event_id": 1,
        "market_id": 1,
        "token_id": "token_123"
      },
      "orders": [
        {
          "id": "order_123",
          "symbol": {
            "event_id": 1,
            "market_id": 1,
            "token_id": "token_123"
          },
          "side": "Buy",
          "order_type": "Limit",
          "quantity": 100,
          "price": 5000,
          "status": "New",
          "filled_quantity": 0,
          "remaining_quantity": 100,
          "timestamp": 1704110400000,
          "user_id": "user_456",
          "order_num": 1
        }
      ],
      "timestamp": 1704110400000
    }
  ],
  "events": {
    "1": {
      "event_id": 1,
      "markets": {
        "1": {
          "id": 1,
          "outcomes": ["Yes", "No"],
          "token_ids": ["token_yes", "token_no"]
        }
      },
      "end_date": "2024-01-01T12:00:00Z"
    }
  },
  "timestamp": 1704110400000,
  "last_message_id": "1704110400000-0"
}
"""
"""The snapshot file as the source prints it."""
