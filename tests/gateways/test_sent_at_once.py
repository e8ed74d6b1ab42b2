"""An answer is sent at once: no socket of the server holds small pieces back."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

from tests.gateways.exchange import Running


def sockets() -> Iterator[socket.socket]:
    """A copy of every socket of this process."""
    for name in os.listdir("/dev/fd"):
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as one:
            yield one


async def test_accepted_connections_do_not_wait_for_acknowledgements(running: Running) -> None:
    await running.done("GET", "/events")
    port = int(running.url.rpartition(":")[2])
    found = []
    for one in sockets():
        with suppress(OSError):
            if one.family == socket.AF_INET and one.getsockname()[1] == port and one.getpeername():
                found.append(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    assert found
    assert all(found)
