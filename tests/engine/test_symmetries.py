"""The two tokens of a market are alike, and an order is the same as its complement."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from pmengine.commands import AmendOrder, Command, Resolve, SubmitOrder
from pmengine.engine import Engine
from pmstore import PAYOUT, OrderType, Side, State, Symbol, Trade
from pmstore.codec import first_token_price
from tests.engine.listings import START_MS, opening
from tests.engine.tapes import Tape

OTHER = {"y": "n", "n": "y"}


def other_token(asset: str) -> str:
    return OTHER.get(asset[0], asset[0]) + asset[1:]


def exchanged(symbol: Symbol) -> Symbol:
    return Symbol(symbol.event_id, symbol.market_id, other_token(symbol.token_id))


def with_tokens_exchanged(command: Command) -> Command:
    if isinstance(command, SubmitOrder):
        return msgspec.structs.replace(command, symbol=exchanged(command.symbol))
    if isinstance(command, Resolve) and command.payouts is not None:
        return msgspec.structs.replace(command, payouts=command.payouts[::-1])
    return command


def accounts(state: State, *, swap: bool) -> dict[tuple[str, str], tuple[int, int]]:
    return {
        (user_id, other_token(asset) if swap else asset): (row.available, row.frozen)
        for asset, rows in state.balances.items()
        for user_id, row in rows.items()
    }


def trade_with_tokens_exchanged(trade: Trade) -> tuple[object, ...]:
    symbols = (exchanged(trade.symbol), exchanged(trade.maker_symbol), not trade.taker_is_bid)
    return (*symbols, *plain(trade)[3:])


def plain(trade: Trade) -> tuple[object, ...]:
    return (
        trade.symbol,
        trade.maker_symbol,
        trade.taker_is_bid,
        trade.trade_id,
        trade.match_type,
        trade.taker_order_id,
        trade.maker_order_id,
        trade.side,
        trade.maker_side,
        trade.price,
        trade.maker_price,
        trade.quantity,
    )


@pytest.mark.parametrize("seed", range(4))
def test_exchanging_the_tokens_exchanges_them_in_all_that_happens(seed: int) -> None:
    straight, crossed = Engine(), Engine()
    commands = [(command, START_MS) for command in opening()]
    commands += Tape(seed).run(3_000)
    trades = 0
    for number, (command, time_ms) in enumerate(commands):
        one = straight.handle(command, time_ms)
        other = crossed.handle(with_tokens_exchanged(command), time_ms)
        assert one.refusal is other.refusal
        assert [plain(t) for t in one.trades] == [
            trade_with_tokens_exchanged(t) for t in other.trades
        ]
        trades += len(one.trades)
        if number % 50 == 0:
            assert accounts(straight.state, swap=True) == accounts(crossed.state, swap=False)
    assert accounts(straight.state, swap=True) == accounts(crossed.state, swap=False)
    assert trades > 200


class Complement:
    """Turns some limit orders into their complement, and amends those accordingly."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)
        self._turned: set[str] = set()

    def __call__(self, command: Command) -> Command:
        if isinstance(command, SubmitOrder) and command.order_type is OrderType.LIMIT:
            if self._chance.random() < 0.5:
                return command
            self._turned.add(command.order_id)
            assert command.price is not None
            return msgspec.structs.replace(
                command,
                symbol=exchanged(command.symbol),
                side=Side.SELL if command.side is Side.BUY else Side.BUY,
                price=PAYOUT - command.price,
            )
        if (
            isinstance(command, AmendOrder)
            and command.price is not None
            and command.order_id in self._turned
        ):
            return msgspec.structs.replace(command, price=PAYOUT - command.price)
        return command


@pytest.mark.parametrize("seed", range(4))
def test_the_complement_of_an_order_stands_and_trades_as_the_order_does(seed: int) -> None:
    straight, turned = Engine(ledger=False), Engine(ledger=False)
    complement = Complement(seed)
    for command in opening():
        assert straight.handle(command, START_MS) == turned.handle(command, START_MS)
    trades = turned_types = 0
    for command, time_ms in Tape(seed, orders_only=True).run(3_000):
        one = straight.handle(command, time_ms)
        other = turned.handle(complement(command), time_ms)
        assert one.refusal is other.refusal
        assert [fill(t) for t in one.trades] == [fill(t) for t in other.trades]
        trades += len(one.trades)
        turned_types += sum(
            t.match_type is not u.match_type for t, u in zip(one.trades, other.trades, strict=True)
        )
        for token, book in straight.books.items():
            for is_bid in (True, False):
                levels = turned.books[token].ladder.levels(is_bid, 100)
                assert book.ladder.levels(is_bid, 100) == levels
    assert trades > 200
    assert turned_types > 50


def fill(trade: Trade) -> tuple[object, ...]:
    return (
        trade.taker_order_id,
        trade.maker_order_id,
        trade.quantity,
        first_token_price(trade),
        trade.taker_is_bid,
    )
