"""Each kind of news becomes the right command, or is counted by what it was."""

from __future__ import annotations

from pathlib import Path

from pmengine.facts import Refusal
from pmengine.replay import FORMATS, Cause, Report, replay
from tests.replay.venue import COIN, START_MS, Venue, order_document, write_lines

read = FORMATS["bitstamp"]
CREATED, CHANGED, DELETED = "order_created", "order_changed", "order_deleted"
News = tuple[str, int, bool, int, int]
"""Kind, order id, whether it is a bid, cents, 1e-8."""

WIDE: list[News] = [(CREATED, 1, True, 20_100, 1), (CREATED, 2, False, 29_900, 1)]
"""Keeps the grid at 200.10 .. 299.90."""


def told(tmp_path: Path, *news: News, complement: int | None = None) -> Report:
    venue = Venue()
    venue.record()
    for kind, order_id, is_bid, price, amount in (*WIDE, *news):
        venue.line(kind, order_document(order_id, is_bid, price, amount), after_ms=2)
    path = write_lines(tmp_path / "flow.log", venue.lines)
    report = replay(read, path, complement_seed=complement)
    assert report.opening.price_offset == 20_000
    return report


def causes(report: Report) -> dict[Cause, int]:
    return {cause: count for cause, count in report.causes.items() if count}


def test_news_that_says_nothing_special_becomes_commands(tmp_path: Path) -> None:
    report = told(
        tmp_path,
        (CREATED, 10, True, 23_500, COIN),
        (CHANGED, 10, True, 23_600, COIN),
        (DELETED, 10, True, 23_600, COIN),
    )
    assert report.commands == {"SubmitOrder": 3, "AmendOrder": 1, "CancelOrder": 1}
    assert (causes(report), report.refused) == ({}, {})


def test_a_changed_price_may_trade(tmp_path: Path) -> None:
    news: list[News] = [
        (CREATED, 10, True, 23_500, COIN),
        (CREATED, 11, False, 23_700, 3 * COIN),
        (CHANGED, 10, True, 23_700, COIN),
        (CHANGED, 11, False, 23_700, 2 * COIN),
        (DELETED, 10, True, 23_700, 0),
    ]
    report = told(tmp_path, *news)
    assert report.prints.fills == 1
    assert causes(report) == {Cause.CONFIRMED: 2}
    for seed in range(4):
        assert told(tmp_path, *news, complement=seed).fills_digest == report.fills_digest


def test_a_sweep_is_told_step_by_step(tmp_path: Path) -> None:
    report = told(
        tmp_path,
        (CREATED, 10, False, 23_600, COIN),
        (CREATED, 11, False, 23_700, COIN),
        (CREATED, 12, True, 23_700, 3 * COIN),
        (DELETED, 10, False, 23_600, 0),
        (CHANGED, 12, True, 23_700, 2 * COIN),
        (DELETED, 11, False, 23_700, 0),
        (CHANGED, 12, True, 23_700, COIN),
    )
    assert report.prints.fills == 2
    assert causes(report) == {Cause.CONFIRMED: 3, Cause.LAGGING: 1}


def test_a_fill_by_somebody_unseen_cuts_ours(tmp_path: Path) -> None:
    report = told(
        tmp_path,
        (CREATED, 10, True, 23_500, COIN),
        (CHANGED, 10, True, 23_500, COIN // 2),
        (CREATED, 11, False, 23_500, COIN),
    )
    assert causes(report) == {Cause.FILLED_ELSEWHERE: 1}
    assert [fill.amount for fill in report.prints.extra] == [COIN // 2]
    wholly = told(
        tmp_path,
        (CREATED, 10, True, 23_500, COIN),
        (DELETED, 10, True, 23_500, 0),
        (CREATED, 11, True, 23_500, COIN),
        (CHANGED, 11, True, 23_500, 0),
        (CREATED, 12, False, 23_500, COIN),
    )
    assert causes(wholly) == {Cause.FILLED_ELSEWHERE: 2}
    assert wholly.prints.fills == 0


def test_a_cancel_with_another_rest_is_counted(tmp_path: Path) -> None:
    report = told(
        tmp_path,
        (CREATED, 10, True, 23_500, COIN),
        (DELETED, 10, True, 23_500, COIN // 2),
    )
    assert causes(report) == {Cause.CANCELLED_WITH_OTHER_REST: 1}
    assert report.refused == {}


def test_a_cancel_of_what_we_filled_is_refused(tmp_path: Path) -> None:
    report = told(
        tmp_path,
        (CREATED, 10, False, 23_500, 2 * COIN),
        (CREATED, 11, True, 23_500, COIN),
        (DELETED, 11, True, 23_500, COIN),
    )
    assert causes(report) == {Cause.CANCELLED_AFTER_OUR_FILL: 1}
    assert report.refused == {("CancelOrder", Refusal.UNKNOWN_ORDER): 1}


def test_an_order_deleted_before_it_was_created_never_rests(tmp_path: Path) -> None:
    report = told(
        tmp_path,
        (DELETED, 10, True, 23_500, COIN),
        (CREATED, 10, True, 23_500, COIN),
        (CREATED, 11, False, 23_500, COIN),
    )
    assert causes(report) == {Cause.BEFORE_CREATED: 1, Cause.CREATED_AFTER_DELETED: 1}
    assert report.prints.fills == 0


def test_news_after_the_end_is_counted(tmp_path: Path) -> None:
    report = told(
        tmp_path,
        (CREATED, 10, True, 23_500, COIN),
        (DELETED, 10, True, 23_500, COIN),
        (DELETED, 10, True, 23_500, COIN),
        (DELETED, 10, True, 23_500, 0),
        (CHANGED, 10, True, 23_500, 1),
    )
    assert causes(report) == {Cause.AFTER_ITS_DELETE: 3}


def test_prices_outside_the_grid_are_refused_and_counted(tmp_path: Path) -> None:
    news: list[News] = [
        (CREATED, 10, False, 35_000, COIN),
        (CHANGED, 10, False, 35_000, COIN // 2),
        (DELETED, 10, False, 35_000, COIN // 2),
        (CREATED, 11, True, 23_500, COIN),
        (CHANGED, 11, True, 16_000, COIN),
        (DELETED, 11, True, 16_000, COIN),
        (CREATED, 12, False, 23_500, COIN),
    ]
    report = told(tmp_path, *news)
    assert causes(report) == {Cause.OFF_GRID: 5}
    assert report.refused == {
        ("SubmitOrder", Refusal.INVALID_PRICE): 1,
        ("CancelOrder", Refusal.UNKNOWN_ORDER): 2,
    }
    assert report.prints.fills == 0
    assert told(tmp_path, *news, complement=1).refused == report.refused


def test_an_older_order_has_the_first_amount_seen_and_its_fill(tmp_path: Path) -> None:
    report = told(
        tmp_path,
        (CREATED, 20, False, 23_500, 3 * COIN),
        (CHANGED, 20, False, 23_500, 2 * COIN),
        (CHANGED, 10, True, 23_500, COIN // 2),
        (DELETED, 11, True, 23_400, COIN // 4),
    )
    older = {order.order_id: order.amount for order in report.opening.older}
    assert older == {"10": COIN + COIN // 2, "11": COIN // 4}
    assert report.opening.sized_by_counterparty == 1
    assert [fill.amount for fill in report.prints.extra] == [COIN + COIN // 2]


def test_an_older_order_whose_amount_nothing_tells_is_left_out(tmp_path: Path) -> None:
    report = told(tmp_path, (CREATED, 20, False, 23_900, 3 * COIN), (DELETED, 10, True, 23_500, 0))
    assert report.opening.unsized == ("10",)
    assert causes(report) == {Cause.UNSIZED: 1}


def test_older_orders_stand_in_the_order_of_their_ids(tmp_path: Path) -> None:
    report = told(
        tmp_path,
        (DELETED, 100, True, 23_500, COIN),
        (DELETED, 99, True, 23_500, COIN),
    )
    assert [order.order_id for order in report.opening.older] == ["99", "100"]
    assert report.opening.time_ms == START_MS + 2
