"""Which trades may be stored."""

from __future__ import annotations

from typing import Final

from pmstore.errors import InvalidRecord
from pmstore.models.symbol import Symbol
from pmstore.models.trade import Trade
from pmstore.models.units import ID_BYTES_MAX, INTEGER_MAX, is_id

_SYMBOLS_MAX: Final = 65_536


class StorableTrades:
    """Judges trades, and remembers the symbols that it found to be right."""

    def __init__(self) -> None:
        self._symbols: set[Symbol] = set()

    def check(self, trade: Trade) -> None:
        """
        Refuse a trade that no store may hold.

        Raises:
            InvalidRecord: An id that is none, or a number outside 0..2^63-1.
        """
        # The codec writes what it is given, so a float or a boolean must not come through.
        whole = (
            int
            is type(trade.trade_id)
            is type(trade.price)
            is type(trade.maker_price)
            is type(trade.quantity)
            is type(trade.timestamp)
            is type(trade.taker_fee)
            is type(trade.maker_fee)
        )
        # No bit above the 63rd in any of them, and no sign: one comparison for all.
        if (
            not whole
            or not 0
            <= (
                trade.trade_id
                | trade.price
                | trade.maker_price
                | trade.quantity
                | trade.timestamp
                | trade.taker_fee
                | trade.maker_fee
            )
            <= INTEGER_MAX
        ):
            raise InvalidRecord(f"trade {trade.trade_id!r} has a number outside 0..2^63-1")
        ids = (
            trade.taker_order_id,
            trade.maker_order_id,
            trade.taker_user_id,
            trade.maker_user_id,
        )
        joined = "".join(ids)
        # Four short ones in plain letters are seen to be right at one look.
        plain = (
            len(joined) <= ID_BYTES_MAX
            and joined.isascii()
            and joined.isprintable()
            and "" not in ids
        )
        if not plain and not all(map(is_id, ids)):
            raise InvalidRecord(
                f"trade {trade.trade_id}: an id of an order or user is not 1..255 bytes of "
                "UTF-8 without control characters"
            )
        symbol, maker_symbol = trade.symbol, trade.maker_symbol
        if symbol not in self._symbols:
            self._check_symbol(symbol)
        if maker_symbol is not symbol and maker_symbol not in self._symbols:
            self._check_symbol(maker_symbol)

    def _check_symbol(self, symbol: Symbol) -> None:
        numbers = (symbol.event_id, symbol.market_id)
        fits = all(type(number) is int and 0 <= number <= INTEGER_MAX for number in numbers)
        if not fits or not is_id(symbol.token_id):
            raise InvalidRecord(f"{symbol!r} is not a symbol that a store may hold")
        if len(self._symbols) >= _SYMBOLS_MAX:
            self._symbols.clear()
        self._symbols.add(symbol)
