"""A throw-away Redis Cluster of three masters."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import redis

from pmstore.testing.servers.process import ServerFailed
from pmstore.testing.servers.redis import RedisServer

_MASTERS: Final = 3
_SLOTS: Final = 16_384
_READY_S_MAX: Final = 60.0


class RedisCluster:
    """
    Three masters that share all slots, each a `RedisServer`.

    Args:
        folder: Where the nodes keep their data.
        options: Further arguments of every node's program.
    """

    def __init__(self, folder: Path, *, options: Sequence[str] = ()) -> None:
        self.nodes = [
            RedisServer(
                folder / f"node-{number}",
                options=("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", *options),
            )
            for number in range(_MASTERS)
        ]

    @property
    def url(self) -> str:
        """`redis+cluster://127.0.0.1:port` of the first node."""
        return f"redis+cluster://{self.nodes[0].host}:{self.nodes[0].port}"

    def __str__(self) -> str:
        return f"cluster of {_MASTERS}, {self.nodes[0]}"

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as started:
            for node in self.nodes:
                started.enter_context(node)
            self._join()
            started.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for node in self.nodes:
            node.stop()

    def _join(self) -> None:
        """Give each node its share of the slots and let all know each other."""
        share = -(-_SLOTS // _MASTERS)
        with contextlib.ExitStack() as connections:
            clients = [
                connections.enter_context(redis.Redis(host=node.host, port=node.port, protocol=2))
                for node in self.nodes
            ]
            for number, client in enumerate(clients):
                last = min((number + 1) * share, _SLOTS) - 1
                _do(client, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
                _do(client, "CLUSTER", "ADDSLOTSRANGE", number * share, last)
            # A node that knows another one takes no epoch any more.
            for client in clients:
                for other in self.nodes:
                    _do(client, "CLUSTER", "MEET", other.host, other.port)
            deadline = time.monotonic() + _READY_S_MAX
            while not all(_joined(client) for client in clients):
                if time.monotonic() > deadline:
                    raise ServerFailed("the nodes of the cluster do not find each other")
                time.sleep(0.05)


def _joined(client: redis.Redis) -> bool:
    said = _do(client, "CLUSTER", "INFO")
    text = said.decode() if isinstance(said, bytes) else str(said)
    return "cluster_state:ok" in text and f"cluster_known_nodes:{_MASTERS}" in text


def _do(client: redis.Redis, *command: Any) -> Any:
    # redis-py does not type this method.
    return client.execute_command(*command)  # type: ignore[no-untyped-call]
