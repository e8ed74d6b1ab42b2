"""How a taker meets what rests, fill by fill, and what both sides pay and get; pure."""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from pmengine.depths import Depths
from pmengine.entities import CANCEL_MAKER, CANCEL_TAKER, IOC, SELF_TRADE_ALLOWED, OpenOrder
from pmengine.fees import affordable, charge
from pmengine.grouping import GROUP, Grouping
from pmengine.journal import MERGE, MINT, NORMAL, Journal
from pmengine.ledger import Ledger
from pmengine.matching import NOBODY
from pmengine.orders import OpenOrders, cancel_first
from pmengine.records import Records
from pmstore import PAYOUT, QUANTITY_MAX

NO_LEVEL: Final[i64] = 0
SELF_TRADE: Final = b'"self_trade"'
"""The reason of an end by self-trade prevention."""
NO_REASON: Final = b'""'


class Taking:
    """Matches an order against its book and settles every fill in the same step."""

    def __init__(
        self,
        records: Records,
        journal: Journal,
        depths: Depths,
        orders: OpenOrders,
        ledger: Ledger | None,
        grouping: Grouping,
        fee_account: str,
    ) -> None:
        self._records = records
        self._journal = journal
        self._depths = depths
        self._orders = orders
        self._ledger = ledger
        self.grouping = grouping
        self._fee_account = fee_account

    def take(self, order: OpenOrder, now_ms: i64, left_level: i64 = NO_LEVEL) -> None:
        """
        Let *order*, for which nothing is frozen, meet the other side; then rest or end it.

        *left_level* is where it stood on the ladder before an amend.
        """
        book = order.token.book
        ladder = book.ladder
        is_bid = order.is_bid
        worst = order.ladder_price
        by_volume = order.is_buy and not order.is_limit
        mode = order.self_trade
        owner = NOBODY if mode == SELF_TRADE_ALLOWED else order.user.number
        limit = worst
        rest = order.remaining
        filled: i64 = 0
        spent: i64 = 0
        taker_fees: i64 = 0
        maker_fees: i64 = 0
        touched: list[int] = []
        # Where groups count, they are asked before each maker.
        stepwise = book.grouped > 0 or order.counts_for is not None
        reason = NO_REASON
        stopped = False
        while not stopped:
            if by_volume:
                limit = ladder.best(not is_bid)
                if limit == 0 or (limit > worst if is_bid else limit < worst):
                    break
                price = limit if order.token.is_first else PAYOUT - limit
                # One maker at a time: what is left of the budget is known after each fee.
                lots_max = QUANTITY_MAX
                if book.has_fees or stepwise:
                    lots_max = ladder.remaining(ladder.first(not is_bid))
                rest = affordable(order, price, order.volume - spent - taker_fees, lots_max)
            if rest == 0:
                break
            if not stepwise:
                rest = ladder.match(is_bid, limit, rest, owner)
            else:
                part = self.grouping.part(order, limit, rest, now_ms)
                if part == 0:
                    self.grouping.trigger_own(order, now_ms)
                    reason = GROUP
                    stopped = True
                    break
                rest += ladder.match(is_bid, limit, part, owner) - part
            met_own = ladder.met_own
            for index in range(ladder.fill_count):
                maker = book.at(ladder.fill_handle(index))
                lots = ladder.fill_quantity(index)
                level = ladder.fill_price(index)
                price = level if order.token.is_first else PAYOUT - level
                taker_fee = charge(order, book.taker_ppm, price, lots)
                maker_fees += self._fill(order, maker, price, lots, level, taker_fee, now_ms)
                taker_fees += taker_fee
                filled += lots
                spent += price * lots
                if stepwise:
                    self.grouping.count(order, maker, lots, now_ms)
                if not touched or touched[-1] != level:
                    touched.append(level)
            if met_own:
                stopped = mode != CANCEL_MAKER
                if stopped:
                    reason = SELF_TRADE
                if mode != CANCEL_TAKER:
                    level = cancel_first(self._orders, book, not is_bid, now_ms, SELF_TRADE)
                    if not touched or touched[-1] != level:
                        touched.append(level)
            elif not stepwise:
                if not by_volume:
                    break
            elif order.counts_for is not None and order.counts_for.triggered:
                stopped = True
                if rest or by_volume:
                    reason = GROUP
            elif ladder.fill_count == 0:
                break
        order.filled += filled
        if filled:
            self._settle(order, filled, spent, taker_fees, maker_fees)
        own_levels: list[int] = []
        if left_level != NO_LEVEL:
            own_levels.append(left_level)
        if rest and not stopped and order.is_limit and order.time_in_force != IOC:
            if filled:
                self._orders.stamp(order)
                self._journal.updated(order)
            self._orders.rest(order)
            if order.memory.order is None:
                self._records.link(order)
            if worst != left_level:
                own_levels.append(worst)
        else:
            left: i64 = 0 if by_volume else rest
            self.end(order, left, spent + taker_fees if by_volume else 0, reason, now_ms)
        if stepwise:
            self.grouping.settle(now_ms)
        if touched or own_levels:
            if is_bid:
                self._depths.changed(book, own_levels, touched, now_ms)
            else:
                self._depths.changed(book, touched, own_levels, now_ms)

    def end(self, order: OpenOrder, left: i64, spent: i64, reason: bytes, now_ms: i64) -> None:
        """End a taker that does not rest."""
        filled = order.filled > 0 and left == 0
        self._orders.end(order, filled, left, spent, now_ms, reason)

    def _fill(
        self,
        order: OpenOrder,
        maker: OpenOrder,
        price: i64,
        lots: i64,
        level: i64,
        taker_fee: i64,
        now_ms: i64,
    ) -> i64:
        """Tell one fill and settle it on the maker's side; the maker's fee."""
        book = order.token.book
        if maker.is_buy != order.is_buy:
            match_type = NORMAL
        elif order.is_buy:
            match_type = MINT
        else:
            match_type = MERGE
        trade_id = self._orders.next_trade_id()
        book.last_price = level
        maker_fee = charge(maker, book.maker_ppm, maker.price, lots)
        self._journal.traded(
            trade_id, match_type, order, maker, price, lots, now_ms, taker_fee, maker_fee
        )
        self._orders.fill(maker, lots, maker_fee, now_ms)
        return maker_fee

    def _settle(
        self, order: OpenOrder, filled: i64, spent: i64, taker_fees: i64, maker_fees: i64
    ) -> None:
        """Move what the taker pays and gets, and the fees of all fills."""
        ledger = self._ledger
        if ledger is None:
            return
        cash = self._records.cash
        if order.is_buy:
            ledger.move(order.user, cash, -spent - taker_fees, 0)
            ledger.move(order.user, order.token.asset, filled, 0)
        else:
            ledger.move(order.user, order.token.asset, -filled, 0)
            ledger.move(order.user, cash, spent - taker_fees, 0)
        fees = taker_fees + maker_fees
        if fees:
            ledger.move(self._records.user(self._fee_account), cash, fees, 0)
