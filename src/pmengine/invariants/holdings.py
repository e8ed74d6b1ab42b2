"""Follows cash and tokens by facts: what a command may move, and what it moved; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pmengine.invariants.laws import Law, Violation
from pmengine.invariants.listings import Listings
from pmengine.invariants.needs import Asset
from pmengine.invariants.queues import Handler
from pmengine.invariants.single import PAID_OUT
from pmstore import (
    ACCEPTED,
    CASH,
    PAYOUT,
    Balance,
    Content,
    Market,
    Remembered,
    Side,
    State,
    Trade,
)


class Holdings:
    """
    What each command may move, by its trades and by what it says, against what it moved.

    Args:
        listings: The markets, those that the command removed included.
        fee_account: Whose cash the fees become.
    """

    def __init__(self, state: State, listings: Listings, fee_account: str) -> None:
        self._state = state
        self._listings = listings
        self._fee_account = fee_account
        self._expected: dict[Asset, int] = {}
        self._moved: dict[Asset, int] = {}
        self._deposited = state.deposited
        self.handlers: Mapping[type, Handler] = {
            Trade: self._traded,
            Balance: self._balance,
            Remembered: self._answered,
        }

    def settle(self) -> Iterator[Violation]:
        """What moved and should not have, or should have and did not."""
        expected, moved = self._expected, self._moved
        if expected or moved:
            self._expected, self._moved = {}, {}
            if expected != moved:
                self._pay_out(expected, moved)
                for user_id, asset in sorted(expected.keys() | moved.keys()):
                    due, found = expected.get((user_id, asset), 0), moved.get((user_id, asset), 0)
                    if due != found:
                        text = f"changed by {found}, and what happened comes to {due}"
                        yield Violation(Law.HOLDINGS, f"{user_id}'s {asset}", text)
        if self._state.deposited != self._deposited:
            text = f"{self._state.deposited} micros are said to have come in, not {self._deposited}"
            yield Violation(Law.MONEY, "the exchange", text)
            self._deposited = self._state.deposited

    def _pay_out(self, expected: dict[Asset, int], moved: Mapping[Asset, int]) -> None:
        """Tokens of a resolved market go, and their payouts come."""
        for (user_id, token), lots in moved.items():
            key = self._listings.key_of_token.get(token)
            if key is None:
                continue
            market = self._listings.markets[key]
            gone = expected.get((user_id, token), 0) - lots
            if gone <= 0 or market.state not in PAID_OUT or market.payouts is None:
                continue
            worth = market.payouts[market.token_ids.index(token)]
            _add(expected, (user_id, token), -gone)
            _add(expected, (user_id, CASH), gone * worth)

    def _traded(self, trade: Trade) -> None:
        for user_id, symbol, side, price, fee in (
            (trade.taker_user_id, trade.symbol, trade.side, trade.price, trade.taker_fee),
            (
                trade.maker_user_id,
                trade.maker_symbol,
                trade.maker_side,
                trade.maker_price,
                trade.maker_fee,
            ),
        ):
            lots = trade.quantity if side is Side.BUY else -trade.quantity
            _add(self._expected, (user_id, symbol.token_id), lots)
            _add(self._expected, (user_id, CASH), -price * lots - fee)
        fees = trade.taker_fee + trade.maker_fee
        if fees:
            _add(self._expected, (self._fee_account, CASH), fees)

    def _balance(self, row: Balance) -> None:
        before = self._state.balances.get(row.asset, {}).get(row.user_id)
        had = 0 if before is None else before.available + before.frozen
        _add(self._moved, (row.user_id, row.asset), row.available + row.frozen - had)

    def _answered(self, answer: Remembered) -> None:
        move = _MOVES.get(answer.kind)
        if move is not None and not answer.repeat and answer.outcome == ACCEPTED:
            move(self, answer.user_id, answer.content)

    # -- what commands say ---------------------------------------------------------------

    def _deposit(self, user_id: str, content: Content) -> None:
        self._cash(user_id, _numbers(content)[0])

    def _withdraw(self, user_id: str, content: Content) -> None:
        self._cash(user_id, -_numbers(content)[0])

    def _cash(self, user_id: str, amount: int) -> None:
        self._deposited += amount
        _add(self._expected, (user_id, CASH), amount)

    def _split(self, user_id: str, content: Content) -> None:
        self._pairs(user_id, *_numbers(content))

    def _merge(self, user_id: str, content: Content) -> None:
        event_id, market_id, lots = _numbers(content)
        self._pairs(user_id, event_id, market_id, -lots)

    def _pairs(self, user_id: str, event_id: int, market_id: int, lots: int) -> None:
        market = self._listings.markets.get((event_id, market_id))
        for token in () if market is None else market.token_ids:
            _add(self._expected, (user_id, token), lots)
        _add(self._expected, (user_id, CASH), -PAYOUT * lots)

    def _split_event(self, user_id: str, content: Content) -> None:
        event_id, lots = _numbers(content)
        self._set(user_id, event_id, lots)

    def _merge_event(self, user_id: str, content: Content) -> None:
        event_id, lots = _numbers(content)
        self._set(user_id, event_id, -lots)

    def _set(self, user_id: str, event_id: int, lots: int) -> None:
        for market in self._of_event(event_id).values():
            _add(self._expected, (user_id, market.token_ids[0]), lots)
        _add(self._expected, (user_id, CASH), -PAYOUT * lots)

    def _convert(self, user_id: str, content: Content) -> None:
        event_id, lots, *named = _numbers(content)
        for market_id, market in self._of_event(event_id).items():
            first, second = market.token_ids
            given = market_id in named
            _add(self._expected, (user_id, second if given else first), -lots if given else lots)
        _add(self._expected, (user_id, CASH), PAYOUT * lots * (len(named) - 1))

    def _of_event(self, event_id: int) -> Mapping[int, Market]:
        """
        The markets of an exclusive event that a set is of.

        One that was removed by itself had left before; with their event all leave afterwards.
        """
        event = self._state.events.get(event_id)
        return self._listings.of_event(event_id) if event is None else event.markets


def _numbers(content: Content) -> list[int]:
    return [part for part in content if isinstance(part, int)]


def _add(amounts: dict[Asset, int], asset: Asset, amount: int) -> None:
    total = amounts.get(asset, 0) + amount
    if total:
        amounts[asset] = total
    else:
        amounts.pop(asset, None)


_MOVES: Final[Mapping[str, Callable[[Any, str, Content], None]]] = {
    "Deposit": Holdings._deposit,
    "Withdraw": Holdings._withdraw,
    "Split": Holdings._split,
    "Merge": Holdings._merge,
    "SplitEvent": Holdings._split_event,
    "MergeEvent": Holdings._merge_event,
    "Convert": Holdings._convert,
}
"""What each kind of command moves beside its trades."""
