"""End dates are exact to the millisecond, whatever their year or offset."""

from __future__ import annotations

import pytest

from pmengine.commands import AddOneEvent, Tick
from pmengine.engine import Engine
from pmengine.facts import Refusal
from pmstore import MarketState
from tests.engine.listings import market


@pytest.mark.parametrize(
    ("text", "end_date_ms"),
    [
        ("2024-01-01T12:00:00Z", 1_704_110_400_000),
        ("2024-01-01T13:00:00.001+01:00", 1_704_110_400_001),
        ("2038-06-01T12:00:00.035Z", 2_159_006_400_035),
        ("2038-06-01T12:00:00.0359Z", 2_159_006_400_035),
    ],
)
def test_an_event_ends_at_its_millisecond(text: str, end_date_ms: int) -> None:
    engine = Engine()
    added = AddOneEvent(event_id=1, markets={1: market(1, 1)}, end_date=text)
    assert engine.handle(added, 1).refusal is None
    assert engine.due_ms() == end_date_ms
    assert list(engine.handle(Tick(), end_date_ms - 1).facts) == []
    assert engine.handle(Tick(), end_date_ms).facts
    assert engine.state.events[1].markets[1].state is MarketState.CLOSED
    assert engine.due_ms() > end_date_ms


@pytest.mark.parametrize("text", ["", "tomorrow", "2024-01-01T12:00:00", "2024-13-01T00:00:00Z"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    added = AddOneEvent(event_id=1, markets={1: market(1, 1)}, end_date=text)
    assert Engine().handle(added, 1).refusal is Refusal.INVALID_EXPIRY
