"""What all tests share: the code they run on, how Hypothesis runs, and real servers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import settings

from pmengine.compiled import describe, is_compiled
from pmstore.testing.servers import (
    PostgresServer,
    RedisCluster,
    RedisServer,
    ServerMissing,
    find_postgres,
    find_redis,
)
from tests.given_servers import GivenServer
from tests.page.chromium import ChromiumMissing, find_chromium

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a script: tests press Ctrl-C in processes of their own.
    signal.signal(signal.SIGINT, signal.default_int_handler)

_CODE = "compiled" if is_compiled() else "interpreted"

# No deadline: a shared machine is slow now and then, and that is no failure of the code.
settings.register_profile("pmstore", deadline=None, print_blob=True)
settings.load_profile("pmstore")


def pytest_configure() -> None:
    """Refuse to test other code than `PM_CODE` asks for."""
    asked = os.environ.get("PM_CODE", "")
    if asked and asked != _CODE:
        raise pytest.UsageError(f"PM_CODE={asked}, but what is installed is {describe()}")


def pytest_report_header() -> list[str]:
    """Which code is tested, and on which servers."""
    lines = [f"code: {describe()}"]
    for name, find in (("PM_REDIS_URL", find_redis), ("PM_POSTGRES_URL", find_postgres)):
        try:
            program = str(find())
        except ServerMissing as missing:
            program = str(missing)
        given = os.environ.get(name)
        lines.append(
            f"server: {program}" + (f"; {name}: {urlsplit(given).hostname}" if given else "")
        )
    try:
        lines.append(f"browser: {find_chromium()}")
    except ChromiumMissing as missing:
        lines.append(f"browser: {missing}")
    return lines


@pytest.fixture(scope="session")
def redis_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RedisServer | GivenServer]:
    """A Redis for all tests of this process: the one that `PM_REDIS_URL` names, or our own."""
    if url := os.environ.get("PM_REDIS_URL"):
        yield GivenServer(url)
        return
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """A Redis Cluster of our own for all tests of this process."""
    with RedisCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[PostgresServer | GivenServer]:
    """A PostgreSQL for all tests of this process: `PM_POSTGRES_URL`'s, or our own."""
    if url := os.environ.get("PM_POSTGRES_URL"):
        yield GivenServer(url)
        return
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server
