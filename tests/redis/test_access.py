"""Passwords, users of an access list, and TLS."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmstore.backends.redis import RedisOrderStore
from pmstore.errors import StoreUnavailable, WriteOutcome
from pmstore.models.query import OrderQuery
from pmstore.testing.samples import order
from pmstore.testing.servers import RedisServer, ServerFailed
from tests.redis.places import here

SECRET = "s3cr%3At-w%2Frd"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that lets in nobody but its users."""
    options = (
        *("--requirepass", "s3cr:t-w/rd"),
        *("--user", "service", "on", ">s3cr:t-w/rd", "~*", "&*", "+@all"),
        *("--user", "reader", "on", ">s3cr:t-w/rd", "~*", "&*", "+@read", "+@connection", "+info"),
        *("--user", "nosy", "on", ">s3cr:t-w/rd", "~*", "&*", "+@all", "-info"),
    )
    with RedisServer(tmp_path / "server", options=options) as server:
        yield server


def url(server: RedisServer, who: str) -> str:
    return f"redis://{who}@{server.host}:{server.port}/0"


@pytest.mark.parametrize("who", [f":{SECRET}", f"service:{SECRET}", f"nosy:{SECRET}"])
async def test_who_has_the_password_gets_in(guarded: RedisServer, who: str) -> None:
    async with RedisOrderStore(here(url(guarded, who))) as orders:
        await orders.save([order(1)])
        assert (await orders.find(OrderQuery())).items == (order(1),)


@pytest.mark.parametrize("who", [":wrong-one", "service:wrong-one", "nobody:wrong-one"])
async def test_who_has_not_is_told_so_without_the_password(guarded: RedisServer, who: str) -> None:
    with pytest.raises(StoreUnavailable, match="WRONGPASS") as caught:
        async with RedisOrderStore(here(url(guarded, who))):
            pass
    assert not caught.value.retryable
    assert caught.value.outcome is WriteOutcome.NOT_APPLIED
    assert "wrong-one" not in repr(caught.value)
    with pytest.raises(StoreUnavailable, match="NOAUTH|Authentication required") as bare:
        async with RedisOrderStore(here(guarded)):
            pass
    assert not bare.value.retryable


async def test_what_a_user_may_not_do_was_not_done(guarded: RedisServer) -> None:
    async with RedisOrderStore(here(url(guarded, f"reader:{SECRET}"))) as orders:
        with pytest.raises(StoreUnavailable, match="NOPERM") as caught:
            await orders.save([order(1)])
        assert not caught.value.retryable
        assert caught.value.outcome is WriteOutcome.NOT_APPLIED
        assert await orders.get(["order_1"]) == {}


def certificates(folder: Path) -> None:
    """A certificate authority of our own, and a certificate of it for localhost."""
    program = shutil.which("openssl")
    assert program is not None, "openssl makes the certificates: install it (apt install openssl)"

    def openssl(*arguments: str) -> None:
        subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)

    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=our own"),
        *("-keyout", "ca.key", "-out", "ca.pem"),
    )
    openssl(
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
        *("-keyout", "server.key", "-out", "server.csr"),
    )
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    openssl(
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
        *("-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem"),
    )


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, int, Path]]:
    """A server, its port for TLS, and the certificates."""
    folder = tmp_path_factory.mktemp("certificates")
    certificates(folder)
    with RedisServer(folder / "plain") as plain:
        port = plain.port
    options = (
        *("--tls-port", str(port), "--tls-auth-clients", "no"),
        *("--tls-cert-file", str(folder / "server.pem")),
        *("--tls-key-file", str(folder / "server.key")),
        *("--tls-ca-cert-file", str(folder / "ca.pem")),
    )
    server = RedisServer(folder / "server", options=options)
    try:
        server.start()
    except ServerFailed as failed:
        if "Failed finding TLS support" not in str(failed):
            raise
        pytest.skip(f"{server} was built without TLS; the distribution's has it")
    yield server, port, folder
    server.stop()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("verify", ["full", "ca", "none"])
@pytest.mark.parametrize("trusted", [True, False])
async def test_only_a_server_that_proves_its_name_is_trusted(
    encrypted: tuple[RedisServer, int, Path], host: str, verify: str, trusted: bool
) -> None:
    _, port, folder = encrypted
    authority = folder / "ca.pem" if trusted else None
    config = here(f"rediss://{host}:{port}/0", tls_verify=verify, tls_ca=authority)
    proven = verify == "none" or (trusted and (verify == "ca" or host == "localhost"))
    if proven:
        async with RedisOrderStore(config) as orders:
            await orders.save([order(1)])
            assert (await orders.find(OrderQuery())).items == (order(1),)
    else:
        with pytest.raises(StoreUnavailable, match="(?i)certificate") as caught:
            async with RedisOrderStore(config):
                pass
        assert caught.value.outcome is WriteOutcome.NOT_APPLIED


async def test_speaking_plainly_to_a_tls_port_is_an_error(
    encrypted: tuple[RedisServer, int, Path],
) -> None:
    _, port, _ = encrypted
    with pytest.raises(StoreUnavailable):
        async with RedisOrderStore(here(f"redis://localhost:{port}/0")):
            pass
