"""The journal for where nothing is compiled: one formatting a fact instead of many writes; pure."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from pmengine.entities import CANCEL_TAKER, GTC, Book, Holding, OpenOrder, quoted
from pmengine.journal import FEE_NUMBER_MAX, SELF_TRADES, TIMES_IN_FORCE, Journal
from pmstore import Change
from pmstore.codec import encode_change

_ORDER: Final = (
    b'{"%b":{"id":%b,"symbol":%b,"side":"%b","order_type":"%b","quantity":%d,"price":%d'
    b',"status":"%b","filled_quantity":%d,"remaining_quantity":%d,"timestamp":%d,"user_id":%b'
    b',"order_num":%d,"version":%d%b}}'
)
_ENDED: Final = (
    b'{"%b":{"order_id":%b,"symbol":%b,"user_id":%b,"version":%d,"filled_quantity":%d'
    b',"remaining_quantity":%d,"timestamp":%d%b,"reason":%b}}'
)
_TRADED: Final = (
    b'{"Traded":{"trade_id":%d,"match_type":"%b","taker_order_id":%b,"maker_order_id":%b'
    b',"taker_user_id":%b,"maker_user_id":%b,"symbol":%b,"maker_symbol":%b,"side":"%b"'
    b',"maker_side":"%b","price":%d,"maker_price":%d,"quantity":%d,"timestamp":%d'
    b',"taker_is_bid":%b%b}}'
)
_ACCOUNT: Final = (
    b'{"AccountChanged":{"user_id":%b,"asset":%b,"available":%d,"frozen":%d,"version":%d}}'
)
_UPDATE: Final = b'{"MarketUpdateId":{"event_id":%d,"market_id":%d,"update_id":%d%b%b%b%b%b}}'
_REMEMBERED: Final = (
    b'{"Remembered":{"user_id":%b,"kind":"%b","id":%b,"outcome":"%b","order_id":%b'
    b',"timestamp":%d%b%b}}'
)


class FormattedJournal(Journal):
    """Says what `Journal` says, in the same bytes."""

    def __init__(self) -> None:
        super().__init__()
        self._facts: list[bytes] = []

    def take(self) -> bytes:
        """All facts since the last time, as a JSON array."""
        facts = b"[%b]" % b",".join(self._facts)
        self._facts.clear()
        return facts

    def add(self, change: Change) -> None:
        """Write a fact that is made seldom enough to be a model first."""
        self._facts.append(encode_change(change))

    def created(self, order: OpenOrder) -> None:
        """An accepted order as it came in."""
        self._facts.append(_order(b"OrderCreated", order))

    def updated(self, order: OpenOrder) -> None:
        """An open order as it is now."""
        self._facts.append(_order(b"OrderUpdated", order))

    def ended(
        self, order: OpenOrder, filled: bool, left: i64, spent: i64, now_ms: i64, reason: bytes
    ) -> None:
        """An order ended, filled or cancelled, with so much left; *reason* is quoted."""
        self._facts.append(
            _ENDED
            % (
                b"OrderFilled" if filled else b"OrderCancelled",
                order.id,
                order.token.symbol,
                order.user.text,
                order.version,
                order.filled,
                left,
                now_ms,
                b',"spent":%d' % spent if spent else b"",
                reason,
            )
        )

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
        fees = b""
        if taker_fee or maker_fee:
            fees = (b',"taker_fee":%d' % taker_fee if taker_fee else b"") + (
                b',"maker_fee":%d' % maker_fee if maker_fee else b""
            )
        self._facts.append(
            _TRADED
            % (
                trade_id,
                match_type,
                taker.id,
                maker.id,
                taker.user.text,
                maker.user.text,
                taker.token.symbol,
                maker.token.symbol,
                b"Buy" if taker.is_buy else b"Sell",
                b"Buy" if maker.is_buy else b"Sell",
                price,
                maker.price,
                quantity,
                now_ms,
                b"true" if taker.is_buy == taker.token.is_first else b"false",
                fees,
            )
        )

    def account_changed(self, row: Holding) -> None:
        """A row of an account as it is now."""
        self._facts.append(
            _ACCOUNT % (row.user.text, row.asset.text, row.available, row.frozen, row.version)
        )

    def level_changed(self, book: Book, is_bid: bool, price: i64, now_ms: i64) -> None:
        """One level of a market changed: the frequent case of `market_changed`."""
        level = b"[[%d,%d]]" % (price, book.ladder.quantity_at(is_bid, price))
        bids = b',"bids":' + level if is_bid else b""
        self._market(book, bids, b"" if is_bid else b',"asks":' + level, now_ms, False)

    def market_changed(
        self, book: Book, bids: list[int], asks: list[int], now_ms: i64, cleared: bool = False
    ) -> None:
        """The levels of a market at these prices as they are now, and its last price."""
        self._market(
            book,
            b',"bids":[%b]' % _levels(book, True, bids) if bids else b"",
            b',"asks":[%b]' % _levels(book, False, asks) if asks else b"",
            now_ms,
            cleared,
        )

    def _market(self, book: Book, bids: bytes, asks: bytes, now_ms: i64, cleared: bool) -> None:
        book.update_id += 1
        self._facts.append(
            _UPDATE
            % (
                book.event_id,
                book.market_id,
                book.update_id,
                bids,
                asks,
                b',"last_price":%d' % book.last_price if book.last_price else b"",
                b',"timestamp":%d' % now_ms if now_ms else b"",
                b',"cleared":true' if cleared else b"",
            )
        )

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
        self._facts.append(
            _REMEMBERED
            % (
                user,
                kind,
                id,
                outcome.encode(),
                order_id,
                now_ms,
                b',"content":' + content if content else b"",
                b',"correlation_id":' + quoted(correlation_id) if correlation_id else b"",
            )
        )


def _levels(book: Book, is_bid: bool, prices: list[int]) -> bytes:
    ladder = book.ladder
    return b",".join([b"[%d,%d]" % (price, ladder.quantity_at(is_bid, price)) for price in prices])


def _order(fact: bytes, order: OpenOrder) -> bytes:
    filled = order.filled
    return _ORDER % (
        fact,
        order.id,
        order.token.symbol,
        b"Buy" if order.is_buy else b"Sell",
        b"Limit" if order.is_limit else b"Market",
        order.quantity,
        order.price,
        b"PartiallyFilled" if filled else b"New",
        filled,
        order.quantity - filled,
        order.time_ms,
        order.user.text,
        order.order_num,
        order.version,
        _rest(order),
    )


def _rest(order: OpenOrder) -> bytes:
    """What of an order is seldom other than the default."""
    rest = b""
    if order.time_in_force != GTC:
        rest += b',"time_in_force":"%b"' % TIMES_IN_FORCE[order.time_in_force]
    if order.expires_at_ms:
        rest += b',"expires_at_ms":%d' % order.expires_at_ms
    if order.post_only:
        rest += b',"post_only":true'
    client_order_id = order.client_order_id
    if client_order_id is not None:
        rest += b',"client_order_id":' + client_order_id
    if order.volume:
        rest += b',"volume":%d' % order.volume
    if order.self_trade != CANCEL_TAKER:
        rest += b',"self_trade":"%b"' % SELF_TRADES[order.self_trade]
    if order.group is not None:
        rest += b',"group":' + order.group
    if order.session is not None:
        rest += b',"session":' + order.session
    exact = order.fee_exact
    if exact:
        as_text = exact > FEE_NUMBER_MAX
        rest += (b',"fee_exact":"%d"' if as_text else b',"fee_exact":%d') % exact
    if order.fee_paid:
        rest += b',"fee_paid":%d' % order.fee_paid
    return rest
