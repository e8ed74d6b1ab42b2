"""The fast ladder and the naive one, driven by the same steps, are one ladder."""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pmengine.matching.contract import LadderContract
from pmengine.matching.ladder import Ladder
from pmengine.matching.naive_ladder import NaiveLadder
from tests.matching.fills import fills_of

prices = st.one_of(st.integers(1, 6), st.sampled_from([10_000, 2**63 - 1]))
quantities = st.one_of(st.integers(1, 5), st.just(10**12))
owners = st.integers(0, 3)


class Taken(NamedTuple):
    """What a taker got: by number the makers with lots and price, the rest, and whether own."""

    fills: list[tuple[int, int, int]]
    rest: int
    own: bool


class Pair:
    """Two ladders that take the same steps; orders are named by number, in order of arrival."""

    def __init__(self) -> None:
        self.ladders: tuple[LadderContract, LadderContract] = (Ladder(), NaiveLadder())
        self.handles: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.arrived = 0

    def add(self, is_bid: bool, price: int, quantity: int, owner: int) -> None:
        self.arrived += 1
        for ladder, handles in zip(self.ladders, self.handles, strict=True):
            handle = ladder.add(is_bid, price, quantity, owner)
            assert handle not in handles.values()
            handles[self.arrived] = handle

    def cancel(self, number: int) -> int:
        gone = [
            ladder.cancel(handles.pop(number))
            for ladder, handles in zip(self.ladders, self.handles, strict=True)
        ]
        assert gone[0] == gone[1]
        return gone[0]

    def remaining(self, number: int) -> int:
        left = [
            ladder.remaining(handles[number])
            for ladder, handles in zip(self.ladders, self.handles, strict=True)
        ]
        assert left[0] == left[1]
        return left[0]

    def amend(self, number: int, quantity: int) -> None:
        for ladder, handles in zip(self.ladders, self.handles, strict=True):
            ladder.amend(handles[number], quantity)

    def fillable(self, is_bid: bool, price: int, quantity: int, owner: int, skip_own: bool) -> int:
        found = [
            ladder.fillable(is_bid, price, quantity, owner, skip_own) for ladder in self.ladders
        ]
        assert found[0] == found[1]
        return found[0]

    def match(self, is_bid: bool, price: int, quantity: int, owner: int) -> Taken:
        fillable = self.fillable(is_bid, price, quantity, owner, skip_own=False)
        sizes = {number: self.remaining(number) for number in self.handles[0]}
        answers = []
        for ladder, handles in zip(self.ladders, self.handles, strict=True):
            rest = ladder.match(is_bid, price, quantity, owner)
            numbers = {handle: number for number, handle in handles.items()}
            fills = [(numbers[handle], lots, level) for handle, lots, level in fills_of(ladder)]
            answers.append(Taken(fills, rest, ladder.met_own))
        taken = answers[0]
        assert taken == answers[1]
        lots = sum(lots for _, lots, _ in taken.fills)
        assert lots == quantity - taken.rest
        assert (fillable == quantity) == (not taken.rest)
        if not taken.own:
            assert fillable == lots
        for number, lots, _ in taken.fills:
            if lots == sizes[number]:
                for handles in self.handles:
                    del handles[number]
        return taken

    def walk(self, is_bid: bool) -> list[int]:
        """The orders of a side as a taker would meet them, by number."""
        walks = []
        for ladder, handles in zip(self.ladders, self.handles, strict=True):
            numbers = {handle: number for number, handle in handles.items()}
            met = []
            handle = ladder.first(is_bid)
            while handle != -1:
                met.append(numbers[handle])
                handle = ladder.next(handle)
            walks.append(met)
        assert walks[0] == walks[1]
        return walks[0]

    def check(self) -> None:
        fast, naive = self.ladders
        assert len(fast) == len(naive) == len(self.handles[0])
        walked: list[int] = []
        for is_bid in (True, False):
            levels = naive.levels(is_bid, 1000)
            assert fast.levels(is_bid, 1000) == levels
            assert fast.levels(is_bid, 1) == levels[:1]
            assert fast.levels(is_bid, 0) == []
            assert fast.best(is_bid) == naive.best(is_bid) == (levels[0][0] if levels else 0)
            for price, lots in levels:
                assert lots > 0
                assert fast.quantity_at(is_bid, price) == naive.quantity_at(is_bid, price) == lots
            assert fast.quantity_at(is_bid, 7) == 0
            met = self.walk(is_bid)
            assert sum(map(self.remaining, met)) == sum(lots for _, lots in levels)
            walked += met
        assert sorted(walked) == sorted(self.handles[0])
        bid, ask = fast.best(True), fast.best(False)
        assert not bid or not ask or bid < ask
        for number in self.handles[0]:
            assert self.remaining(number) > 0


class Twins(RuleBasedStateMachine):
    """Every verb on both ladders; each step's answers are compared, and all they hold."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair()

    @rule(is_bid=st.booleans(), price=prices, quantity=quantities, owner=owners)
    def take_then_rest(self, is_bid: bool, price: int, quantity: int, owner: int) -> None:
        found = self.pair.match(is_bid, price, quantity, owner)
        if found.rest and not found.own:
            self.pair.add(is_bid, price, found.rest, owner)

    @rule(is_bid=st.booleans(), price=prices, quantity=quantities, owner=owners)
    def take(self, is_bid: bool, price: int, quantity: int, owner: int) -> None:
        self.pair.match(is_bid, price, quantity, owner)

    @rule(is_bid=st.booleans(), price=prices, quantity=quantities, owner=owners)
    def take_while_own_orders_step_aside(
        self, is_bid: bool, price: int, quantity: int, owner: int
    ) -> None:
        fillable = self.pair.fillable(is_bid, price, quantity, owner, skip_own=True)
        taken, rest = 0, quantity
        while rest:
            found = self.pair.match(is_bid, price, rest, owner)
            taken, rest = taken + rest - found.rest, found.rest
            if not found.own:
                break
            self.pair.cancel(self.pair.walk(not is_bid)[0])
        assert (taken == quantity) == (fillable == quantity)

    @precondition(lambda self: self.pair.handles[0])
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(list(self.pair.handles[0])))
        left = self.pair.remaining(number)
        assert self.pair.cancel(number) == left

    @precondition(lambda self: self.pair.handles[0])
    @rule(data=st.data())
    def amend(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(list(self.pair.handles[0])))
        quantity = data.draw(st.integers(1, min(self.pair.remaining(number), 6)))
        self.pair.amend(number, quantity)
        assert self.pair.remaining(number) == quantity

    @invariant()
    def agree(self) -> None:
        self.pair.check()


TestTwins = Twins.TestCase
TestTwins.settings = settings(max_examples=150, stateful_step_count=50)


@pytest.mark.parametrize("seed", range(8))
def test_a_long_random_tape_keeps_the_ladders_equal(seed: int) -> None:
    chance = random.Random(seed)
    pair = Pair()
    for step in range(2_000):
        verb = chance.random()
        numbers = list(pair.handles[0])
        if verb < 0.55 or not numbers:
            is_bid, owner = chance.random() < 0.5, chance.randrange(3)
            price, quantity = chance.randint(40, 60), chance.randint(1, 9)
            found = pair.match(is_bid, price, quantity, owner)
            if found.rest and not found.own:
                pair.add(is_bid, price, found.rest, owner)
        elif verb < 0.8:
            pair.cancel(chance.choice(numbers))
        else:
            number = chance.choice(numbers)
            pair.amend(number, chance.randint(1, pair.remaining(number)))
        if step % 50 == 0:
            pair.check()
    pair.check()
