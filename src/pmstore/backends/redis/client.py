"""Calls to Redis over connections that the stores of one event loop share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self
from weakref import WeakKeyDictionary

from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
)

from pmstore.backends.redis.config import RedisConfig
from pmstore.backends.redis.errors import answered, is_answer, lost, reason, refused
from pmstore.backends.redis.link import Address, Link, packed
from pmstore.backends.redis.pool import Pool
from pmstore.backends.redis.scripts import Argument, Script
from pmstore.backends.redis.topology import topology_of
from pmstore.errors import CorruptData, StoreClosed, StoreUnavailable

_REDIRECTIONS_MAX: Final = 5
_WAITING_MAX: Final = 1000
"""Connections at most that wait for entries or messages."""

_CONFIRM_STEP_MS_MAX: Final = 50
"""How often, at least, replicas are asked what is on their disks."""

_SETTLE_S_MAX: Final = 1.0
"""For how long a cancelled write waits for the server to say that it is over."""

_ELSEWHERE: Final = (ClusterDownError, ReadOnlyError)
"""Answers of a server that is not, or no longer, the one for our keys."""

Words = tuple[Sequence[bytes | str], Sequence[Argument]]
"""Keys and arguments of a script."""

_Pools = dict[Address, Pool]

Confirm = Callable[[Link, Any], Awaitable[None]]
"""Sees an answer on the connection that it came on."""


class RedisClient:
    """
    Calls to one Redis, standalone, cluster (one shard of it) or behind sentinels.

    Nothing is ever sent twice: only an answer that says that a call was not carried out
    (the wrong node, a script that is not known there) lets it be sent again. Every call
    ends within its time; one that is cancelled or not answered costs its connection.

    Entered several times it is left when the last one leaves. It belongs to one event loop.

    Args:
        config: Where and how; its prefix and what it says of stores is not used here.
    """

    def __init__(self, config: RedisConfig) -> None:
        self.where = f"{config.scheme}://{config.address[0]}:{config.address[1]}/{config.database}"
        """The server in words, without secrets."""
        self.timeout_s = config.timeout_s
        """Seconds within which a call ends."""
        self._config = config
        self._topology = topology_of(config)
        self._calling: _Pools = {}
        self._waiting: _Pools = {}
        self._entered = 0
        self._entering = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """
        Open the first connections.

        Raises:
            StoreUnavailable: Nobody answers, or not to us.
        """
        return await self.open()

    async def open(self, *, reachable: bool = True) -> Self:
        """
        As entering; left as what is entered.

        Args:
            reachable: Whether the server must be there now.
        """
        async with self._entering:
            if self._entered == 0:
                try:
                    async with asyncio.timeout(self._config.timeout_s):
                        pool = await self._pool(self._calling, self._config.pool_size)
                        await pool.warm(max(1, self._config.min_idle_conns))
                except (RedisError, OSError) as error:
                    self._topology.forget()
                    if reachable:
                        await self._close()
                        raise refused(error, self.where) from error
                except BaseException:
                    await self._close()
                    raise
            self._entered += 1
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._entered -= 1
        if self._entered == 0:
            _shared().pop(self._config.connections_key, None)
            await self._close()

    async def call(self, *command: Argument, writes: bool = True) -> Any:
        """
        Send one command; its answer as Redis gives it in RESP2, texts as bytes.

        Args:
            command: Its words.
            writes: Whether it can change anything: whether an outcome can be unknown.

        Raises:
            StoreUnavailable: No answer, or a refusal; `outcome` says whether it happened.
            CorruptData: A key holds a value of another kind than it must.
        """
        timeout_s = self._config.timeout_s
        data = packed(command)
        return await self._exchange(self._calling, lambda _: data, writes, timeout_s)

    async def run(
        self, script: Script, keys: Sequence[bytes | str], args: Sequence[Argument]
    ) -> Any:
        """
        Run a script; answer and errors as for `call`.

        One round trip; two where the server sees the script for the first time.
        """
        try:
            return await self.run_there(script, lambda _: (keys, args))
        except CorruptData as error:
            names = ", ".join(key if isinstance(key, str) else key.decode() for key in keys)
            message = str(error).removeprefix(f"{error.where}: ")
            raise CorruptData(message, where=f"{error.where} {names}") from error

    async def run_durably(
        self,
        script: Script,
        keys: Sequence[bytes | str],
        args: Sequence[Argument],
        *,
        wrote: bytes,
        replicas: int,
    ) -> Any:
        """
        Run a script; if its answer begins with *wrote*, until it is on disks.

        These are the server's own and those of *replicas* of it; asked on the connection that
        wrote, since a server counts from there. Other calls do not wait for that connection.

        Raises:
            StoreUnavailable: Also with an unknown outcome, if fewer say so within four fifths
                of `timeout_s`: the server has it, and a failover may lose it.
        """
        wait_ms = max(1, int(self.timeout_s * 800))

        async def confirm(link: Link, answer: Any) -> None:
            if answer[0] == wrote:
                await _confirmed(link, replicas, wait_ms, self.where)

        return await self.run_there(script, lambda _: (keys, args), confirm)

    async def run_there(
        self, script: Script, words: Callable[[str], Words], confirm: Confirm | None = None
    ) -> Any:
        """
        Run a script with the keys and arguments that *words* makes for a server's incarnation.

        Whatever restarts meanwhile, they are those for the server that runs it. *confirm* is
        called with its answer and the connection that it came on, before that is lent again.
        """
        timeout_s = self._config.timeout_s
        pools = self._calling if confirm is None else self._waiting
        try:
            return await self._exchange(
                pools,
                lambda it: packed(script.by_sha(*words(it))),
                script.writes,
                timeout_s,
                confirm,
            )
        except NoScriptError:
            # It was not run, so running it now is no repetition.
            return await self._exchange(
                pools,
                lambda it: packed(script.in_full(*words(it))),
                script.writes,
                timeout_s,
                confirm,
            )

    async def wait(self, *command: Argument, wait_s: float) -> Any:
        """
        Send a reading command that the server may answer after *wait_s* seconds.

        On a connection that no other call waits for; answer and errors as for `call`.
        """
        timeout_s = self._config.timeout_s + wait_s
        data = packed(command)
        return await self._exchange(self._waiting, lambda _: data, False, timeout_s)

    async def connect(self) -> Link:
        """
        A connection of the caller's own, who closes it.

        Raises:
            StoreUnavailable: Nobody answers, or not to us.
        """
        try:
            async with asyncio.timeout(self._config.timeout_s):
                return await self._open(await self._topology.address())
        except (RedisError, OSError) as error:
            self._topology.forget()
            raise refused(error, self.where) from error

    async def _exchange(
        self,
        pools: _Pools,
        command: Callable[[str], bytes],
        writes: bool,
        timeout_s: float,
        confirm: Confirm | None = None,
    ) -> Any:
        if self._entered == 0:
            raise StoreClosed(f"the client of {self.where} is closed")
        size = self._config.pool_size if pools is self._calling else _WAITING_MAX
        sent = False
        try:
            async with asyncio.timeout(timeout_s) as timeout:
                for _ in range(_REDIRECTIONS_MAX):
                    pool = await self._pool(pools, size)
                    link = await pool.take()
                    try:
                        data = command(link.incarnation)
                        sent = True
                        if not writes:
                            return await link.ask(data)
                        answer = await _settled(link, data, timeout)
                        if confirm is not None:
                            await confirm(link, answer)
                        return answer
                    except AskError as moved:
                        sent = False
                        if not isinstance(moved, MovedError):
                            raise
                        self._topology.learn((moved.host or link.address[0], moved.port))
                    finally:
                        await pool.give(link)
                raise ClusterDownError("the nodes send us to each other and nobody answers")
        except NoScriptError:
            raise
        except (RedisError, OSError) as error:
            if not sent or isinstance(error, _ELSEWHERE):
                self._topology.forget()
            if not sent:
                raise refused(error, self.where) from error
            if is_answer(error):
                raise answered(error, self.where, writes=writes) from error
            raise lost(error, self.where, writes=writes) from error

    async def _pool(self, pools: _Pools, size: int) -> Pool:
        address = await self._topology.address()
        pool = pools.get(address)
        if pool is None:
            pool = pools[address] = Pool(lambda: self._open(address), size)
            # Who serves our keys no more may do so again, as another incarnation.
            await self._leave_all_but(address)
        return pool

    async def _open(self, address: Address) -> Link:
        link = Link(self._config, address)
        await link.open()
        try:
            await self._topology.check(link)
        except BaseException:
            await link.drop()
            raise
        return link

    async def _leave_all_but(self, address: Address) -> None:
        """Close the connections to servers that serve our keys no more."""
        for pools in (self._calling, self._waiting):
            left = [pools.pop(other) for other in list(pools) if other != address]
            for pool in left:
                await pool.close()

    async def _close(self) -> None:
        pools = [*self._calling.values(), *self._waiting.values()]
        self._calling.clear()
        self._waiting.clear()
        for pool in pools:
            await pool.close()


async def _confirmed(link: Link, replicas: int, wait_ms: int, where: str) -> None:
    """Wait until what *link* wrote is on the disks of its server and of *replicas*."""
    # A replica tells what it has when it is asked, and has it a moment later: one that was asked
    # once says it with its next heartbeat, a second later. So it is asked again and again.
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_ms / 1000
    step_ms = 1
    while True:
        try:
            local, there = await link.ask(packed(("WAITAOF", 1, replicas, step_ms)))
        except (RedisError, OSError) as error:
            # Whatever was said to it, the write before it has happened.
            raise StoreUnavailable(
                f"{where}: it was written, and nobody knows whether it is on disks: {reason(error)}"
            ) from error
        if local >= 1 and there >= replicas:
            return
        if loop.time() >= deadline:
            raise StoreUnavailable(
                f"{where}: it was written, and is on the disks of "
                f"{'the server' if local else 'no server'} and {there} of {replicas} replicas"
            )
        step_ms = min(2 * step_ms, _CONFIRM_STEP_MS_MAX)


async def _settled(link: Link, data: bytes, timeout: asyncio.Timeout) -> Any:
    """
    The answer to a write; a cancelled one has happened or has not when this ends.

    Without that, the server might do it after somebody saw that it was not done.
    """
    asking = asyncio.ensure_future(link.ask(data))
    asking.add_done_callback(_retrieved)
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        try:
            if not timeout.expired():
                await asyncio.wait((asking,), timeout=_SETTLE_S_MAX)
        finally:
            if not asking.done():
                asking.cancel()
                await link.drop()
        raise
    finally:
        del asking  # it may hold an error that holds this frame


def _retrieved(asking: asyncio.Future[Any]) -> None:
    if not asking.cancelled():
        asking.exception()


_clients: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, dict[object, RedisClient]]] = (
    WeakKeyDictionary()
)


def _shared() -> dict[object, RedisClient]:
    """The clients of the running event loop."""
    return _clients.setdefault(asyncio.get_running_loop(), {})


def client_of(config: RedisConfig) -> RedisClient:
    """The client that all stores of the running event loop share that reach the same server."""
    clients = _shared()
    client = clients.get(config.connections_key)
    if client is None:
        client = clients[config.connections_key] = RedisClient(config)
    return client
