"""One connection to a Redis server, which ends with the first call that was not answered whole."""

from __future__ import annotations

import asyncio
import re
import select
import ssl
from collections.abc import Sequence
from typing import Any, Final

import hiredis
from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from pmstore.backends.redis.config import RedisConfig
from pmstore.backends.redis.scripts import Argument

Address = tuple[str, int]

_RUN_ID: Final = re.compile(rb"^run_id:([0-9a-f]+)", re.MULTILINE)
_HISTORY: Final = re.compile(rb"^master_replid:([0-9a-f]+)", re.MULTILINE)


def packed(command: Sequence[Argument]) -> bytes:
    """A command as it goes over the wire."""
    # Its stub says a tuple of one, and nothing of bytes.
    data: bytes = hiredis.pack_command(tuple(command))  # type: ignore[arg-type]
    return data


class Link:
    """
    One connection, used by one call at a time.

    It never connects again by itself: what the server knew of it (who asks, which server it
    was) is gone with it. A call that is cancelled or fails between its first byte and the
    end of its answer closes it, so that nobody ever reads somebody else's answer.

    Args:
        config: How to connect; its address is not used.
        address: Of the server.
        anonymous: Send no password: to a sentinel.
    """

    def __init__(self, config: RedisConfig, address: Address, *, anonymous: bool = False) -> None:
        self.address = address
        self.incarnation = ""
        """
        Which server is behind it: its `run_id`, new after every start, and the id of its
        history, new after every failover; empty if it does not say.
        """
        kind, options = _kind(config)
        self._connection = kind(
            host=address[0],
            port=address[1],
            db=0 if anonymous else config.database,
            username=None if anonymous else config.user,
            password=None if anonymous else config.password,
            # Redis' own errors are raised once, and every wait is bounded by the caller.
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            socket_connect_timeout=config.timeout_s,
            health_check_interval=0,
            protocol=2,
            legacy_responses=False,
            driver_info=None,
            **options,
        )

    async def open(self) -> None:
        """
        Connect, and ask the server for its incarnation.

        Raises:
            RedisError, OSError: It cannot be reached, or does not let us in.
        """
        try:
            # redis-py does not type this method.
            await self._connection.connect()  # type: ignore[no-untyped-call]
            try:
                about = await self.ask(packed(("INFO", "server", "replication")))
            except NoPermissionError:
                return
            run, history = _RUN_ID.search(about), _HISTORY.search(about)
            if run is not None and history is not None:
                self.incarnation = f"{run[1].decode()}-{history[1].decode()}"
        except BaseException:
            await self.drop()
            raise

    async def ask(self, command: bytes) -> Any:
        """
        Send a packed command and read its answer.

        Raises:
            RedisError, OSError: It was perhaps sent; an error that the server answered is a
                `ResponseError`, and then the connection is whole.
        """
        try:
            await self._connection.send_packed_command([command], check_health=False)
            return await self._connection.read_response(disable_decoding=True)
        except ResponseError as error:
            # The frame of redis-py that raised it holds it: with its traceback it holds itself.
            raise error.with_traceback(None) from None
        except BaseException:
            await self.drop()
            raise

    async def send(self, *command: Argument) -> None:
        """Send a command whose answer `receive` reads: on a connection that subscribes."""
        try:
            await self._connection.send_packed_command([packed(command)], check_health=False)
        except BaseException:
            await self.drop()
            raise

    async def receive(self, wait_s: float) -> Any:
        """
        What the server sends next, None if nothing comes for *wait_s* seconds.

        Cancelling it loses nothing.
        """
        try:
            return await self._connection.read_response(
                disable_decoding=True, timeout=wait_s, disconnect_on_error=False
            )
        except (RedisError, OSError):
            await self.drop()
            raise

    @property
    def is_connected(self) -> bool:
        """Whether nobody closed it on our side."""
        connected: bool = self._connection.is_connected
        return connected

    async def is_usable(self) -> bool:
        """Whether it is connected on both sides, and nothing came that nobody asked for."""
        connection = self._connection
        writer = connection._writer
        if writer is None or not connection.is_connected:
            return False
        # What the event loop has not seen yet counts too: an end, or bytes that nobody awaits.
        descriptor = writer.get_extra_info("socket").fileno()
        if descriptor < 0:
            return False
        unseen = select.poll()
        unseen.register(descriptor, select.POLLIN)
        if unseen.poll(0):
            return False
        try:
            # True at the end of the stream too: the server closed it.
            return not await connection.can_read()
        except (RedisError, OSError):
            return False

    async def drop(self) -> None:
        """Close it without waiting for the other side."""
        await self._connection.disconnect(nowait=True)

    async def close(self) -> None:
        """Close it, and wait until it is closed."""
        try:
            async with asyncio.timeout(1.0):
                await self._connection.disconnect()
        except (RedisError, OSError):
            await self.drop()


def _kind(config: RedisConfig) -> tuple[type[Connection], dict[str, Any]]:
    if not config.is_tls:
        return Connection, {}
    verify = config.tls_verify
    return SSLConnection, {
        "ssl_ca_certs": None if config.tls_ca is None else str(config.tls_ca),
        "ssl_certfile": None if config.tls_cert is None else str(config.tls_cert),
        "ssl_keyfile": None if config.tls_key is None else str(config.tls_key),
        "ssl_cert_reqs": ssl.CERT_NONE if verify == "none" else ssl.CERT_REQUIRED,
        "ssl_check_hostname": verify == "full",
        "ssl_min_version": ssl.TLSVersion.TLSv1_2,
    }
