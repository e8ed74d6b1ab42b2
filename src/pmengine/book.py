"""One market while it trades: its ladder, the orders on it, and how an order stands in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pmengine.matching import LadderContract
from pmstore import PAYOUT, Market, MarketState, MarketUpdateId, Order, Side, Symbol

_BUY = Side.BUY


class Book:
    """
    A market's ladder with the order behind each handle.

    The ladder is kept in terms of the first token: buying the second at p stands where
    selling the first at 10000-p stands.
    """

    __slots__ = (
        "event_id",
        "key",
        "ladder",
        "last_price",
        "market",
        "market_id",
        "resting",
        "symbols",
        "update_id",
    )

    def __init__(
        self, event_id: int, market: Market, new_ladder: Callable[[], LadderContract]
    ) -> None:
        self.key = (event_id, market.market_id)
        self.event_id = event_id
        self.market_id = market.market_id
        self.market = market
        first, second = market.token_ids
        self.symbols = {
            first: Symbol(event_id, market.market_id, first),
            second: Symbol(event_id, market.market_id, second),
        }
        self.ladder = new_ladder()
        self.resting: dict[int, Order] = {}
        self.update_id = market.update_id
        self.last_price = market.last_price

    @property
    def is_open(self) -> bool:
        """Whether orders may trade."""
        return self.market.state is MarketState.OPEN

    def is_first(self, token_id: str) -> bool:
        """Whether *token_id* is the token that the ladder's prices are in."""
        return token_id == self.market.token_ids[0]

    def is_bid(self, order: Order) -> bool:
        """The side of the ladder on which *order* stands."""
        return (order.side is _BUY) == self.is_first(order.symbol.token_id)

    def ladder_price(self, token_id: str, price: int) -> int:
        """*price* of *token_id* in terms of the first token; also the way back."""
        return price if token_id == self.market.token_ids[0] else PAYOUT - price

    def crosses(self, is_bid: bool, ladder_price: int) -> bool:
        """Whether a taker at *ladder_price* would meet the best of the other side."""
        best = self.ladder.best(not is_bid)
        return best != 0 and (best <= ladder_price if is_bid else best >= ladder_price)

    def updated(
        self,
        now_ms: int,
        bids: Sequence[int],
        asks: Sequence[int],
        cleared: bool = False,
    ) -> MarketUpdateId:
        """The next update of this market, with the levels at these prices as they are now."""
        self.update_id += 1
        ladder = self.ladder
        return MarketUpdateId(
            self.event_id,
            self.market_id,
            self.update_id,
            tuple([(price, ladder.quantity_at(True, price)) for price in bids]),
            tuple([(price, ladder.quantity_at(False, price)) for price in asks]),
            self.last_price,
            now_ms,
            cleared,
        )
