"""
The client of an exchange in Python, with and without `await`.

    from pmengine.client import Client, NewOrder

    async with Client("http://127.0.0.1:8080", user_id="u1") as client:
        await client.place(NewOrder(event_id=1, market_id=1, token_id="y1", side="buy",
                                    price="0.5", quantity="10"))
        async with client.book(1, 1) as book:
            async for change in book.changes():
                ...

It takes `pmstore[client]` to be installed.
"""

from pmengine.client.accounts import Account, Cash, Holding, LedgerLine, Position
from pmengine.client.amounts import Amount
from pmengine.client.book import Book
from pmengine.client.client import Client
from pmengine.client.errors import (
    ClientClosed,
    ClientError,
    DoneNotShown,
    Ids,
    OutcomeUnknown,
    Refused,
    Unavailable,
    UnreadableAnswer,
)
from pmengine.client.holdings import OwnChange
from pmengine.client.markets import (
    Best,
    Caller,
    Candle,
    ClosedEvent,
    Depth,
    Event,
    Fees,
    Level,
    Market,
    NewMarket,
    Pause,
    Token,
    TokenDepth,
    TokenTop,
    Top,
    Topic,
    TopicName,
)
from pmengine.client.mine import Mine
from pmengine.client.mirror import BookChange
from pmengine.client.orders import (
    CancelledOrders,
    Fill,
    Group,
    NewOrder,
    Order,
    PlacedOrder,
    Session,
    Trade,
)
from pmengine.client.sync_client import SyncClient
from pmengine.client.sync_feeds import SyncBook, SyncMine
from pmengine.client.user_messages import Balance

__all__ = [
    "Account",
    "Amount",
    "Balance",
    "Best",
    "Book",
    "BookChange",
    "Caller",
    "CancelledOrders",
    "Candle",
    "Cash",
    "Client",
    "ClientClosed",
    "ClientError",
    "ClosedEvent",
    "Depth",
    "DoneNotShown",
    "Event",
    "Fees",
    "Fill",
    "Group",
    "Holding",
    "Ids",
    "LedgerLine",
    "Level",
    "Market",
    "Mine",
    "NewMarket",
    "NewOrder",
    "Order",
    "OutcomeUnknown",
    "OwnChange",
    "Pause",
    "PlacedOrder",
    "Position",
    "Refused",
    "Session",
    "SyncBook",
    "SyncClient",
    "SyncMine",
    "Token",
    "TokenDepth",
    "TokenTop",
    "Top",
    "Topic",
    "TopicName",
    "Trade",
    "Unavailable",
    "UnreadableAnswer",
]
