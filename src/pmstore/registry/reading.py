"""The stores of a deployment for somebody who only looks, beside those who write to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from pmstore.errors import SettingsError, StoreUnavailable
from pmstore.protocols import (
    AccountStore,
    EventStore,
    LedgerStore,
    OrderStore,
    SnapshotStore,
    Stream,
    TradeStore,
)
from pmstore.registry.opening import find_backend, keeps_ledger
from pmstore.settings import StorageSettings, read_settings
from pmstore.url import Stack

STORES: Final = ("orders", "trades", "accounts", "events", "ledger", "snapshots")


class StoresToRead:
    """
    The truths of a deployment's stacks, each None if nothing was ever stored there, or if it
    was not asked for; the ledger also where its backend keeps none.

    A cache before a truth is another process's, or empty: it is not looked at. `settings`
    say where everything is.
    """

    def __init__(self, settings: StorageSettings, closing: AsyncExitStack) -> None:
        self.settings = settings
        self.orders: OrderStore | None = None
        self.trades: TradeStore | None = None
        self.accounts: AccountStore | None = None
        self.events: EventStore | None = None
        self.ledger: LedgerStore | None = None
        self.snapshots: SnapshotStore | None = None
        self._closing = closing

    async def open_stream(self, name: str, /) -> Stream | None:
        """
        The stream *name*, open until the deployment is left; None if there is none.

        Raises:
            StoreUnavailable: Nobody answers there.
            CorruptData: It is damaged.
        """
        found: Stream | None = await self._open(self.settings.streams, "stream", name)
        return found

    async def open(self, contracts: Collection[str]) -> None:
        """Open the stores of *contracts*, as far as there are any; errors as for `open_stream`."""
        if "orders" in contracts:
            self.orders = await self._open(self.settings.orders, "orders")
        if "accounts" in contracts:
            self.accounts = await self._open(self.settings.orders, "accounts")
        if "events" in contracts:
            self.events = await self._open(self.settings.orders, "events")
        if "ledger" in contracts and keeps_ledger(self.settings.orders, pins=self.settings.pins):
            self.ledger = await self._open(self.settings.orders, "ledger")
        if "trades" in contracts:
            self.trades = await self._open(self.settings.trades, "trades")
        if "snapshots" in contracts:
            self.snapshots = await self._open(self.settings.snapshots, "snapshots")

    async def _open(self, stack: Stack, contract: str, *names: str) -> Any:
        truth = stack.truth
        backend, config = find_backend(truth, pins=self.settings.pins)
        factories: Mapping[str, Any] = backend.contracts
        if contract not in factories:
            raise SettingsError([f"{truth}: {backend.name} does not keep {contract}"])
        if backend.schema is not None:
            # Opening a database makes or migrates its tables: who looks wants neither.
            revisions = await backend.schema.look(config)
            if revisions.found is None:
                return None
            if not revisions.is_current:
                raise SettingsError(
                    [
                        f"{truth}: its schema has revision {revisions.found}, this pmstore works "
                        f"with {revisions.newest}: pmstore migrate {truth}"
                    ]
                )
        if backend.read_only is not None:
            config = backend.read_only(config)
        store = factories[contract](config, *names)
        try:
            return await self._closing.enter_async_context(store)
        except StoreUnavailable as error:
            if backend.read_only is None or error.__cause__ is not None:
                raise
            return None  # its writer makes it


@asynccontextmanager
async def open_stores_to_read(
    env_file: str | Path | None = None,
    /,
    *,
    settings: StorageSettings | None = None,
    contracts: Collection[str] = STORES,
) -> AsyncIterator[StoresToRead]:
    """
    The stores of a deployment, running or stopped, opened without changing anything.

    Args:
        env_file: As for `open_stores`.
        settings: Read already; then neither file nor environment is read.
        contracts: The stores that are opened; all of them if it is unset.

    Raises:
        SettingsError: The settings cannot be used, or a schema is older than this code.
        UnknownScheme, BrokenPlugin, ClashingPlugins: No usable plugin for a store.
        StoreUnavailable: A server does not answer.
        CorruptData: A store is damaged.
    """
    if settings is None:
        settings = read_settings(StorageSettings, env_file=env_file)
    async with AsyncExitStack() as closing:
        stores = StoresToRead(settings, closing)
        await stores.open(contracts)
        yield stores
