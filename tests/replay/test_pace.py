"""A recording is played as fast as asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmengine.replay import FORMATS, Pace, parse_speed, replay
from tests.replay.venue import trade_for_a_while


class ManualClock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def now_s(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def pace(speed: float | None, clock: ManualClock) -> Pace:
    return Pace(speed, now_s=clock.now_s, sleep=clock.sleep)


@pytest.mark.parametrize(("speed", "slept"), [(1.0, [2.0, 3.0]), (10.0, [0.2, 0.3]), (None, [])])
def test_events_come_at_their_time(speed: float | None, slept: list[float]) -> None:
    clock = ManualClock()
    one = pace(speed, clock)
    for time_ms in (5_000, 7_000, 7_000, 10_000):
        one.wait_for(time_ms)
    assert clock.slept == pytest.approx(slept)


def test_a_late_replay_catches_up() -> None:
    clock = ManualClock()
    one = pace(1.0, clock)
    one.wait_for(0)
    clock.now += 5
    one.wait_for(2_000)
    one.wait_for(6_000)
    assert clock.slept == pytest.approx([1.0])


def test_a_whole_recording_takes_its_own_time(tmp_path: Path) -> None:
    venue = trade_for_a_while(3, 100)
    path = venue.write(tmp_path / "flow.log")
    clock = ManualClock()
    slow = replay(FORMATS["bitstamp"], path, pace=pace(4.0, clock))
    first, last = (int(venue.lines[n].split()[0]) for n in (0, -1))
    assert clock.now - 100 == pytest.approx((last - first) / 4_000)
    assert slow.fills_digest == replay(FORMATS["bitstamp"], path).fills_digest


@pytest.mark.parametrize(("text", "speed"), [("full", None), ("recorded", 1.0), ("2.5", 2.5)])
def test_a_speed_is_read(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "fast", "1e400"])
def test_what_is_no_speed_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no speed; say full, recorded, or"):
        parse_speed(text)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_pace_needs_a_positive_speed(speed: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Pace(speed)
