"""Every door speaks TLS when it has a certificate, which is renewed while it stands open."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from grpc import aio, ssl_channel_credentials

from pmengine.assembly import open_exchange
from pmengine.client import Client, NewMarket, NewOrder, Unavailable
from pmengine.gateways.certificate import Certificate
from pmengine.gateways.grpc import AssetService, serving_asset
from pmengine.gateways.http import Venue, create_app, serving
from pmengine.gateways.watched_files import LOOK_S
from pmengine.processes.entrance import certificate_of, open_entrance
from pmengine.processes.survey import survey
from pmstore import SettingsError
from pmstore.clock import system_clock
from tests.gateways.asset_client import User
from tests.gateways.authority import Authority, Issued, key_pem
from tests.gateways.exchange import settings, venue_of

HEARD_S_MAX = 60.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


class Seconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@asynccontextmanager
async def shown(authority: Authority, certificate: Certificate) -> AsyncIterator[Venue]:
    """An exchange that shows *certificate*."""
    async with open_exchange(settings(authority.folder)) as exchange:
        yield venue_of(exchange, certificate=certificate)


def serial_at(target: str, authority: Authority) -> int:
    """Which certificate is shown to a new connection."""
    host, _, port = target.partition(":")
    trust = ssl.create_default_context(cafile=authority.file)
    trust.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((host, int(port)), timeout=HEARD_S_MAX) as raw,
        trust.wrap_socket(raw, server_hostname=host) as wire,
    ):
        told = wire.getpeercert()
    assert told is not None
    return int(str(told["serialNumber"]), 16)


async def test_the_api_both_feeds_and_the_asset_service_are_reached_by_who_trusts_the_authority(
    authority: Authority,
) -> None:
    paths = authority.issue().write(authority.folder)
    certificate = Certificate(*paths, clock=system_clock)
    async with (
        shown(authority, certificate) as venue,
        serving(create_app(venue), "127.0.0.1", 0, certificate=certificate) as url,
        serving_asset(AssetService(venue), "127.0.0.1", 0, certificate=certificate) as target,
        Client(url, user_id="alice", ca_file=authority.file) as client,
    ):
        assert url.startswith("https://127.0.0.1:")
        await client.add_event(1, {1: NewMarket(token_ids=("y1", "n1"))})
        await client.deposit("alice", "100")
        async with client.book(1, 1) as book, client.mine() as mine:
            changes, own = book.changes(), mine.changes()
            await client.place(
                NewOrder(
                    event_id=1, market_id=1, token_id="y1", side="buy", price="0.4", quantity=3
                )
            )
            async with asyncio.timeout(HEARD_S_MAX):
                await anext(changes)
                await anext(own)
            assert book.best_bid("y1") is not None
            assert len(mine.orders) == 1
        credentials = ssl_channel_credentials(authority.file.read_bytes())
        async with aio.secure_channel(target, credentials) as channel:
            balance = await User(channel, x_user_id="alice").balance()
        assert balance.cash.available == "98.8"


async def test_who_does_not_trust_the_authority_or_speaks_without_tls_gets_nothing(
    authority: Authority,
) -> None:
    certificate = Certificate(*authority.issue().write(authority.folder), clock=system_clock)
    async with (
        shown(authority, certificate) as venue,
        serving(create_app(venue), "127.0.0.1", 0, certificate=certificate) as url,
    ):
        async with Client(url, deadline_s=0.01, attempt_s=HEARD_S_MAX) as stranger:
            with pytest.raises(Unavailable):
                await stranger.health()
        async with httpx.AsyncClient() as plain:
            with pytest.raises(httpx.TransportError):
                await plain.get(url.replace("https", "http") + "/health", timeout=HEARD_S_MAX)


async def test_a_renewed_certificate_is_shown_to_the_next_connection_and_a_broken_one_never(
    authority: Authority,
) -> None:
    now = Seconds()
    first, second = authority.issue(), authority.issue()
    paths = first.write(authority.folder)
    certificate = Certificate(*paths, clock=system_clock, now_s=now)
    credentials = ssl_channel_credentials(authority.file.read_bytes())
    async with (
        shown(authority, certificate) as venue,
        serving(create_app(venue), "127.0.0.1", 0, certificate=certificate) as url,
        serving_asset(AssetService(venue), "127.0.0.1", 0, certificate=certificate) as target,
        Client(url, user_id="alice", ca_file=authority.file) as client,
    ):

        async def serials() -> tuple[int, int]:
            now.now_s += LOOK_S
            http = await asyncio.to_thread(serial_at, url.partition("//")[2], authority)
            await client.health()  # over a connection that stays
            return http, await asyncio.to_thread(serial_at, target, authority)

        assert await serials() == (first.certificate.serial_number,) * 2
        paths[1].write_bytes(key_pem(second.key))
        assert await serials() == (first.certificate.serial_number,) * 2
        second.write(authority.folder)
        assert await serials() == (second.certificate.serial_number,) * 2
        paths[0].unlink()
        assert await serials() == (second.certificate.serial_number,) * 2
        async with aio.secure_channel(target, credentials) as channel:
            await User(channel, x_user_id="alice").balance()


def _missing(issued: Issued, paths: tuple[Path, Path]) -> None:
    paths[1].unlink()


def _folder(issued: Issued, paths: tuple[Path, Path]) -> None:
    paths[0].unlink()
    paths[0].mkdir()


def _nonsense(issued: Issued, paths: tuple[Path, Path]) -> None:
    paths[0].write_text("certificate")


def _swapped(issued: Issued, paths: tuple[Path, Path]) -> None:
    paths[1].write_bytes(paths[0].read_bytes())


def _password(issued: Issued, paths: tuple[Path, Path]) -> None:
    paths[1].write_bytes(key_pem(issued.key, b"secret"))


def _foreign_key(issued: Issued, paths: tuple[Path, Path]) -> None:
    paths[1].write_bytes(key_pem(ec.generate_private_key(ec.SECP256R1())))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_missing, "exchange-key.pem: No such file or directory"),
        (_folder, "exchange.pem: Is a directory"),
        (_nonsense, "exchange.pem is no certificate in PEM"),
        (_swapped, "exchange-key.pem is no private key in PEM"),
        (_password, "exchange-key.pem asks for a password"),
        (_foreign_key, "exchange-key.pem is not the key of the certificate"),
    ],
)
async def test_files_that_cannot_be_shown_stop_the_start_with_words(
    authority: Authority, spoil: Callable[[Issued, tuple[Path, Path]], None], says: str
) -> None:
    issued = authority.issue()
    paths = issued.write(authority.folder)
    spoil(issued, paths)
    chosen = settings(authority.folder, TLS_CERT_FILE=str(paths[0]), TLS_KEY_FILE=str(paths[1]))
    with pytest.raises(SettingsError, match="TLS_CERT_FILE, TLS_KEY_FILE") as caught:
        async with open_entrance(chosen):
            pass
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("days", "says"), [((-30, -1), "expired on"), ((1, 30), "does not count before")]
)
async def test_a_certificate_that_does_not_count_now_stops_the_start(
    authority: Authority, days: tuple[float, float], says: str
) -> None:
    paths = authority.issue(days=days).write(authority.folder)
    chosen = settings(authority.folder, TLS_CERT_FILE=str(paths[0]), TLS_KEY_FILE=str(paths[1]))
    with pytest.raises(SettingsError, match=says):
        certificate_of(chosen)


@pytest.mark.parametrize("name", ["TLS_CERT_FILE", "TLS_KEY_FILE"])
def test_a_certificate_without_its_key_is_refused_as_a_setting(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="TLS takes both"):
        settings(tmp_path, **{name: "exchange.pem"})


async def test_ready_and_the_metrics_say_when_the_certificate_expires(
    authority: Authority,
) -> None:
    issued = authority.issue(days=(-1, 9.5))
    certificate = Certificate(*issued.write(authority.folder), clock=system_clock)
    async with (
        shown(authority, certificate) as venue,
        serving(create_app(venue), "127.0.0.1", 0, certificate=certificate) as url,
        httpx.AsyncClient(
            base_url=url, verify=ssl.create_default_context(cafile=authority.file)
        ) as client,
    ):
        ready = (await client.get("/ready")).json()
        assert ready["ready"]
        assert "the certificate expires in 9 days" in ready["reason"]
        metrics = (await client.get("/metrics")).text
    at_s = issued.certificate.not_valid_after_utc.timestamp()
    [line] = [
        one for one in metrics.splitlines() if one.startswith("pmengine_tls_certificate_expires")
    ]
    assert float(line.split()[1]) == at_s


async def test_status_asks_an_exchange_in_one_process_over_tls_whatever_it_is_called(
    authority: Authority,
) -> None:
    paths = authority.issue().write(authority.folder)
    certificate = Certificate(*paths, clock=system_clock)
    async with (
        shown(authority, certificate) as venue,
        serving(create_app(venue), "127.0.0.1", 0, certificate=certificate) as url,
    ):
        port = url.rpartition(":")[2]
        told = {"TLS_CERT_FILE": str(paths[0]), "TLS_KEY_FILE": str(paths[1])}
        asked = settings(authority.folder, API_HOST="localhost", API_PORT=port, **told)
        [seen] = await survey(asked, system_clock)
    [up] = seen.services
    assert (up.url, up.state) == (f"https://localhost:{port}", "ready")
