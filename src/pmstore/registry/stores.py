"""The stores of a whole deployment, opened and closed together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import attrs

from pmstore.errors import SettingsError, StoreUnavailable
from pmstore.layers import LayerOptions
from pmstore.protocols import (
    AccountStore,
    Consumers,
    EventStore,
    Lease,
    LedgerStore,
    OrderStore,
    SnapshotStore,
    Stream,
    TradeStore,
)
from pmstore.protocols.store import Store
from pmstore.registry.opening import (
    keeps_ledger,
    open_account_store,
    open_consumers,
    open_event_store,
    open_lease,
    open_ledger_store,
    open_order_store,
    open_snapshot_store,
    open_stream,
    open_trade_store,
)
from pmstore.settings import OptionalServer, StorageSettings, read_settings
from pmstore.url import Stack

_log = logging.getLogger(__name__)


class Stores:
    """
    The opened stores of a deployment.

    `orders`, `trades` and `snapshots` are open from the start. What the `open_…` methods
    open stays open until the deployment is left; a stream is opened once per name.
    `settings` are those that it runs on, `absent` the optional servers that it had to start
    without (`DATABASE`, `REDIS`).
    """

    def __init__(
        self,
        *,
        settings: StorageSettings,
        orders: OrderStore,
        trades: TradeStore,
        snapshots: SnapshotStore,
        closing: AsyncExitStack,
        absent: Sequence[OptionalServer] = (),
    ) -> None:
        self.settings = settings
        self.orders = orders
        self.trades = trades
        self.snapshots = snapshots
        self.absent = tuple(absent)
        self._closing = closing
        self._streams: dict[str, Stream] = {}
        self._opening_stream = asyncio.Lock()

    async def open_accounts(self) -> AccountStore:
        """A store of balances, where the orders are kept."""
        url = self.settings.orders
        return await self._closing.enter_async_context(
            open_account_store(url, pins=self.settings.pins, options=_options(self.settings))
        )

    async def open_events(self) -> EventStore:
        """A store of events, where the orders are kept."""
        url = self.settings.orders
        return await self._closing.enter_async_context(
            open_event_store(url, pins=self.settings.pins, options=_options(self.settings))
        )

    async def open_ledger(self) -> LedgerStore | None:
        """The ledger, where the orders are kept; None if their truth keeps none."""
        url, pins = self.settings.orders, self.settings.pins
        if not keeps_ledger(url, pins=pins):
            return None
        return await self._closing.enter_async_context(open_ledger_store(url, pins=pins))

    async def open_stream(self, name: str, /) -> Stream:
        """The stream *name* of the deployment; the same object for the same name."""
        async with self._opening_stream:
            if name not in self._streams:
                stream = open_stream(self.settings.streams, name, pins=self.settings.pins)
                self._streams[name] = await self._closing.enter_async_context(stream)
            return self._streams[name]

    async def open_lease(self) -> Lease:
        """The leases, where the streams are kept."""
        lease = open_lease(self.settings.streams, pins=self.settings.pins)
        return await self._closing.enter_async_context(lease)

    async def open_consumers(self, name: str, /) -> Consumers:
        """The consumer groups over the stream *name*."""
        stream = await self.open_stream(name)
        groups = open_consumers(self.settings.streams, stream, pins=self.settings.pins)
        return await self._closing.enter_async_context(groups)


def open_stores(
    env_file: str | Path | None = None,
    /,
    *,
    settings: StorageSettings | None = None,
    environ: Mapping[str, str] | None = None,
) -> AbstractAsyncContextManager[Stores]:
    """
    The stores of a deployment mode; `async with` opens them.

    Args:
        env_file: A `.env` file, which must exist; None reads `.env` if there is one. The
            environment beats it.
        settings: Read already; then neither file nor environment is read.
        environ: Instead of the environment of the process.

    Raises:
        SettingsError: Every problem of the settings, or a stack that cannot be.
        UnknownScheme, BrokenPlugin, ClashingPlugins: No usable plugin for a stack. A
            durable mode never starts without its durable store.
        StoreUnavailable: At entering: a durable store does not answer. With
            `DATABASE_OPTIONAL` or `REDIS_OPTIONAL` the deployment starts without that
            server instead, says so in the log, and `Stores.absent` names it.
    """
    if settings is None:
        settings = read_settings(StorageSettings, env_file=env_file, environ=environ)
    return _opened(settings, _described(settings))


@attrs.frozen
class _Described:
    """The stores of a deployment, not yet open."""

    orders: OrderStore
    trades: TradeStore
    snapshots: SnapshotStore


def _described(settings: StorageSettings) -> _Described:
    pins, options = settings.pins, _options(settings)
    orders = open_order_store(settings.orders, pins=pins, options=options)
    _truth_holds_all("PMSTORE_ORDERS_URL", settings.orders, orders)
    trades = open_trade_store(settings.trades, pins=pins, options=options)
    _truth_holds_all("PMSTORE_TRADES_URL", settings.trades, trades)
    return _Described(orders, trades, open_snapshot_store(settings.snapshots, pins=pins))


def _options(settings: StorageSettings) -> LayerOptions:
    return LayerOptions(cache_max_age_s=settings.cache_max_age_s)


def _truth_holds_all(name: str, stack: Stack, store: Store) -> None:
    if not store.coverage.is_all:
        raise SettingsError(
            [f"{name}: {stack} keeps only the recent part, so there is no truth behind it"]
        )


async def _absent_servers(settings: StorageSettings) -> list[OptionalServer]:
    """Those of the optional servers that do not answer; a refused password is no absence."""
    absent: list[OptionalServer] = []
    for name, url in settings.optional_servers.items():
        try:
            async with open_order_store(Stack(layers=(url,)), pins=settings.pins):
                pass
        except StoreUnavailable as error:
            if not error.retryable:
                raise
            _log.critical(
                "%s_OPTIONAL=true: starting WITHOUT %s, which does not answer: %s", name, url, error
            )
            absent.append(name)
    return absent


@asynccontextmanager
async def _opened(settings: StorageSettings, described: _Described) -> AsyncIterator[Stores]:
    absent = await _absent_servers(settings)
    for name in absent:
        settings = settings.without(name)
    if absent:
        described = _described(settings)
        _log.critical("the deployment runs in the mode %r now", settings.mode.value)
    async with AsyncExitStack() as closing:
        yield Stores(
            settings=settings,
            orders=await closing.enter_async_context(described.orders),
            trades=await closing.enter_async_context(described.trades),
            snapshots=await closing.enter_async_context(described.snapshots),
            closing=closing,
            absent=absent,
        )
