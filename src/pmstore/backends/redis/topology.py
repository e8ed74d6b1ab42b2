"""Which server serves our keys: the one, the owner of a slot, or the sentinels' master."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from redis.crc import key_slot
from redis.exceptions import ReadOnlyError, RedisError

from pmstore.backends.redis.config import RedisConfig
from pmstore.backends.redis.link import Address, Link, packed

_NODES_MAX: Final = 64
"""Nodes that are asked for the owner of a slot at most."""


class Topology(Protocol):
    """Finds the server that serves our keys."""

    async def address(self) -> Address:
        """Where it is now; asked for again after `forget`."""
        ...

    def forget(self) -> None:
        """It was not there, or not the right one: look again before the next connection."""
        ...

    def learn(self, address: Address) -> None:
        """A server said that this one is it."""
        ...

    async def check(self, link: Link) -> None:
        """
        Refuse a connection to a server that is not the one it should be.

        Raises:
            ReadOnlyError: It is a replica.
        """
        ...


def topology_of(config: RedisConfig) -> Topology:
    """The topology that a scheme means."""
    if config.is_cluster:
        return OwnerOfSlot(config)
    if config.is_sentinel:
        return SentinelsMaster(config)
    return OneServer(config)


class OneServer:
    """The server that the URL names."""

    def __init__(self, config: RedisConfig) -> None:
        self._address = config.address

    async def address(self) -> Address:
        return self._address

    def forget(self) -> None:
        """There is no other."""

    def learn(self, address: Address) -> None:
        """
        Refuse: a server that sends us elsewhere is a node of a cluster.

        Raises:
            RedisError: Says which scheme is right.
        """
        raise RedisError("this server is a node of a cluster: write redis+cluster:// for redis://")

    async def check(self, link: Link) -> None:
        """Whatever it is, the URL names it."""


class OwnerOfSlot:
    """The master that owns the slot of our shard's tag."""

    def __init__(self, config: RedisConfig) -> None:
        self._config = config
        self._slot = key_slot(config.key_prefix.encode())
        self._nodes: list[Address] = [config.address]
        self._owner: Address | None = None

    async def address(self) -> Address:
        if self._owner is None:
            self._owner = await _first_answer(self._config, self._nodes, self._ask)
        return self._owner

    def forget(self) -> None:
        self._owner = None

    def learn(self, address: Address) -> None:
        self._owner = address
        self._know(address)

    async def check(self, link: Link) -> None:
        """A node that does not own the slot says so itself."""

    async def _ask(self, link: Link) -> Address:
        owner: Address | None = None
        for first, last, *nodes in await link.ask(packed(("CLUSTER", "SLOTS"))):
            for at, node in enumerate(nodes):
                # A node that does not know its own name means the one that was asked.
                address = (node[0].decode() or link.address[0], int(node[1]))
                self._know(address)
                if at == 0 and first <= self._slot <= last:
                    owner = address
        if owner is None:
            raise RedisError(f"no node of the cluster serves slot {self._slot}")
        return owner

    def _know(self, address: Address) -> None:
        if address not in self._nodes and len(self._nodes) < _NODES_MAX:
            self._nodes.append(address)


class SentinelsMaster:
    """The master that the sentinels agree on."""

    def __init__(self, config: RedisConfig) -> None:
        self._config = config
        self._sentinels = [config.address, *config.further_sentinels]
        self._master: Address | None = None

    async def address(self) -> Address:
        if self._master is None:
            self._master = await _first_answer(
                self._config, self._sentinels, self._ask, anonymous=True
            )
        return self._master

    def forget(self) -> None:
        self._master = None

    def learn(self, address: Address) -> None:
        """
        Refuse: there is no cluster behind sentinels.

        Raises:
            RedisError: Always.
        """
        raise RedisError("a node of a cluster answered where the sentinels' master was expected")

    async def check(self, link: Link) -> None:
        """A master that came back as a replica would answer from the past."""
        role: Sequence[Any] = await link.ask(packed(("ROLE",)))
        if role[0] != b"master":
            raise ReadOnlyError("the sentinels' master is a replica now")

    async def _ask(self, link: Link) -> Address:
        name = self._config.master
        said = await link.ask(packed(("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)))
        if said is None:
            raise RedisError(f"the sentinel knows no master called {name!r}")
        return said[0].decode(), int(said[1])


async def _first_answer(
    config: RedisConfig,
    nodes: list[Address],
    ask: Callable[[Link], Awaitable[Address]],
    *,
    anonymous: bool = False,
) -> Address:
    """What the first of *nodes* answers that can be asked; the others go behind it."""
    failed: Exception | None = None
    share_s = config.timeout_s / (len(nodes) + 1)
    for node in tuple(nodes):
        link = Link(config, node, anonymous=anonymous)
        try:
            # A frozen node must leave time to ask the next one.
            async with asyncio.timeout(share_s):
                await link.open()
                return await ask(link)
        except (RedisError, OSError) as error:
            failed = failed or error
            nodes.remove(node)
            nodes.append(node)
        finally:
            await link.drop()
    assert failed is not None, "there is at least one node"
    raise failed
