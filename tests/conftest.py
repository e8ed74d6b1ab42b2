"""What all tests share: the code they run on, where they write, and real servers."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final
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

# As `pmengine.gateways.grpc` says, but tests import gRPC before it: some copies of this process,
# which other tests make, would be killed by what gRPC does at a fork.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

_CODE = "compiled" if is_compiled() else "interpreted"

# No deadline: a shared machine is slow now and then, and that is no failure of the code.
settings.register_profile("pmstore", deadline=None, print_blob=True)
settings.load_profile("pmstore")


_MEMORY: Final = Path("/dev/shm")
_MEMORY_BYTES_MIN: Final = 4 * 1024**3
_LONG_S_MAX: Final = 400
_FOLDERS: Final = "PYTEST_DEBUG_TEMPROOT"
"""Where pytest makes the folders of tests."""


def pytest_configure() -> None:
    """Refuse to test other code than `PM_CODE` asks for, and say where tests write."""
    asked = os.environ.get("PM_CODE", "")
    if asked and asked != _CODE:
        raise pytest.UsageError(f"PM_CODE={asked}, but what is installed is {describe()}")
    if os.environ.get("PM_FOLDERS", "memory") == "memory" and _has_memory():
        # Thousands of tests wait for a disk otherwise. Who dies there is a process, not the
        # machine: what it had written is there, synced or not.
        os.environ.setdefault(_FOLDERS, str(_MEMORY))


def _has_memory() -> bool:
    if not (_MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)):
        return False
    with open("/proc/meminfo", encoding="ascii") as told:
        words = dict(line.split(":", 1) for line in told)
    available = int(words.get("MemAvailable", "0 kB").split()[0]) * 1024
    if min(available // 2, shutil.disk_usage(_MEMORY).free) < _MEMORY_BYTES_MIN:
        return False
    return not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC  # tests write programs and run them


def pytest_unconfigure() -> None:
    """Let go what tests froze as services do: it would be listed as leaked at the exit."""
    gc.unfreeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write what failed, and why in a line, to the end of the file that `PM_FAILED` names."""
    path = os.environ.get("PM_FAILED")
    if not path or "PYTEST_XDIST_WORKER" in os.environ:
        return
    with open(path, "a", encoding="utf-8") as file:
        for report in [
            *terminalreporter.getreports("failed"),
            *terminalreporter.getreports("error"),
        ]:
            lines = report.longreprtext.splitlines()
            said = [line[1:].strip() for line in lines if line.startswith("E  ")]
            why = [line for line in said if line and not line.startswith("Use -v")] or lines[-1:]
            file.write(f"{report.nodeid}\n")
            file.writelines(f"    {line[:300]}\n" for line in dict.fromkeys((*why[:1], *why[-1:])))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give those that start processes the time of a slow machine."""
    for item in items:
        long = item.get_closest_marker("slow") or item.get_closest_marker("crash")
        if long and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_LONG_S_MAX))


def pytest_report_header() -> list[str]:
    """Which code is tested, where, and on which servers."""
    lines = [f"code: {describe()}", f"folders: {os.environ.get(_FOLDERS, 'on disk')}"]
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
    # What it has written down twice is soon let go: it may lie in memory.
    options = ("-c", "max_wal_size=256MB", "-c", "autovacuum_naptime=1h")
    with PostgresServer(tmp_path_factory.mktemp("postgres"), options=options) as server:
        yield server
