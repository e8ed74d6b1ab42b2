"""A replay makes the trades that the venue made, and says so when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmengine.replay import FORMATS, Report, replay, survey
from pmengine.replay.pictures import Difference
from pmengine.replay.prints import Miss, by_cause
from pmstore import MatchType
from tests.replay.venue import COIN, Venue, trade_for_a_while, write_lines

read = FORMATS["bitstamp"]


def played(path: Path, complement_seed: int | None = None) -> Report:
    return replay(read, path, complement_seed=complement_seed)


def test_a_recording_of_a_venue_is_explained(recording: Path) -> None:
    report = played(recording)
    assert report.prints.prints > 100
    assert report.prints.explained >= 0.95
    pictures = report.pictures
    assert pictures.equal_but_silent >= 0.95 * pictures.pictures
    assert sum(pictures.off_by.values()) == pictures.pictures
    assert Miss.ALONE not in by_cause(report.prints.missed)


def test_the_complement_of_a_recording_makes_the_same_fills(recording: Path) -> None:
    plain = played(recording)
    for seed in (1, 2):
        other = played(recording, complement_seed=seed)
        assert other.fills_digest == plain.fills_digest
        assert set(other.match_types) == set(MatchType)
        assert other.prints == plain.prints
        assert other.pictures == plain.pictures
    assert set(plain.match_types) == {MatchType.NORMAL}


@pytest.mark.parametrize("seed", range(5))
def test_every_trade_of_our_own_venue_is_found(seed: int, tmp_path: Path) -> None:
    venue = trade_for_a_while(seed)
    report = played(venue.write(tmp_path / "flow.log"))
    assert len(venue.prints) > 200
    assert report.prints.matched == report.prints.prints == len(venue.prints)
    assert report.prints.matched_older > 0
    assert report.prints.extra == ()
    assert report.refused == {}
    assert set(report.pictures.levels) <= {Difference.SILENT}
    assert report.opening.sized_by_counterparty > 0


def test_two_replays_of_one_recording_are_the_same(synthetic: Path) -> None:
    one, two = played(synthetic), played(synthetic)
    assert one.fills_digest == two.fills_digest
    assert (one.prints, one.pictures, one.causes) == (two.prints, two.pictures, two.causes)


def test_other_fills_have_another_digest(tmp_path: Path) -> None:
    digests = {
        played(trade_for_a_while(seed, 200).write(tmp_path / f"{seed}.log")).fills_digest
        for seed in range(3)
    }
    assert len(digests) == 3


def quiet_market() -> Venue:
    """One bid and one ask of 1 coin, and two trades of a quarter."""
    venue = Venue()
    venue.record()
    venue.submit(True, 23_500, COIN)
    venue.submit(False, 23_700, COIN)
    venue.submit(True, 23_700, COIN // 4)
    venue.submit(False, 23_500, COIN // 4)
    venue.picture()
    return venue


def changed(tmp_path: Path, venue: Venue, kind: str, nth: int, old: str, new: str) -> Report:
    """The report on *venue* after an edit of its *nth* line of a *kind*."""
    numbers = [n for n, line in enumerate(venue.lines) if f" {kind} " in line]
    line = venue.lines[numbers[nth]]
    assert old in line
    venue.lines[numbers[nth]] = line.replace(old, new)
    return played(venue.write(tmp_path / "flow.log"))


def test_a_print_of_another_amount_is_missed(tmp_path: Path) -> None:
    report = changed(tmp_path, quiet_market(), "trade", 0, "0.25", "0.2")
    assert report.prints.matched == 1
    (missed,), (extra,) = report.prints.missed, report.prints.extra
    assert (missed.cause, missed.amount, missed.other_amount) == (
        Miss.OTHER_AMOUNT,
        COIN // 5,
        COIN // 4,
    )
    assert (extra.cause, extra.other_amount) == (Miss.OTHER_AMOUNT, COIN // 5)


def test_a_print_a_cents_worth_smaller_is_told_apart(tmp_path: Path) -> None:
    report = changed(tmp_path, quiet_market(), "trade", 0, "0.25", "0.24995781")
    assert by_cause(report.prints.missed) == {Miss.ONE_CENT: 1}
    report = changed(tmp_path, quiet_market(), "trade", 0, "0.25", "0.24995779")
    assert by_cause(report.prints.missed) == {Miss.OTHER_AMOUNT: 1}


def test_a_print_at_another_price_is_alone(tmp_path: Path) -> None:
    report = changed(tmp_path, quiet_market(), "trade", 0, "237.0", "236.0")
    assert by_cause(report.prints.missed) == {Miss.ALONE: 1}
    assert by_cause(report.prints.extra) == {Miss.ALONE: 1}


def test_a_print_outside_the_grid_is_told_apart(tmp_path: Path) -> None:
    report = changed(tmp_path, quiet_market(), "trade", 0, "237.0", "1237.0")
    assert by_cause(report.prints.missed) == {Miss.OFF_GRID: 1}


def test_a_print_long_after_its_trade_is_missed(tmp_path: Path) -> None:
    venue = quiet_market()
    trade = next(line for line in venue.lines if " trade " in line)
    venue.lines.remove(trade)
    time, rest = trade.split(" ", 1)
    venue.lines.append(f"{int(time) + 10_000} {rest}")
    report = played(venue.write(tmp_path / "flow.log"))
    assert (len(report.prints.missed), len(report.prints.extra)) == (1, 1)


def test_a_print_before_its_order_arrived_is_matched(tmp_path: Path) -> None:
    venue = quiet_market()
    trade = next(line for line in venue.lines if " trade " in line)
    venue.lines.remove(trade)
    venue.lines.insert(2, trade)
    report = played(venue.write(tmp_path / "flow.log"))
    assert report.prints.matched == 2


def test_an_order_that_was_not_recorded_costs_its_trades(tmp_path: Path) -> None:
    venue = quiet_market()
    venue.lines = [line for line in venue.lines if '"id": 9992' not in line]
    report = played(venue.write(tmp_path / "flow.log"))
    assert report.prints.matched == 1
    assert by_cause(report.prints.missed) == {Miss.ALONE: 1}


def test_a_level_that_differs_is_counted(tmp_path: Path) -> None:
    assert played(quiet_market().write(tmp_path / "flow.log")).pictures.off_by == {0: 1}
    report = changed(tmp_path, quiet_market(), "order_book", 0, "0.75", "0.74")
    assert report.pictures.off_by == {2: 1}
    assert report.pictures.levels == {Difference.MOVING: 2}
    assert report.pictures.equal == report.pictures.equal_but_silent == 0


def test_a_level_that_nothing_touched_is_not_excused(tmp_path: Path) -> None:
    venue = quiet_market()
    venue.line("order_book", {"bids": [["235.00", "0.1"]], "asks": []}, after_ms=5_000)
    report = played(venue.write(tmp_path / "flow.log"))
    assert report.pictures.off_by == {0: 1, 2: 1}
    assert report.pictures.levels == {Difference.OTHER: 2}


def test_orders_that_never_speak_are_found_by_their_constant_surplus(tmp_path: Path) -> None:
    venue = Venue()
    venue.submit(True, 23_400, 3 * COIN)
    venue.record()
    venue.submit(True, 23_500, COIN)
    for _ in range(3):
        venue.submit(False, 23_700, COIN)
        venue.picture()
    report = played(venue.write(tmp_path / "flow.log"))
    assert report.pictures.off_by == {1: 3}
    assert report.pictures.levels == {Difference.SILENT: 3}
    assert (report.pictures.silent_levels, report.pictures.equal_but_silent) == (1, 3)


def test_a_surplus_that_comes_and_goes_is_no_silent_order(tmp_path: Path) -> None:
    venue = quiet_market()
    venue.lines.pop()
    bids = [["235.00", "0.75"], ["234.00", "2.0"]]
    for nth in range(4):
        book = {"bids": bids[: 1 + nth % 2], "asks": [["237.00", "0.75"], ["238.00", "1.0"]]}
        venue.line("order_book", book, after_ms=5_000)
    report = played(venue.write(tmp_path / "flow.log"))
    assert report.pictures.levels == {Difference.SILENT: 4, Difference.OTHER: 2}


def test_a_level_too_many_of_ours_makes_no_other_look_missing(tmp_path: Path) -> None:
    venue = Venue()
    venue.record()
    for distance in range(25):
        venue.submit(True, 23_500 - distance, COIN)
    best = venue.submit(True, 23_600, COIN)
    del venue.orders[best]
    venue.picture()
    report = played(venue.write(tmp_path / "flow.log"))
    assert report.pictures.off_by == {1: 1}


@pytest.mark.parametrize(
    ("prices", "offset"),
    [
        ([23_500, 23_600, 23_700], 15_000),
        ([20_100, 23_500, 23_600, 23_700, 29_900], 20_000),
        ([16_460, 23_500, 23_600, 23_700, 29_000, 29_100, 35_000], 20_000),
        ([100, 500, 900], -5_000),
        ([5_999_000, 6_000_000, 6_001_000], 5_995_000),
    ],
)
def test_the_constant_keeps_the_market_on_the_grid(
    prices: list[int], offset: int, tmp_path: Path
) -> None:
    venue = Venue()
    venue.record()
    for price in prices:
        venue.submit(True, price, COIN)
    opening = survey(read(venue.write(tmp_path / "flow.log")))
    assert opening.price_offset == offset
    assert 10 <= prices[len(prices) // 2] - offset <= 9_990


def test_a_recording_without_orders_is_played(tmp_path: Path) -> None:
    venue = Venue()
    venue.record()
    venue.picture()
    report = played(write_lines(tmp_path / "flow.log", venue.lines))
    assert (report.prints.prints, report.prints.explained, report.pictures.equal) == (0, 1.0, 1)
