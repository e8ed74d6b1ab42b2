"""A small order server and the store that is its client, to try the kit on sockets."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import struct
import threading
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, Final, Self

from pmstore.backends.memory import MemoryOrderStore
from pmstore.errors import StoreUnavailable, WriteOutcome
from pmstore.models.order import Order
from pmstore.models.position import Position
from pmstore.models.query import OrderQuery, Page
from pmstore.protocols.positioned import Applied
from pmstore.storage.lifetime import Lifetime

_LENGTH: Final = struct.Struct("!I")
_TIMEOUT_S: Final = 1.0

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Overwritable(MemoryOrderStore):
    """A store that can also be told to forget what it knows."""

    async def overwrite(self, orders: Sequence[Order], /) -> None:
        """Save orders whatever version is known."""
        for one in orders:
            if one.id in self._orders:
                self._discard(self._orders[one.id])
        await self.save(orders)


class OrderServer:
    """Serves a memory order store for each place, in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._stores: dict[str, MemoryOrderStore] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server
        self.host: Final = "127.0.0.1"
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, call: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(call, self._loop).result(10)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._connected, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                place, verb, positional, named = await _receive(reader)
                store = self._stores.setdefault(place, _Overwritable())
                async with store:
                    try:
                        answer = True, await getattr(store, verb)(*positional, **named)
                    except Exception as error:
                        answer = False, error
                _send(writer, answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


def _send(writer: asyncio.StreamWriter, message: object) -> None:
    text = pickle.dumps(message)
    writer.write(_LENGTH.pack(len(text)) + text)


async def _receive(reader: asyncio.StreamReader) -> Any:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return pickle.loads(await reader.readexactly(length))


class ServedOrderStore(Lifetime):
    """Orders on an `OrderServer`, by a pool of connections; keeps every law."""

    timeout_s: float | None = _TIMEOUT_S

    def __init__(self, host: str, port: int, place: str) -> None:
        super().__init__()
        self._address = (host, port)
        self._place = place
        self._idle: list[Connection] = []
        self._dead = False

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        await super().__aexit__(exc_type, exc, traceback)
        self.drop()

    def drop(self) -> None:
        """Close every connection that nobody uses."""
        for connection in self._idle:
            self._discard(connection)
        self._idle.clear()

    def die(self) -> None:
        """Send nothing any more, as a process that was killed."""
        self._dead = True
        self._opened = False
        self.drop()

    async def save(self, orders: Sequence[Order], /) -> None:
        """See `OrderStore.save`."""
        self.check_call(len(orders))
        await self._call("save", orders)

    async def get(self, ids: Sequence[str], /) -> dict[str, Order]:
        """See `OrderStore.get`."""
        self.check_call(len(ids))
        found: dict[str, Order] = await self._call("get", ids)
        return found

    async def remove(self, versions: Sequence[tuple[str, int]], /) -> int:
        """See `OrderStore.remove`."""
        self.check_call(len(versions))
        count: int = await self._call("remove", versions)
        return count

    async def find(self, query: OrderQuery, /) -> Page[Order]:
        """See `OrderStore.find`."""
        self.check_call()
        page: Page[Order] = await self._call("find", query)
        return page

    async def apply(
        self, changes: Sequence[Order], /, *, source: str, position: Position
    ) -> Applied:
        """See `Positioned.apply`."""
        self.check_call(len(changes))
        answer: Applied = await self._call("apply", changes, source=source, position=position)
        return answer

    async def position(self, source: str, /) -> Position | None:
        """See `Positioned.position`."""
        self.check_call()
        at: Position | None = await self._call("position", source)
        return at

    async def _call(self, verb: str, *positional: Any, **named: Any) -> Any:
        connection = await self._connection()
        reader, writer = connection
        try:
            _send(writer, (self._place, verb, positional, named))
            async with asyncio.timeout(self.timeout_s):
                fine, answer = await _receive(reader)
        except (OSError, EOFError) as error:
            self._discard(connection)
            raise StoreUnavailable(f"{verb} was not answered: {error!r}") from error
        except BaseException:
            # Cancelled: an answer that nobody waits for may come on this connection.
            self._cancelled(connection)
            raise
        if self._opened:
            self._idle.append(connection)
        else:
            self._discard(connection)
        if not fine:
            raise answer
        return answer

    async def _connection(self) -> Connection:
        if self._dead:
            raise StoreUnavailable("dead", outcome=WriteOutcome.NOT_APPLIED)
        if self._idle:
            return self._idle.pop()
        try:
            async with asyncio.timeout(self.timeout_s):
                return await asyncio.open_connection(*self._address)
        except OSError as error:
            raise StoreUnavailable(f"{error}", outcome=WriteOutcome.NOT_APPLIED) from error

    def _cancelled(self, connection: Connection) -> None:
        self._discard(connection)

    def _discard(self, connection: Connection) -> None:
        with contextlib.suppress(RuntimeError):
            connection[1].transport.abort()
