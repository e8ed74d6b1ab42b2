"""Seeded tapes of 50 % resting limits, 30 % cancels, 20 % marketable, with a steady book."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Final, NamedTuple

from pmengine.commands import (
    AddOneEvent,
    CancelOrder,
    Command,
    Deposit,
    NewMarket,
    Split,
    SubmitOrder,
)
from pmengine.matching.ladder import Ladder
from pmstore import PAYOUT, OrderType, Side, Symbol, TimeInForce

ADD: Final = 0
CANCEL: Final = 1
TAKE: Final = 2

FAIR: Final = 5_000
AWAY_MAX: Final = 100
QUANTITY_MAX: Final = 100
RESTING_SHARE: Final = 0.5
CANCEL_SHARE: Final = 0.3
_STEADY_WITHIN: Final = 0.2

USERS: Final = 1_000
CASH: Final = 10**12
PAIRS: Final = 10**7
EVENT: Final = 1


class Operation(NamedTuple):
    """
    One step on a ladder: `handle` is what to cancel, or what the ladder gives an added order.

    A taking order is made to trade: its price crosses, and what is left of it goes.
    """

    kind: int
    ladder: int
    is_bid: bool
    price: int
    quantity: int
    handle: int
    owner: int


class Tape(NamedTuple):
    """Operations that fill the books and let them settle, and those that are measured."""

    before: Sequence[Operation]
    measured: Sequence[Operation]
    resting: int
    """Orders on the ladders when the measured part begins."""


def make_tape(
    count: int,
    *,
    seed: int = 1,
    ladders: int = 1,
    resting: int = 10_000,
    one_price: bool = False,
    cancels: bool = True,
    owners: int = 0,
    settle: bool = True,
    steady_within: float = _STEADY_WITHIN,
) -> Tape:
    """
    A tape with *count* measured operations over *ladders* with *resting* orders in all.

    The operations are tried out on real ladders while they are made, which is how a cancel
    knows its handle. With *one_price* every resting order is a sale at one price; without
    *cancels* half of the operations rest and half take; *owners* is how many users there
    are (0: orders of nobody, who never meet their own). A tape at the end of which the books
    are larger or smaller by more than the part *steady_within* is refused.
    """
    maker = _Maker(Random(seed), ladders, one_price, cancels, owners)
    before = [maker.add() for _ in range(resting)]
    if settle:
        before += [maker.any() for _ in range(resting)]
    standing = len(maker.live)
    measured = [maker.any() for _ in range(count)]
    left = len(maker.live)
    if abs(left - standing) > steady_within * standing:
        raise AssertionError(f"the book went from {standing} to {left} orders: not steady")
    return Tape(before, measured, standing)


class _Maker:
    def __init__(
        self, chance: Random, ladders: int, one_price: bool, cancels: bool, owners: int
    ) -> None:
        self._chance = chance
        self._ladders = [Ladder() for _ in range(ladders)]
        self._one_price = one_price
        self._cancels = CANCEL_SHARE if cancels else 0.0
        self._owners = owners
        self.live: list[tuple[int, int]] = []
        """Ladder and handle of every resting order; a place in it is given up in O(1)."""
        self._where: dict[tuple[int, int], int] = {}
        self._lots: dict[tuple[int, int], int] = {}

    def any(self) -> Operation:
        roll = self._chance.random()
        if roll < RESTING_SHARE:
            return self.add()
        if roll < RESTING_SHARE + self._cancels and self.live:
            return self._cancel()
        return self._take()

    def add(self) -> Operation:
        chance = self._chance
        ladder = chance.randrange(len(self._ladders))
        is_bid = not self._one_price and chance.random() < 0.5
        away = 1 if self._one_price else chance.randint(1, AWAY_MAX)
        price = FAIR - away if is_bid else FAIR + away
        quantity = chance.randint(1, QUANTITY_MAX)
        owner = self._owner()
        handle = self._ladders[ladder].add(is_bid, price, quantity, owner)
        self._where[ladder, handle] = len(self.live)
        self._lots[ladder, handle] = quantity
        self.live.append((ladder, handle))
        return Operation(ADD, ladder, is_bid, price, quantity, handle, owner)

    def _cancel(self) -> Operation:
        ladder, handle = self._chance.choice(self.live)
        self._ladders[ladder].cancel(handle)
        self._gone((ladder, handle))
        return Operation(CANCEL, ladder, False, 0, 0, handle, 0)

    def _take(self) -> Operation:
        chance = self._chance
        ladder = chance.randrange(len(self._ladders))
        is_bid = self._one_price or chance.random() < 0.5
        price = FAIR + AWAY_MAX if is_bid else FAIR - AWAY_MAX
        quantity = chance.randint(1, QUANTITY_MAX)
        owner = self._owner()
        taken_from = self._ladders[ladder]
        taken_from.match(is_bid, price, quantity, owner)
        for fill in range(taken_from.fill_count):
            key = (ladder, taken_from.fill_handle(fill))
            self._lots[key] -= taken_from.fill_quantity(fill)
            if not self._lots[key]:
                self._gone(key)
        return Operation(TAKE, ladder, is_bid, price, quantity, -1, owner)

    def _gone(self, key: tuple[int, int]) -> None:
        place = self._where.pop(key)
        last = self.live.pop()
        if last != key:
            self.live[place] = last
            self._where[last] = place

    def _owner(self) -> int:
        return self._chance.randint(1, self._owners) if self._owners else 0


def opening_commands(markets: int = 1, *, pairs: bool = True) -> list[Command]:
    """
    An event with one market for each of *markets*, and what every user begins with.

    Cash always; with *pairs* tokens of every market, for those who are going to sell.
    """
    commands: list[Command] = [
        AddOneEvent(
            event_id=EVENT + number,
            markets={1: NewMarket((_token(number, True), _token(number, False)))},
        )
        for number in range(markets)
    ]
    for user in range(1, USERS + 1):
        name = _user(user)
        commands.append(Deposit(id="cash", user_id=name, amount=CASH))
        commands.extend(
            Split(id="pairs", user_id=name, event_id=EVENT + number, market_id=1, quantity=PAIRS)
            for number in range(markets if pairs else 0)
        )
    return commands


def commands_of(tape: Tape) -> tuple[list[Command], list[Command]]:
    """The commands of *tape* for an engine: those before, and the measured ones."""
    made = list(commands_from([*tape.before, *tape.measured]))
    return made[: len(tape.before)], made[len(tape.before) :]


def commands_from(operations: Iterable[Operation], *, buys_only: bool = False) -> Iterator[Command]:
    """
    The commands of *operations* for an engine, one by one; each ladder is a market.

    Half of the orders name the second token, at the complementary price, or with *buys_only*
    those that are asks on the ladder: then nobody needs a token. Every command has the ids
    that a gateway gives: of its user, order, correlation, and the client's own.
    """
    chance = Random(2)
    standing: dict[tuple[int, int], tuple[str, int]] = {}
    for number, step in enumerate(operations):
        correlation_id = f"{number:032x}"
        if step.kind == CANCEL:
            order_id, owner = standing[step.ladder, step.handle]
            yield CancelOrder(
                order_id=order_id, user_id=_user(owner), correlation_id=correlation_id
            )
            continue
        order_id = f"01900000-0000-7000-8000-{number:012x}"
        if step.kind == ADD:
            standing[step.ladder, step.handle] = (order_id, step.owner)
        first = step.is_bid if buys_only else chance.random() < 0.5
        yield SubmitOrder(
            order_id=order_id,
            client_order_id=f"mine-{number}",
            symbol=Symbol(EVENT + step.ladder, 1, _token(step.ladder, first)),
            side=Side.BUY if step.is_bid == first else Side.SELL,
            order_type=OrderType.LIMIT,
            user_id=_user(step.owner),
            price=step.price if first else PAYOUT - step.price,
            quantity=step.quantity,
            time_in_force=TimeInForce.GTC if step.kind == ADD else TimeInForce.IOC,
            correlation_id=correlation_id,
        )


def _user(number: int) -> str:
    return f"user-{number}"


def _token(ladder: int, first: bool) -> str:
    return f"{'yes' if first else 'no'}-{ladder + 1}"
