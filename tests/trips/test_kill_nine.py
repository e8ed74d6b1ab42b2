"""kill -9 of the real exchange loses nothing that was answered, and doubles nothing."""

from __future__ import annotations

from pathlib import Path
from random import Random

import attrs
import pytest

from pmstore import Order
from tests.trips.kill_nine import (
    MOMENTS,
    Report,
    check_folder,
    kill_again_and_again,
    one_round,
    seed_from_environment,
)
from tests.trips.recovered_folder import check_told
from tests.trips.traders import Traders

ROUNDS = 8
SOAK_ROUNDS = 100


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_killed_exchange_keeps_what_it_answered(tmp_path: Path) -> None:
    report = await kill_again_and_again(tmp_path, ROUNDS, seed_from_environment())
    print(report)
    assert report.kills.keys() == set(MOMENTS)
    assert report.answered
    assert report.trades


@pytest.mark.soak
async def test_a_hundred_kills(tmp_path: Path) -> None:
    report = await kill_again_and_again(tmp_path, SOAK_ROUNDS, seed_from_environment())
    print(report)
    assert report.kills.total() == SOAK_ROUNDS
    assert report.drafts_left, "no kill met a snapshot that was being written"


@pytest.mark.crash
@pytest.mark.timeout(300)
async def test_the_check_sees_what_is_lost_invented_or_doubled(tmp_path: Path) -> None:
    seed = seed_from_environment()
    chance = Random(seed)
    print(f"KILL_NINE_SEED={seed}")
    traders = Traders(chance)
    told = traders.orders
    resting: list[Order] = []
    report = Report(seed)
    while not resting:
        await one_round(tmp_path / "data", "load", chance, traders, report, again=bool(told))
        recovery = await check_folder(tmp_path / "data", tmp_path / "copy", traders)
        if recovery.trades:
            resting = [
                order
                for order in recovery.state.orders.values()
                if told[order.client_order_id or ""].order_id is not None
                and not told[order.client_order_id or ""].cancel_asked
            ]
    name, answered = next((name, one) for name, one in told.items() if one.order_id is not None)

    invented = {name: one for name, one in told.items() if one is not answered}
    lost = {**told, "never sent": attrs.evolve(answered, client_order_id="never sent")}
    renamed = {**told, name: attrs.evolve(answered, order_id="another")}
    less = {**told, name: attrs.evolve(answered, filled=answered.lots + 1)}
    for wrong in (invented, lost, renamed, less):
        with pytest.raises(AssertionError):
            check_told(recovery, wrong)
    doubled = attrs.evolve(recovery, trades=[*recovery.trades, recovery.trades[0]])
    with pytest.raises(AssertionError):
        check_told(doubled, told)
    del recovery.state.orders[resting[0].id]
    with pytest.raises(AssertionError):
        check_told(recovery, told)
