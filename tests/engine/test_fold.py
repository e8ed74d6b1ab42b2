"""A plain fold of the facts keeps what is newest, whatever it is told again."""

from __future__ import annotations

import attrs

from pmstore import MarketUpdateId, OrderUpdated, State
from tests.engine.scenario import Scenario

TABLE = """
admin list 1/1 yes no           => done
ann deposit d1 1000000          => done
ann buy a1 yes 50 @5000         => a1 rests 50@5000
ann amend a1 x40                => a1 rests 40@5000
"""


def folded() -> State:
    scenario = Scenario(TABLE)
    assert [line for line in scenario.play() if line[2] != line[3]] == []
    return scenario.witnesses.fold


def test_an_older_version_of_an_order_is_left_alone() -> None:
    state = folded()
    digest = state.digest()
    now = state.orders["a1"]
    state.apply(OrderUpdated(attrs.evolve(now, version=now.version - 1, quantity=50)))
    assert state.digest() == digest


def test_an_older_update_of_a_market_is_left_alone() -> None:
    state = folded()
    digest = state.digest()
    assert state.updates[1, 1].update_id == 2
    state.apply(MarketUpdateId(1, 1, 1, last_price=4_000))
    assert state.digest() == digest


def test_a_snapshot_is_untouched_by_what_is_folded_later() -> None:
    state = folded()
    snapshot = state.freeze(1)
    picture = State.restore(snapshot).digest()
    now = state.orders["a1"]
    state.apply(OrderUpdated(attrs.evolve(now, version=now.version + 1, quantity=45)))
    assert State.restore(snapshot).digest() == picture != state.digest()
