"""Lists of events hold what was asked for, in that order; pages neither skip nor repeat."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateways.exchange import Running, order


async def listed(running: Running, query: str, limit: int = 2) -> list[int]:
    """The ids on all pages."""
    ids: list[int] = []
    after = ""
    while True:
        page = await running.done("GET", f"/events?limit={limit}&{query}{after}")
        assert len(page["items"]) <= limit
        ids += [one["event_id"] for one in page["items"]]
        if page["next"] is None:
            return ids
        after = f"&after={page['next']}"


async def add(running: Running, event_id: int, **fields: Any) -> None:
    tokens = [f"y{event_id}x", f"n{event_id}x"]
    market = {"token_ids": tokens, "outcomes": [f"Yes {event_id}", "No"]}
    body = {"event_id": event_id, "markets": {"1": market}, **fields}
    await running.done("POST", "/events", json=body)


async def test_every_order_is_whole_page_by_page(running: Running) -> None:
    ends = {40: "2031", 20: "2033", 30: None, 10: "2031", 50: "2032"}
    for event_id, year in ends.items():
        end = {} if year is None else {"end_date": f"{year}-01-01T00:00:00Z"}
        await add(running, event_id, **end)
    for limit in (1, 2, 5, 1000):
        assert await listed(running, "sort=id", limit) == [1, 10, 20, 30, 40, 50]
        assert await listed(running, "sort=newest", limit) == [50, 40, 30, 20, 10, 1]
        assert await listed(running, "sort=ending_soon", limit) == [10, 40, 50, 20, 1, 30]
    before = "ending_before_ms=1956528000000"  # 2032-01-01
    assert await listed(running, f"sort=newest&{before}") == [40, 10]


async def test_filters_keep_what_fits_all_of_them(running: Running) -> None:
    await add(running, 5, exclusive=True)
    await add(running, 6)
    await running.done("POST", "/events/6/markets/1/resolve", json={"payouts": ["1", "0"]})
    await running.done("POST", "/events/1/markets/1/pause")
    assert await listed(running, "exclusive=true") == [5]
    assert await listed(running, "exclusive=false&sort=newest") == [6, 1]
    assert await listed(running, "status=open") == [1, 5]
    assert await listed(running, "status=resolved") == [6]
    assert await listed(running, "status=closed") == []
    assert await listed(running, "text=YES%205") == [5]
    assert await listed(running, "text=y6x") == [6]
    assert await listed(running, "text=y6x&status=open") == []


async def trade(running: Running, event_id: int, price: str, quantity: str) -> None:
    terms = {"event_id": event_id, "token_id": f"y{event_id}x", "quantity": quantity}
    await running.done("POST", "/orders", json=order(**terms, price=price))
    other = {**terms, "token_id": f"n{event_id}x", "price": str(round(1 - float(price), 4))}
    await running.done("POST", "/orders", user="u2", json=order(**other))


async def test_the_most_traded_come_first_and_say_how_much(running: Running) -> None:
    for event_id in (5, 6, 7):
        await add(running, event_id)
    await trade(running, 6, "0.6", "10")
    await trade(running, 5, "0.2", "10")
    assert await listed(running, "sort=volume") == [5, 6, 1, 7]
    page = await running.done("GET", "/events?sort=volume&text=6x")
    assert [one["volume_24h"] for one in page["items"]] == ["4"]
    await trade(running, 6, "0.4", "10")
    assert await listed(running, "sort=volume") == [6, 5, 1, 7]


async def test_a_walk_by_volume_keeps_the_ranking_it_began_with(running: Running) -> None:
    for event_id in (5, 6, 7, 8):
        await add(running, event_id)
        await trade(running, event_id, "0.5", str(event_id))
    first = await running.done("GET", "/events?sort=volume&limit=2")
    assert [one["event_id"] for one in first["items"]] == [8, 7]
    await trade(running, 5, "0.5", "100")
    await trade(running, 8, "0.5", "1")
    second = await running.done("GET", f"/events?sort=volume&limit=2&after={first['next']}")
    third = await running.done("GET", f"/events?sort=volume&limit=2&after={second['next']}")
    rest = [one["event_id"] for page in (second, third) for one in page["items"]]
    assert rest == [6, 5, 1]
    assert third["next"] is None
    assert (await listed(running, "sort=volume"))[0] == 5


@pytest.mark.parametrize("sort", ["id&status=open", "newest", "ending_soon", "volume"])
async def test_a_cursor_of_another_order_is_400(running: Running, sort: str) -> None:
    await add(running, 5)
    cursors = {}
    for one in ("id&status=open", "newest", "ending_soon", "volume"):
        page = await running.done("GET", f"/events?limit=1&sort={one}")
        cursors[one] = page["next"]
    for one, cursor in cursors.items():
        if one != sort:
            path = f"/events?limit=1&sort={sort}&after={cursor}"
            problem = await running.refused(400, "MALFORMED", "GET", path)
            assert problem["field"] == "after"


async def test_a_ranking_that_is_gone_says_to_begin_again(running: Running) -> None:
    await add(running, 5)
    first = await running.done("GET", "/events?sort=volume&limit=1")
    for _ in range(40):
        await running.done("GET", "/events?sort=volume&limit=1")
    path = f"/events?sort=volume&limit=1&after={first['next']}"
    await running.refused(410, "CURSOR_EXPIRED", "GET", path)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("sort=price", "sort"),
        ("status=new", "status"),
        ("exclusive=maybe", "exclusive"),
        ("text=", "text"),
        ("ending_before_ms=x", "ending_before_ms"),
    ],
)
async def test_a_wrong_filter_is_named(running: Running, query: str, field: str) -> None:
    problem = await running.refused(400, "MALFORMED", "GET", f"/events?{query}")
    assert problem["field"] == field


@pytest.mark.parametrize("sort", ["id", "id&exclusive=false", "newest", "ending_soon", "volume"])
async def test_who_was_there_before_a_walk_comes_once_whatever_happens_in_it(
    running: Running, sort: str
) -> None:
    there = [1, *range(20, 40, 2)]
    for event_id in there[1:]:
        await add(running, event_id, end_date=f"20{event_id + 20}-01-01T00:00:00Z")
        await trade(running, event_id, "0.5", str(event_id))
    seen: list[int] = []
    after, further = "", 21
    while True:
        page = await running.done("GET", f"/events?limit=3&sort={sort}{after}")
        seen += [one["event_id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
        await add(running, further, end_date=f"20{further + 20}-01-01T00:00:00Z")
        await trade(running, further, "0.5", "1000")
        await trade(running, there[-1], "0.5", "1000")
        await running.done("POST", f"/events/{there[3]}/markets/1/pause")
        further += 4
    assert sorted(one for one in seen if one in there) == there
    assert len(set(seen)) == len(seen)


async def test_pages_of_large_events_are_short_and_whole(running: Running) -> None:
    for event_id in range(10, 21):
        markets = {
            str(id): {"token_ids": [f"y{event_id}m{id}", f"n{event_id}m{id}"]}
            for id in range(1, 500)
        }
        body = {"event_id": event_id, "markets": markets}
        await running.done("POST", "/events", json=body)
    everything = [1, *range(10, 21)]
    for sort in ("id", "id&exclusive=false", "volume"):
        page = await running.done("GET", f"/events?sort={sort}")
        assert len(page["items"]) in (4, 5)
        assert page["next"] is not None
        assert await listed(running, f"sort={sort}", 1000) == everything
