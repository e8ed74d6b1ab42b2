"""TLS towards a real server, whose certificate an authority of our own has signed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import attrs
import pytest

from pmstore.backends.postgres import PostgresConfig, PostgresOrderStore
from pmstore.errors import StoreUnavailable, WriteOutcome
from pmstore.plugin import config_from
from pmstore.testing.samples import order
from pmstore.testing.servers import PostgresServer, find_postgres
from pmstore.url import parse_url
from tests.postgres.certificates import make_certificates


class Secured(NamedTuple):
    """A server with TLS, and the files of its authority and of a stranger's."""

    config: PostgresConfig
    authority: Path
    stranger: Path


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    program = find_postgres()
    built = subprocess.run(
        [program.path.parent / "pg_config", "--configure"],
        capture_output=True,
        text=True,
        check=True,
    )
    if "ssl" not in built.stdout:
        pytest.skip(f"{program} was built without TLS; the distribution's server has it")
    folder = tmp_path_factory.mktemp("tls")
    own = make_certificates(folder / "own")
    stranger = make_certificates(folder / "stranger")
    options = (
        *("-c", "ssl=on"),
        *("-c", f"ssl_cert_file={own.server}"),
        *("-c", f"ssl_key_file={own.key}"),
    )
    with PostgresServer(folder / "server", options=options) as server:
        config = config_from(PostgresConfig, parse_url(server.url))
        yield Secured(config, own.authority, stranger.authority)


async def encrypted(config: PostgresConfig) -> bool:
    """Whether a store of *config* talks to the server through TLS; raises what opening raises."""
    async with PostgresOrderStore(config) as orders:
        await orders.save([order(1)])
        rows = await orders._client.read("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        answer: bool = rows[0][0]
        return answer


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [("disable", False), ("allow", False), ("prefer", True), ("require", True)],
)
async def test_modes_that_verify_nothing(secured: Secured, mode: str, wanted: bool) -> None:
    """`disable` and `allow` speak plainly where the server allows it; the others encrypt."""
    config = attrs.evolve(secured.config, ssl_mode=mode)
    assert await encrypted(config) is wanted


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_a_known_authority_is_accepted_and_a_strange_one_refused(
    secured: Secured, mode: str
) -> None:
    """The verifying modes accept what the named authority signed for this host, nothing else."""
    named = attrs.evolve(secured.config, host="localhost", ssl_mode=mode)
    assert await encrypted(attrs.evolve(named, ssl_root_cert=secured.authority))
    for wrong in (secured.stranger, secured.authority.with_name("absent.crt")):
        with pytest.raises(StoreUnavailable, match="ssl_root_cert") as raised:
            await encrypted(attrs.evolve(named, ssl_root_cert=wrong))
        assert raised.value.outcome is WriteOutcome.NOT_APPLIED
        assert not raised.value.retryable


async def test_only_verify_full_looks_at_the_host(secured: Secured) -> None:
    """A certificate for another host passes `verify-ca` and not `verify-full`."""
    address = attrs.evolve(secured.config, host="127.0.0.1", ssl_root_cert=secured.authority)
    assert await encrypted(attrs.evolve(address, ssl_mode="verify-ca"))
    with pytest.raises(StoreUnavailable, match="ssl_mode"):
        await encrypted(attrs.evolve(address, ssl_mode="verify-full"))
