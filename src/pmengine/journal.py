"""Facts as the log has them: written once, as bytes, by what makes them true."""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from pmengine.entities import CANCEL_TAKER, GTC, Book, Holding, OpenOrder, quoted
from pmstore import Change
from pmstore.codec import encode_change

INTERPRETED: Final[bool] = __file__.endswith(".py")
"""Whether this module runs as its source: then one formatting costs less than its steps."""
_ZERO: Final[i64] = 48
TIMES_IN_FORCE: Final[list[bytes]] = [b"gtc", b"gtd", b"ioc", b"fok"]
SELF_TRADES: Final[list[bytes]] = [b"cancel_taker", b"cancel_maker", b"cancel_both", b"none"]
FEE_NUMBER_MAX: Final = 2**53
"""Beyond it an integer is written as text: not everybody reads larger numbers exactly."""
NORMAL: Final = b"Normal"
MINT: Final = b"Mint"
MERGE: Final = b"Merge"


def put(out: BytesWriter, number: i64) -> None:
    """Write *number* in decimal."""
    if INTERPRETED:
        out.write(b"%d" % number)
        return
    if number >= 100:
        put(out, number // 100)
        number %= 100
    elif number < 0:
        out.write(b"-")
        put(out, -number)
        return
    elif number < 10:
        out.append(u8(_ZERO + number))
        return
    out.append(u8(_ZERO + number // 10))
    out.append(u8(_ZERO + number % 10))


def put_levels(out: BytesWriter, book: Book, is_bid: bool, prices: list[int]) -> None:
    """Write the levels at *prices* as they are now."""
    ladder = book.ladder
    out.write(b',"bids":[' if is_bid else b',"asks":[')
    more = False
    for price in prices:
        out.write(b",[" if more else b"[")
        put(out, price)
        out.write(b",")
        put(out, ladder.quantity_at(is_bid, price))
        out.write(b"]")
        more = True
    out.write(b"]")


class Journal:
    """
    The facts of a batch, in the order in which they happened.

    What is written is byte for byte what `pmstore.codec.encode_changes` makes of the same
    facts.
    """

    def __init__(self) -> None:
        self._out = BytesWriter()
        self._empty = True
        self._now_ms: i64 = 0
        self._now: bytes = b"0"

    def take(self) -> bytes:
        """All facts since the last time, as a JSON array."""
        out = self._out
        if self._empty:
            return b"[]"
        out.write(b"]")
        self._out = BytesWriter()
        self._empty = True
        return out.getvalue()

    def add(self, change: Change) -> None:
        """Write a fact that is made seldom enough to be a model first."""
        self._begin().write(encode_change(change))

    def _time(self, now_ms: i64) -> bytes:
        """*now_ms* in decimal: most facts of a batch have the same."""
        if now_ms != self._now_ms:
            self._now_ms = now_ms
            self._now = b"%d" % int(now_ms)
        return self._now

    def _begin(self) -> BytesWriter:
        out = self._out
        if self._empty:
            self._empty = False
            out.write(b"[")
        else:
            out.write(b",")
        return out

    def created(self, order: OpenOrder) -> None:
        """An accepted order as it came in."""
        out = self._begin()
        out.write(b'{"OrderCreated":')
        self._order(out, order)

    def updated(self, order: OpenOrder) -> None:
        """An open order as it is now."""
        out = self._begin()
        out.write(b'{"OrderUpdated":')
        self._order(out, order)

    def _order(self, out: BytesWriter, order: OpenOrder) -> None:
        out.write(b'{"id":')
        out.write(order.id)
        out.write(b',"symbol":')
        out.write(order.token.symbol)
        out.write(b',"side":"Buy"' if order.is_buy else b',"side":"Sell"')
        if order.is_limit:
            out.write(b',"order_type":"Limit","quantity":')
        else:
            out.write(b',"order_type":"Market","quantity":')
        put(out, order.quantity)
        out.write(b',"price":')
        put(out, order.price)
        if order.filled:
            out.write(b',"status":"PartiallyFilled","filled_quantity":')
        else:
            out.write(b',"status":"New","filled_quantity":')
        put(out, order.filled)
        out.write(b',"remaining_quantity":')
        put(out, order.quantity - order.filled)
        out.write(b',"timestamp":')
        if order.time_ms == self._now_ms:
            out.write(self._now)
        else:
            put(out, order.time_ms)
        out.write(b',"user_id":')
        out.write(order.user.text)
        out.write(b',"order_num":')
        put(out, order.order_num)
        if order.version:
            out.write(b',"version":')
            put(out, order.version)
        if order.time_in_force != GTC:
            out.write(b',"time_in_force":"')
            out.write(TIMES_IN_FORCE[order.time_in_force])
            out.write(b'"')
        if order.expires_at_ms:
            out.write(b',"expires_at_ms":')
            put(out, order.expires_at_ms)
        if order.post_only:
            out.write(b',"post_only":true')
        client_order_id = order.client_order_id
        if client_order_id is not None:
            out.write(b',"client_order_id":')
            out.write(client_order_id)
        if order.volume:
            out.write(b',"volume":')
            put(out, order.volume)
        if order.self_trade != CANCEL_TAKER:
            out.write(b',"self_trade":"')
            out.write(SELF_TRADES[order.self_trade])
            out.write(b'"')
        if order.group is not None:
            out.write(b',"group":')
            out.write(order.group)
        if order.session is not None:
            out.write(b',"session":')
            out.write(order.session)
        if order.fee_exact:
            exact = order.fee_exact
            out.write(
                (b',"fee_exact":%d' if exact <= FEE_NUMBER_MAX else b',"fee_exact":"%d"') % exact
            )
        if order.fee_paid:
            out.write(b',"fee_paid":')
            put(out, order.fee_paid)
        out.write(b"}}")

    def ended(
        self, order: OpenOrder, filled: bool, left: i64, spent: i64, now_ms: i64, reason: bytes
    ) -> None:
        """An order ended, filled or cancelled, with so much left; *reason* is quoted."""
        out = self._begin()
        out.write(b'{"OrderFilled":{"order_id":' if filled else b'{"OrderCancelled":{"order_id":')
        out.write(order.id)
        out.write(b',"symbol":')
        out.write(order.token.symbol)
        out.write(b',"user_id":')
        out.write(order.user.text)
        out.write(b',"version":')
        put(out, order.version)
        out.write(b',"filled_quantity":')
        put(out, order.filled)
        out.write(b',"remaining_quantity":')
        put(out, left)
        out.write(b',"timestamp":')
        out.write(self._time(now_ms))
        if spent:
            out.write(b',"spent":')
            put(out, spent)
        out.write(b',"reason":')
        out.write(reason)
        out.write(b"}}")

    def traded(
        self,
        trade_id: i64,
        match_type: bytes,
        taker: OpenOrder,
        maker: OpenOrder,
        price: i64,
        quantity: i64,
        now_ms: i64,
        taker_fee: i64,
        maker_fee: i64,
    ) -> None:
        """A fill of *taker* against *maker*; *price* in the taker's terms."""
        out = self._begin()
        out.write(b'{"Traded":{"trade_id":')
        put(out, trade_id)
        out.write(b',"match_type":"')
        out.write(match_type)
        out.write(b'","taker_order_id":')
        out.write(taker.id)
        out.write(b',"maker_order_id":')
        out.write(maker.id)
        out.write(b',"taker_user_id":')
        out.write(taker.user.text)
        out.write(b',"maker_user_id":')
        out.write(maker.user.text)
        out.write(b',"symbol":')
        out.write(taker.token.symbol)
        out.write(b',"maker_symbol":')
        out.write(maker.token.symbol)
        out.write(b',"side":"Buy"' if taker.is_buy else b',"side":"Sell"')
        out.write(b',"maker_side":"Buy"' if maker.is_buy else b',"maker_side":"Sell"')
        out.write(b',"price":')
        put(out, price)
        out.write(b',"maker_price":')
        put(out, maker.price)
        out.write(b',"quantity":')
        put(out, quantity)
        out.write(b',"timestamp":')
        out.write(self._time(now_ms))
        if taker.is_buy == taker.token.is_first:
            out.write(b',"taker_is_bid":true')
        else:
            out.write(b',"taker_is_bid":false')
        if taker_fee:
            out.write(b',"taker_fee":')
            put(out, taker_fee)
        if maker_fee:
            out.write(b',"maker_fee":')
            put(out, maker_fee)
        out.write(b"}}")

    def account_changed(self, row: Holding) -> None:
        """A row of an account as it is now."""
        out = self._begin()
        out.write(b'{"AccountChanged":{"user_id":')
        out.write(row.user.text)
        out.write(b',"asset":')
        out.write(row.asset.text)
        out.write(b',"available":')
        put(out, row.available)
        out.write(b',"frozen":')
        put(out, row.frozen)
        out.write(b',"version":')
        put(out, row.version)
        out.write(b"}}")

    def level_changed(self, book: Book, is_bid: bool, price: i64, now_ms: i64) -> None:
        """One level of a market changed: the frequent case of `market_changed`."""
        out = self._update(book)
        out.write(b',"bids":[[' if is_bid else b',"asks":[[')
        put(out, price)
        out.write(b",")
        put(out, book.ladder.quantity_at(is_bid, price))
        out.write(b"]]")
        self._end_update(out, book, now_ms, False)

    def market_changed(
        self, book: Book, bids: list[int], asks: list[int], now_ms: i64, cleared: bool = False
    ) -> None:
        """The levels of a market at these prices as they are now, and its last price."""
        out = self._update(book)
        if bids:
            put_levels(out, book, True, bids)
        if asks:
            put_levels(out, book, False, asks)
        self._end_update(out, book, now_ms, cleared)

    def _update(self, book: Book) -> BytesWriter:
        book.update_id += 1
        out = self._begin()
        out.write(b'{"MarketUpdateId":{"event_id":')
        put(out, book.event_id)
        out.write(b',"market_id":')
        put(out, book.market_id)
        out.write(b',"update_id":')
        put(out, book.update_id)
        return out

    def _end_update(self, out: BytesWriter, book: Book, now_ms: i64, cleared: bool) -> None:
        if book.last_price:
            out.write(b',"last_price":')
            put(out, book.last_price)
        if now_ms:
            out.write(b',"timestamp":')
            out.write(self._time(now_ms))
        if cleared:
            out.write(b',"cleared":true')
        out.write(b"}}")

    def remembered(
        self,
        user: bytes,
        kind: bytes,
        id: bytes,
        outcome: str,
        order_id: bytes,
        content: bytes,
        correlation_id: str,
        now_ms: i64,
    ) -> None:
        """The outcome of a command; *user*, *id* and *order_id* are quoted."""
        out = self._begin()
        out.write(b'{"Remembered":{"user_id":')
        out.write(user)
        out.write(b',"kind":"')
        out.write(kind)
        out.write(b'","id":')
        out.write(id)
        out.write(b',"outcome":"')
        out.write(outcome.encode())
        out.write(b'","order_id":')
        out.write(order_id)
        out.write(b',"timestamp":')
        out.write(self._time(now_ms))
        if content:
            out.write(b',"content":')
            out.write(content)
        if correlation_id:
            out.write(b',"correlation_id":')
            out.write(quoted(correlation_id))
        out.write(b"}}")
