"""The page is served at `/`: its own files, with what browsers need to know, and nothing else."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import httpx
import pytest
import pytest_asyncio

from pmengine.assembly import open_exchange
from pmengine.cli.serving import serve
from pmengine.gateways.http import create_app, serving
from pmengine.gateways.page import WebPage, own_files, read_files
from pmengine.processes.entrance import open_entrance
from tests.gateways.exchange import settings, venue_of
from tests.gateways.raw import wired
from tests.page.built import FILES, SCRIPT, built

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def shown(
    folder: Path, *, user_feed: str | None = "/user"
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an exchange that shows a small page."""
    files = read_files(built(folder / "page"))
    page = WebPage(files=files, auth=["jwt", "keys"], user_feed=user_feed)
    async with (
        open_exchange(settings(folder)) as exchange,
        serving(create_app(venue_of(exchange, web_page=page)), "127.0.0.1", 0) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """The same for the tests that change nothing of it."""
    async with shown(tmp_path_factory.mktemp("shown")) as one:
        yield one


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        (f"/{SCRIPT}", "text/javascript; charset=utf-8"),
        ("/assets/plain.css", "text/css; charset=utf-8"),
        ("/favicon.svg", "image/svg+xml"),
    ],
)
async def test_a_file_comes_whole_with_its_type_packed_or_not(
    client: httpx.AsyncClient, path: str, content_type: str
) -> None:
    body = FILES[path.removeprefix("/") or "index.html"]
    plain = await client.get(path, headers={"Accept-Encoding": "identity"})
    assert (plain.status_code, plain.content) == (200, body)
    assert plain.headers["content-type"] == content_type
    assert "content-encoding" not in plain.headers
    taken = await client.get(path)
    assert taken.content == body
    head = await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "etag", "content-type", "cache-control"):
        assert head.headers[name] == taken.headers[name]


async def test_what_gets_smaller_is_packed_for_who_reads_it(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", f"/{SCRIPT}", headers={"Accept-Encoding": "br, gzip"}) as got:
        raw = b"".join([part async for part in got.aiter_raw()])
        assert got.headers["content-encoding"] == "gzip"
        assert got.headers["vary"] == "accept-encoding"
    assert gzip.decompress(raw) == FILES[SCRIPT]
    assert len(raw) < 100
    for refusing in ("br", "gzip;q=0", "identity"):
        got_plain = await client.get(f"/{SCRIPT}", headers={"Accept-Encoding": refusing})
        assert "content-encoding" not in got_plain.headers
    tiny = await client.get("/assets/plain.css", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in tiny.headers


async def test_a_name_with_a_hash_is_kept_for_ever_and_everything_else_is_asked_for_again(
    client: httpx.AsyncClient,
) -> None:
    kept = await client.get(f"/{SCRIPT}")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    for path in ("/", "/favicon.svg", "/assets/plain.css"):
        answer = await client.get(path)
        assert answer.headers["cache-control"] == "no-cache"
        etag = answer.headers["etag"]
        for named in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = await client.get(path, headers={"If-None-Match": named})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == etag
        other = await client.get(path, headers={"If-None-Match": '"other"'})
        assert other.status_code == 200


async def test_the_two_forms_of_a_file_have_names_of_their_own(client: httpx.AsyncClient) -> None:
    packed = (await client.get("/")).headers["etag"]
    plain = {"Accept-Encoding": "identity"}
    assert (await client.get("/", headers=plain)).headers["etag"] != packed
    asked = await client.get("/", headers={**plain, "If-None-Match": packed})
    assert asked.status_code == 200


async def test_a_browser_may_load_it_from_here_alone_and_show_it_in_no_frame(
    client: httpx.AsyncClient,
) -> None:
    for path in ("/", f"/{SCRIPT}", "/favicon.svg", "/page.json"):
        headers = (await client.get(path)).headers
        policy = {
            words.split()[0]: words.split()[1:]
            for words in headers["content-security-policy"].split(";")
        }
        assert policy["default-src"] == ["'none'"]
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == ["'self'"]
        assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    [
        "/index.html",
        "/assets",
        "/assets/",
        "/assets/../index.html",
        "/%2e%2e/index.html",
        "/..%2fpage%2findex.html",
        "/assets/..%5cindex.html",
        "//etc/passwd",
        "/etc/passwd",
        "/assets/%00",
        "/api/v1/nothing",
        "/page",
    ],
)
async def test_no_other_path_leads_to_a_file_and_each_is_a_problem(
    client: httpx.AsyncClient, path: str
) -> None:
    async with wired(str(client.base_url)) as wire:
        host = client.base_url.netloc
        await wire.say(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        status, body = await wire.answer()
    assert status == 404
    assert b'"NOT_FOUND"' in body


async def test_the_page_takes_no_other_method_than_get(client: httpx.AsyncClient) -> None:
    for path in ("/", f"/{SCRIPT}", "/page.json"):
        refused = await client.post(path)
        assert (refused.status_code, refused.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
        assert refused.headers["allow"] == "GET, HEAD"


async def test_the_page_is_told_where_users_are_told_and_may_go_there_alone(
    tmp_path: Path,
) -> None:
    for number, (user_feed, connect) in enumerate(
        [
            ("/user", "'self'"),
            (None, "'self'"),
            ("wss://feeds.example:8443/user", "'self' wss://feeds.example:8443"),
        ]
    ):
        folder = tmp_path / str(number)
        async with shown(folder, user_feed=user_feed) as client:
            told = await client.get("/page.json")
            assert told.headers["content-type"] == "application/json"
            assert told.headers["cache-control"] == "no-cache"
            assert told.json() == {"auth": ["jwt", "keys"], "user_feed": user_feed}
            policy = (await client.get("/")).headers["content-security-policy"]
            assert f"connect-src {connect};" in policy


async def test_the_page_of_an_exchange_is_complete_and_loads_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    told = attrs.evolve(settings(tmp_path), port=0)
    async with (
        serve(told) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False) as client,
    ):
        for path, file in own_files().items():
            assert (await client.get(path)).content == file.body
        assert (await client.get("/page.json")).json() == {"auth": ["off"], "user_feed": "/user"}
    assert b"://" not in own_files()["/"].body


async def test_with_auth_on_the_page_is_still_for_everybody(tmp_path: Path) -> None:
    told = settings(tmp_path, AUTH="jwt", JWT_SECRET="x" * 32)
    page = WebPage(files=read_files(built(tmp_path / "page")), auth=["jwt"], user_feed="/user")
    async with open_entrance(told) as entrance, open_exchange(told) as exchange:
        venue = venue_of(exchange, door=entrance.door, limits=entrance.limits, web_page=page)
        async with (
            serving(create_app(venue), "127.0.0.1", 0) as url,
            httpx.AsyncClient(base_url=url, trust_env=False) as client,
        ):
            for path in ("/", f"/{SCRIPT}", "/page.json"):
                assert (await client.get(path)).status_code == 200
            assert (await client.get("/api/v1/account")).status_code == 401
