"""The fault proxy loses, holds, delays and cuts exactly what its script says."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from pmstore.testing.fault_proxy import FaultProxy, Script


class _Echo(socketserver.BaseRequestHandler):
    """Answers each request with itself, and notes it."""

    def handle(self) -> None:
        while part := self.request.recv(65_536):
            self.server.seen.append(part)  # type: ignore[attr-defined]
            self.request.sendall(part)


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        self.seen: list[bytes] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """A reset is what these tests are about."""


@pytest.fixture
def server() -> Iterator[EchoServer]:
    with EchoServer() as echo:
        thread = threading.Thread(target=echo.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield echo
        echo.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: EchoServer) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", server.server_address[1]) as one:
        yield one


def connected(proxy: FaultProxy) -> closing[socket.socket]:
    connection = socket.create_connection((proxy.host, proxy.port), timeout=60)
    return closing(connection)


def asked(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    return connection.recv(65_536)


def everything(connection: socket.socket) -> None:
    """Read until the end."""
    while connection.recv(10):
        pass


def wait_until_seen(server: EchoServer, request: bytes) -> None:
    deadline = time.monotonic() + 60
    while request not in server.seen:
        assert time.monotonic() < deadline, f"the server never saw {request!r}"
        time.sleep(0.001)


def test_a_healthy_proxy_forwards_both_ways(proxy: FaultProxy) -> None:
    with connected(proxy) as one, connected(proxy) as other:
        assert asked(one, b"a") == b"a"
        assert asked(other, b"b") == b"b"
    assert proxy.connections == 2
    assert not proxy.fired


def test_a_lost_request_never_reaches_the_server(server: EchoServer, proxy: FaultProxy) -> None:
    with connected(proxy) as connection:
        assert asked(connection, b"before") == b"before"
        proxy.play(Script(lose_request=2))
        assert asked(connection, b"first") == b"first"
        with pytest.raises(ConnectionResetError):
            asked(connection, b"second")
    assert proxy.fired
    assert server.seen == [b"before", b"first"]
    with connected(proxy) as connection:
        assert asked(connection, b"later") == b"later", "the script was for one reset"


def test_a_lost_answer_is_lost_after_the_server_worked(
    server: EchoServer, proxy: FaultProxy
) -> None:
    proxy.play(Script(lose_answer=1))
    with connected(proxy) as connection, pytest.raises(ConnectionResetError):
        asked(connection, b"done")
    assert server.seen == [b"done"]


def test_a_connection_is_cut_at_a_byte(server: EchoServer, proxy: FaultProxy) -> None:
    proxy.play(Script(cut_requests_after=3))
    with connected(proxy) as connection:
        connection.sendall(b"abcdef")
        with pytest.raises(ConnectionResetError):
            everything(connection)
    assert b"".join(server.seen) in (b"abc", b""), "at most three bytes"


def test_what_is_held_comes_when_the_network_heals(server: EchoServer, proxy: FaultProxy) -> None:
    with connected(proxy) as connection:
        assert asked(connection, b"a") == b"a"
        proxy.play(Script(hold_requests=True))
        connection.sendall(b"held")
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(10)
        assert server.seen == [b"a"]
        proxy.heal()
        connection.settimeout(60)
        assert connection.recv(10) == b"held"


def test_what_is_held_comes_although_its_client_went_away(
    server: EchoServer, proxy: FaultProxy
) -> None:
    with connected(proxy) as connection:
        assert asked(connection, b"a") == b"a"
        proxy.play(Script(hold_requests=True))
        connection.sendall(b"held")
    proxy.heal()
    wait_until_seen(server, b"held")


def test_held_answers_let_the_server_work(server: EchoServer, proxy: FaultProxy) -> None:
    proxy.play(Script(hold_answers=True))
    with connected(proxy) as connection:
        connection.sendall(b"x")
        wait_until_seen(server, b"x")
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(10)
        proxy.heal()
        connection.settimeout(60)
        assert connection.recv(10) == b"x"


def test_a_refusing_proxy_is_a_port_where_nobody_listens(proxy: FaultProxy) -> None:
    with connected(proxy) as connection:
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((proxy.host, proxy.port), timeout=60)
        assert asked(connection, b"a") == b"a", "those there are go on"
        proxy.cut()
        with pytest.raises(ConnectionError):
            asked(connection, b"b")
    proxy.heal()
    with connected(proxy) as connection:
        assert asked(connection, b"c") == b"c"


def test_scripts_can_be_given_to_the_next_connections_alone(proxy: FaultProxy) -> None:
    proxy.play_on_next([Script(refuse=True), Script(lose_answer=2)])
    with pytest.raises(ConnectionError), connected(proxy) as connection:
        asked(connection, b"a")
    with connected(proxy) as connection:
        assert asked(connection, b"a") == b"a"
        with pytest.raises(ConnectionResetError):
            asked(connection, b"b")
    with connected(proxy) as connection:
        assert asked(connection, b"a") == b"a"


def test_a_delayed_part_comes_later(proxy: FaultProxy) -> None:
    with connected(proxy) as connection:
        proxy.play(Script(delay_s=0.05))
        began = time.monotonic()
        assert asked(connection, b"a") == b"a"
        assert time.monotonic() - began >= 0.1, "there and back"


def test_a_server_that_is_not_there_resets(server: EchoServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with (
            FaultProxy("127.0.0.1", unused.getsockname()[1]) as proxy,
            pytest.raises(ConnectionError),
            connected(proxy) as connection,
        ):
            asked(connection, b"a")
