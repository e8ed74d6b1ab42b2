"""The log in double entry: from facts that say what is now to lines that say what moved; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pmstore import (
    ACCEPTED,
    CASH,
    PAYOUT,
    Balance,
    Batch,
    EntryKind,
    Event,
    EventAdded,
    Holder,
    LedgerEntry,
    Market,
    MarketAdded,
    MarketChanged,
    MatchType,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrderUpdated,
    Remembered,
    Side,
    Trade,
)

Key = tuple[str, str]
"""A user and an asset."""

_MOVES: Final[Mapping[str, EntryKind]] = {
    "Deposit": EntryKind.DEPOSIT,
    "Withdraw": EntryKind.WITHDRAWAL,
    "Split": EntryKind.SPLIT,
    "SplitEvent": EntryKind.SPLIT,
    "Merge": EntryKind.MERGE,
    "MergeEvent": EntryKind.MERGE,
    "Convert": EntryKind.CONVERT,
}
"""What commands that are no orders are called in the ledger."""
_OF_ONE_MARKET: Final = frozenset({"Split", "Merge"})
_WORLD: Final = (Holder.WORLD, Holder.WORLD.value)
_OPENING: Final = (Holder.OPENING, Holder.OPENING.value)


class Bookkeeper:
    """
    Makes lines of the ledger of what the log says, entry by entry.

    It knows what every user has by the lines made so far. A trade is written when it is told: a
    taker pays from what is available, a maker from what is frozen. When the rows follow, what is
    still otherwise about them is what orders let go of or set aside.

    Args:
        source: What the lines call the log.
        fee_account: Whose cash the fees become.
    """

    def __init__(self, source: str, fee_account: str) -> None:
        self._source = source
        self._fee_account = fee_account
        self._rows: dict[Key, tuple[int, int]] = {}
        self._exclusive: set[int] = set()
        self._market_of: dict[str, tuple[int, int]] = {}
        self._tokens: dict[tuple[int, int], tuple[str, str]] = {}
        self._payouts: dict[str, int] = {}
        """Ticks that a token of a resolved market is paid."""
        self._pending: dict[Key, Balance] = {}
        """Rows that the lines do not explain yet, within a command."""
        self._orders: dict[str, str] = {}
        """By user, the order that was told of last, within a command."""
        self._lines: list[LedgerEntry] = []
        self._number = 0
        self._time_ms = 0
        self._transaction = 0
        self._listings: dict[type, Callable[[Any], None]] = {
            EventAdded: lambda change: self.list_event(change.event),
            MarketAdded: lambda change: self._list_market(change.event_id, change.market),
            MarketChanged: self._market_changed,
        }

    # -- what is known -------------------------------------------------------------------

    def stand_at(self, rows: Mapping[Key, tuple[int, int]]) -> None:
        """Begin with what users have: available and frozen of each row that is not zero."""
        self._rows = dict(rows)

    def list_event(self, event: Event) -> None:
        """Know the tokens of *event*."""
        if event.exclusive:
            self._exclusive.add(event.event_id)
        for market in event.markets.values():
            self._list_market(event.event_id, market)

    def _list_market(self, event_id: int, market: Market) -> None:
        self._tokens[event_id, market.market_id] = market.token_ids
        for at, token in enumerate(market.token_ids):
            self._market_of[token] = (event_id, market.market_id)
            if market.payouts is None:
                self._payouts.pop(token, None)
            else:
                self._payouts[token] = market.payouts[at]

    def _market_changed(self, change: MarketChanged) -> None:
        if change.payouts is not None:
            tokens = self._tokens.get((change.event_id, change.market_id), ())
            self._payouts.update(zip(tokens, change.payouts, strict=False))

    def pass_over(self, batch: Batch, *, rows: bool) -> None:
        """
        Know what *batch* says without writing it.

        Args:
            rows: Whether the rows that are known are older than it.
        """
        for change in batch.changes:
            if type(change) is Balance:
                if rows:
                    self._set((change.user_id, change.asset), change.available, change.frozen)
            elif (listed := self._listings.get(type(change))) is not None:
                listed(change)

    # -- what is written -----------------------------------------------------------------

    def lines(self, batch: Batch) -> list[LedgerEntry]:
        """
        The lines of one entry of the log, in their order.

        Cost:
            O(changes); about two lines for an order that rests, and four for a trade.
        """
        lines = self._lines = []
        self._number, self._time_ms = batch.number, batch.time
        changes: list[Any] = batch.changes
        orders = self._orders
        begun = 0
        for index, change in enumerate(changes):
            kind = type(change)
            if kind is Balance:
                self._row(change, changes, index)
            elif kind is Remembered:
                begun = self._answered(change, begun)
            elif kind is OrderCreated or kind is OrderUpdated:
                order = change.order
                orders[order.user_id] = order.id
            elif kind is Trade:
                self._traded(change)
            elif kind is OrderFilled or kind is OrderCancelled:
                orders[change.user_id] = change.order_id
            elif (listed := self._listings.get(kind)) is not None:
                listed(change)
        self._settle(None)
        orders.clear()
        return lines

    def corrections(
        self,
        rows: Iterable[Balance],
        number: int,
        time_ms: int,
        kind: EntryKind,
        first_line: int = 0,
    ) -> list[LedgerEntry]:
        """
        The lines that bring what is known to *rows*, which are known from then on.

        They are of the log's entry *number*, from line *first_line* on.
        """
        lines = self._lines = []
        self._number, self._time_ms = number, time_ms
        wanted = {(row.user_id, row.asset): (row.available, row.frozen) for row in rows}
        for key in sorted(wanted.keys() | self._rows.keys()):
            available, frozen = wanted.get(key, (0, 0))
            had_available, had_frozen = self._rows.get(key, (0, 0))
            more, more_frozen = available - had_available, frozen - had_frozen
            if more or more_frozen:
                self._transaction = len(lines)
                self._add(key[0], key[1], more, more_frozen, kind, "")
                self._balance(_OPENING, key[1], -more - more_frozen, kind, "")
        for line in lines:
            line.line += first_line
            line.transaction += first_line
        return lines

    def _answered(self, answer: Remembered, begun: int) -> int:
        """The command is over: its lines from *begun* on are answered; where the next begin."""
        if self._pending:
            self._settle(answer)
        self._orders.clear()
        lines = self._lines
        if answer.correlation_id:
            for at in range(begun, len(lines)):
                lines[at].correlation_id = answer.correlation_id
        return len(lines)

    def _traded(self, trade: Trade) -> None:
        """What both sides give and get; fees are transactions of their own."""
        reference = str(trade.trade_id)
        lots = trade.quantity
        kind = EntryKind.TRADE
        self._transaction = len(self._lines)
        taker, maker = trade.taker_user_id, trade.maker_user_id
        token, maker_token = trade.symbol.token_id, trade.maker_symbol.token_id
        paid, maker_paid = trade.price * lots, trade.maker_price * lots
        if trade.side is Side.BUY:
            self._add(taker, CASH, -paid, 0, kind, reference)
            self._add(taker, token, lots, 0, kind, reference)
        else:
            self._add(taker, token, -lots, 0, kind, reference)
            self._add(taker, CASH, paid, 0, kind, reference)
        maker_buys = trade.maker_side is Side.BUY
        if maker_buys:
            self._add(maker, CASH, 0, -maker_paid, kind, reference)
            self._add(maker, maker_token, lots, 0, kind, reference)
        else:
            self._add(maker, maker_token, 0, -lots, kind, reference)
            self._add(maker, CASH, maker_paid, 0, kind, reference)
        if trade.match_type is not MatchType.NORMAL:
            # A pair comes to be for its payout, or goes and its payout with it.
            issued = lots if trade.match_type is MatchType.MINT else -lots
            market = self._behind(trade.symbol.event_id, trade.symbol.market_id)
            self._balance(market, CASH, PAYOUT * issued, kind, reference)
            self._balance(market, token, -issued, kind, reference)
            self._balance(market, maker_token, -issued, kind, reference)
        if trade.taker_fee:
            self._fee(taker, -trade.taker_fee, 0, reference)
        if trade.maker_fee:
            frozen = -trade.maker_fee if maker_buys else 0
            self._fee(maker, -trade.maker_fee - frozen, frozen, reference)

    def _fee(self, user_id: str, available: int, frozen: int, reference: str) -> None:
        self._transaction = len(self._lines)
        self._add(user_id, CASH, available, frozen, EntryKind.FEE, reference)
        self._add(self._fee_account, CASH, -available - frozen, 0, EntryKind.FEE, reference)

    def _row(self, row: Balance, changes: list[Any], index: int) -> None:
        """A row as it is now: what the lines do not explain yet is explained, or waits."""
        key = (row.user_id, row.asset)
        had = self._rows.get(key)
        more, more_frozen = row.available, row.frozen
        if had is not None:
            more -= had[0]
            more_frozen -= had[1]
        if more + more_frozen == 0:
            if self._pending:
                self._pending.pop(key, None)
            if more:
                # What lets go of money for an order comes before the order, what sets aside after.
                order_id = _named_next(changes, index, key[0]) if more > 0 else None
                self._hold(key, more, order_id or self._orders.get(key[0], ""))
            if had is not None and not row.available and not row.frozen:
                del self._rows[key]
        elif more + more_frozen < 0 and key[1] in self._payouts:
            self._pay_out(key, more, more_frozen)
        else:
            self._pending[key] = row

    def _hold(self, key: Key, more: int, order_id: str) -> None:
        kind = EntryKind.RELEASE if more > 0 else EntryKind.HOLD
        self._transaction = len(self._lines)
        self._add(key[0], key[1], more, -more, kind, order_id)

    def _pay_out(self, key: Key, more: int, more_frozen: int) -> None:
        """Lots of a resolved market go; their payout, of which a row follows, comes."""
        user_id, token = key
        lots = -more - more_frozen
        event_id, market_id = self._market_of[token]
        market = self._behind(event_id, market_id)
        kind, reference = EntryKind.RESOLUTION, f"{event_id}/{market_id}"
        self._transaction = len(self._lines)
        self._add(user_id, token, more, more_frozen, kind, reference)
        self._balance(market, token, lots, kind, reference)
        payout = self._payouts[token] * lots
        if payout:
            self._add(user_id, CASH, payout, 0, kind, reference)
            self._balance(market, CASH, -payout, kind, reference)

    def _settle(self, answer: Remembered | None) -> None:
        """What is left of a command's rows is what the command itself moved."""
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        kind, other, reference = self._moved_by(answer)
        totals: dict[str, int] = {}
        moved: list[tuple[Key, int, int]] = []
        for key, row in pending.items():
            had_available, had_frozen = self._rows.get(key, (0, 0))
            more, more_frozen = row.available - had_available, row.frozen - had_frozen
            if more + more_frozen == 0:
                if more:
                    self._hold(key, more, self._orders.get(key[0], ""))
                continue
            moved.append((key, more, more_frozen))
            totals[key[1]] = totals.get(key[1], 0) + more + more_frozen
        self._transaction = len(self._lines)
        for key, more, more_frozen in moved:
            self._add(key[0], key[1], more, more_frozen, kind, reference)
        for asset, total in totals.items():
            if total:
                self._balance(other, asset, -total, kind, reference)
        for key in pending:
            if not any(self._rows.get(key, (1,))):
                del self._rows[key]

    def _moved_by(self, answer: Remembered | None) -> tuple[EntryKind, tuple[Holder, str], str]:
        """What a command is called in the ledger, whose account is on the other side, its id."""
        if answer is not None and answer.outcome == ACCEPTED and not answer.repeat:
            kind = _MOVES.get(answer.kind)
            if kind in (EntryKind.DEPOSIT, EntryKind.WITHDRAWAL):
                return kind, _WORLD, answer.id
            if kind is not None:
                event_id, second, *_ = [part for part in answer.content if isinstance(part, int)]
                one = answer.kind in _OF_ONE_MARKET
                return kind, self._behind(event_id, second if one else None), answer.id
        return EntryKind.CORRECTION, _OPENING, ""

    def _behind(self, event_id: int, market_id: int | None) -> tuple[Holder, str]:
        """What stands behind the tokens of a market, or of an exclusive event."""
        if market_id is None or event_id in self._exclusive:
            return Holder.EVENT, str(event_id)
        return Holder.MARKET, f"{event_id}/{market_id}"

    # -- lines ---------------------------------------------------------------------------

    def _add(
        self, user_id: str, asset: str, more: int, frozen: int, kind: EntryKind, reference: str
    ) -> None:
        """A line of a user."""
        key = (user_id, asset)
        rows = self._rows
        row = rows.get(key)
        if row is None:
            available_after, frozen_after = more, frozen
        else:
            available_after, frozen_after = row[0] + more, row[1] + frozen
        # Rows that became zero are let go with the fact that says so.
        rows[key] = (available_after, frozen_after)
        lines = self._lines
        lines.append(
            LedgerEntry(
                self._source,
                self._number,
                len(lines),
                self._transaction,
                Holder.USER,
                user_id,
                asset,
                more,
                frozen,
                available_after,
                frozen_after,
                kind,
                reference,
                self._time_ms,
            )
        )

    def _balance(
        self, whose: tuple[Holder, str], asset: str, amount: int, kind: EntryKind, reference: str
    ) -> None:
        """A line of whoever is no user."""
        lines = self._lines
        lines.append(
            LedgerEntry(
                self._source,
                self._number,
                len(lines),
                self._transaction,
                whose[0],
                whose[1],
                asset,
                amount,
                0,
                None,
                None,
                kind,
                reference,
                self._time_ms,
            )
        )

    def _set(self, key: Key, available: int, frozen: int) -> None:
        if available or frozen:
            self._rows[key] = (available, frozen)
        else:
            self._rows.pop(key, None)


def _named_next(changes: list[Any], index: int, user_id: str) -> str | None:
    """The order of *user_id* that the very next fact tells of."""
    after: Any = changes[index + 1] if index + 1 < len(changes) else None
    kind = type(after)
    if kind is OrderCancelled or kind is OrderFilled:
        return str(after.order_id) if after.user_id == user_id else None
    if kind is OrderUpdated:
        return str(after.order.id) if after.order.user_id == user_id else None
    return None
