"""`/status` shows what `pmengine status` knows, to who may read, and nothing of it as markup."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser
from math import inf
from pathlib import Path

import attrs
import httpx
import msgspec
import pytest

from pmengine.assembly import open_exchange
from pmengine.cli.serving import serve
from pmengine.gateways.http import create_app, serving
from pmengine.gateways.venue import HtmlAnswer, RequestsCounted
from pmengine.processes.entrance import open_entrance
from pmengine.processes.keeping import KeptFor
from pmengine.processes.status_page import StatusPage
from pmengine.processes.survey import LogSeen, Seen, ServiceSeen
from pmengine.settings import Settings
from pmstore import StoreUnavailable
from pmstore.clock import Clock
from pmstore.settings import read_settings
from tests.gateways.exchange import Running, order, settings, venue_of
from tests.gateways.guarded import Issuer, bearer

NOTHING = RequestsCounted(accepted=0, requests=0, within={})
HOSTILE = '<script>alert("x")</script>'


class _Read(HTMLParser):
    """The tags of a page, and its tables as texts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._in_cell = tag in ("td", "th")
        if tag == "tr":
            self.rows.append([])
        elif self._in_cell:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_cell:
            self.rows[-1][-1] += data


def read(html: bytes | str) -> _Read:
    page = _Read()
    page.feed(html.decode() if isinstance(html, bytes) else html)
    return page


def seen(last: int, word: str = "fine") -> Seen:
    """A deployment whose every text is *word*."""
    service = ServiceSeen(
        service=word,
        instance=word,
        state=word,
        reason=word,
        role=word,
        epoch=1,
        number=last,
        position=word,
        lag=7,
        heard_ms=0,
        host=word,
        pid=1,
        url=word,
    )
    kept = KeptFor(
        stream=word,
        service=word,
        instance=word,
        number=1,
        needs_after=word,
        lag=1,
        heard_ms=10_000,
    )
    return Seen(
        streams=word,
        promise=word,
        leader=word,
        epoch=1,
        log=LogSeen(first=1, last=last, position=word, epoch=1),
        projections={word: 1},
        snapshots=1,
        snapshot_number=1,
        services=[service],
        kept_for=[kept],
        problems=[word],
    )


@attrs.define
class Looks:
    """Answers one look after another; an error is raised."""

    answers: list[Seen | Exception]
    looked: int = 0

    async def look(self, settings: Settings, clock: Clock) -> Sequence[Seen]:
        self.looked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [answer]


@attrs.define
class Seconds:
    """Seconds that pass when they are told to."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def page_over(*answers: Seen | Exception) -> tuple[StatusPage, Looks, Seconds]:
    looks, seconds = Looks(list(answers)), Seconds()
    nowhere = read_settings(Settings, environ={})
    page = StatusPage(nowhere, lambda: 1_700_000_000_000, looks.look, now_s=seconds)
    return page, looks, seconds


async def test_what_services_say_of_themselves_is_text_and_never_markup() -> None:
    page, _, _ = page_over(seen(5, HOSTILE))
    shown = read((await page.answer(NOTHING)).html)
    assert "script" not in shown.tags
    assert shown.text.count(HOSTILE) >= 14


async def test_two_looks_tell_how_fast_the_log_grows_and_one_look_serves_a_second() -> None:
    page, looks, seconds = page_over(seen(100), seen(160))
    first = await page.answer(NOTHING)
    assert "not known yet" in read(first.html).text
    seconds.now += 0.5
    assert await page.answer(NOTHING) == first
    assert looks.looked == 1
    seconds.now += 1.5
    assert "30.0 entries of the log a second" in read((await page.answer(NOTHING)).html).text


async def test_requests_are_counted_from_look_to_look_with_their_times() -> None:
    page, _, seconds = page_over(seen(1), seen(1))
    before = RequestsCounted(accepted=5, requests=10, within={0.001: 10, 0.01: 10, inf: 10})
    after = RequestsCounted(accepted=25, requests=110, within={0.001: 20, 0.01: 70, inf: 110})
    await page.answer(before)
    seconds.now += 2
    rows = read((await page.answer(after)).html).rows
    assert ["50.0", "10.0", "10 ms", "longer"] in rows


async def test_a_gateway_tells_the_page_what_it_answered(running: Running) -> None:
    told: list[RequestsCounted] = []

    async def page(counted: RequestsCounted) -> HtmlAnswer:
        told.append(counted)
        return HtmlAnswer(200, b"", "")

    app = create_app(venue_of(running.exchange, status_page=page))
    async with (
        serving(app, "127.0.0.1", 0) as url,
        httpx.AsyncClient(base_url=url, headers={"X-User-Id": "u1"}, timeout=60) as client,
    ):
        for _ in range(2):
            answer = await client.post("/api/v1/orders", json=order())
            assert answer.status_code == 201
        assert (await client.get("/health")).status_code == 200
        await client.get("/status")
    [counted] = told
    assert (counted.accepted, counted.requests, counted.within[inf]) == (2, 3, 3)


async def test_what_cannot_be_seen_is_said_and_looked_for_again() -> None:
    page, _, seconds = page_over(StoreUnavailable("nobody <answers>"), seen(1))
    answer = await page.answer(NOTHING)
    assert answer.status == 503
    shown = read(answer.html)
    assert "nobody <answers>" in shown.text
    assert "answers" not in shown.tags
    seconds.now += 2
    assert (await page.answer(NOTHING)).status == 200


async def test_an_exchange_of_one_process_shows_itself(tmp_path: Path) -> None:
    told = attrs.evolve(settings(tmp_path), port=0)
    async with serve(told) as served, httpx.AsyncClient(base_url=served.url, timeout=60) as client:
        answer = await client.get("/status")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        shown = read(answer.text)
        assert "No problems." in shown.text
        assert ["up", "ready"] in [row[:2] for row in shown.rows]
        assert "survives the crash of everything" in shown.text
        assert '<meta http-equiv="refresh" content="2">' in answer.text
        assert not {"script", "link", "img", "iframe"} & set(shown.tags)
        assert (await client.post("/status")).status_code == 405


async def test_with_auth_on_the_page_is_for_who_may_read(tmp_path: Path) -> None:
    issuer = Issuer()
    pem = tmp_path / "public.pem"
    pem.write_bytes(issuer.public_pem())
    told = settings(tmp_path, AUTH="jwt", JWT_PUBLIC_KEY=str(pem))
    page, _, _ = page_over(seen(1))
    async with open_entrance(told) as entrance, open_exchange(told) as exchange:
        venue = venue_of(
            exchange, door=entrance.door, limits=entrance.limits, status_page=page.answer
        )
        async with (
            serving(create_app(venue), "127.0.0.1", 0) as url,
            httpx.AsyncClient(base_url=url, timeout=60) as client,
        ):
            for scopes, status in ((["admin"], 403), (["read"], 200), (["trade"], 200)):
                shown = bearer(issuer.token("u1", scopes, aud=None))
                assert (await client.get("/status", headers=shown)).status_code == status
            refused = await client.get("/status")
            assert refused.status_code == 401
            assert "fine" not in refused.text


async def test_a_gateway_without_such_a_page_says_that_there_is_nothing(tmp_path: Path) -> None:
    async with (
        open_exchange(settings(tmp_path)) as exchange,
        serving(create_app(venue_of(exchange)), "127.0.0.1", 0) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
    ):
        assert (await client.get("/status")).status_code == 404


@pytest.mark.parametrize("state", ["ready", "silent"])
async def test_a_state_is_a_word_and_not_only_a_colour(state: str) -> None:
    look = seen(1)
    service = msgspec.structs.replace(look.services[0], state=state)
    page, _, _ = page_over(msgspec.structs.replace(look, services=[service]))
    assert state in read((await page.answer(NOTHING)).html).rows[1]
