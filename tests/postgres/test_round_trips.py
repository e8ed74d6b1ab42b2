"""How often a call waits for the server, counted on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
import pytest

from pmstore.backends.postgres import (
    PostgresAccountStore,
    PostgresConfig,
    PostgresEventStore,
    PostgresOrderStore,
    PostgresTradeStore,
)
from pmstore.models.position import Position
from pmstore.models.query import BalanceQuery, EventQuery, OrderQuery, TradeQuery
from pmstore.testing.samples import balance, event, order, trade


class Wire:
    """Stands between a client and the server, and counts how often the client had to wait."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._answered = True
        self._tasks: set[asyncio.Task[None]] = set()
        self.round_trips = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """The port at which it listens."""
        listener = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        async with listener:
            port: int = listener.sockets[0].getsockname()[1]
            yield port
            listener.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        server, forth = await asyncio.open_connection(*self._server)
        for source, sink, asks in ((client, forth, True), (server, back, False)):
            self._tasks.add(asyncio.ensure_future(self._pass_on(source, sink, asks)))

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, asks: bool
    ) -> None:
        try:
            while data := await source.read(1 << 16):
                if asks and self._answered:
                    self.round_trips += 1
                self._answered = not asks
                sink.write(data)
                await sink.drain()
        finally:
            sink.close()

    async def count(self, call: Callable[[], Awaitable[object]]) -> int:
        """The round trips of *call*."""
        before = self.round_trips
        await call()
        return self.round_trips - before


@pytest.fixture
async def wire(config: PostgresConfig) -> AsyncIterator[tuple[Wire, PostgresConfig]]:
    """A counting wire, and a config of one connection through it."""
    between = Wire(config.host or "127.0.0.1", config.port or 5432)
    async with between.listening() as port:
        yield between, attrs.evolve(config, host="127.0.0.1", port=port, max_connections=1)


async def test_every_verb_is_one_round_trip(wire: tuple[Wire, PostgresConfig]) -> None:
    """A batch of 300 costs as many round trips as one record: one, once it was prepared."""
    between, config = wire
    numbers = range(300)
    async with (
        PostgresOrderStore(config) as orders,
        PostgresTradeStore(config) as trades,
        PostgresAccountStore(config) as accounts,
        PostgresEventStore(config) as events,
    ):
        verbs: dict[str, Callable[[int], Awaitable[object]]] = {
            "save": lambda turn: orders.save([order(n, version=turn) for n in numbers]),
            "save_noted": lambda turn: orders.save_noted([order(n, version=turn) for n in numbers]),
            "get": lambda turn: orders.get([f"order_{n}" for n in numbers]),
            "find": lambda turn: orders.find(OrderQuery(user_id="user_1")),
            "remove": lambda turn: orders.remove([(f"order_{n}", turn) for n in numbers]),
            "apply": lambda turn: orders.apply(
                [order(n, version=turn) for n in numbers], source="a", position=Position(turn, 0)
            ),
            "position": lambda turn: orders.position("a"),
            "append": lambda turn: trades.append([trade(1000 * turn + n) for n in numbers]),
            "trades.find": lambda turn: trades.find(TradeQuery(user_id="user_1")),
            "accounts.save": lambda turn: accounts.save(
                [balance(f"u{n}", "cash", turn) for n in numbers]
            ),
            "accounts.get": lambda turn: accounts.get([(f"u{n}", "cash") for n in numbers]),
            "accounts.find": lambda turn: accounts.find(BalanceQuery(user_id="u1")),
            "events.save": lambda turn: events.save([(event(n), turn) for n in numbers]),
            "events.get": lambda turn: events.get(numbers),
            "events.find": lambda turn: events.find(EventQuery()),
            "notes": lambda turn: orders.outbox.notes("caches", 100),
            "publish": lambda turn: orders.channel.publish(["a", "b"]),
        }
        for turn in (1, 2):
            for call in verbs.values():
                await call(turn)
        counts = {name: await between.count(lambda c=call: c(3)) for name, call in verbs.items()}  # type: ignore[misc]
    assert counts == dict.fromkeys(verbs, 1)
