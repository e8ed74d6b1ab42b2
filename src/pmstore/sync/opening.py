"""A URL, or a whole deployment, turned into stores without `await`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pmstore import registry
from pmstore.errors import StoreClosed
from pmstore.layers import LayerOptions
from pmstore.settings import OptionalServer, StorageSettings
from pmstore.sync.lifetime import SyncStore
from pmstore.sync.logs import Consumers, Lease, SnapshotStore, Stream
from pmstore.sync.loop_thread import LoopThread, current_loop_thread
from pmstore.sync.records import AccountStore, EventStore, OrderStore, TradeStore
from pmstore.url import Stack

W = TypeVar("W", bound=SyncStore[Any])
_Pins = Mapping[str, str] | None


def open_order_store(
    url: str | Stack, /, *, pins: _Pins = None, options: LayerOptions | None = None
) -> OrderStore:
    """The order store that *url* names; `with` opens it. Errors as for `pmstore`'s own."""
    return OrderStore(registry.open_order_store(url, pins=pins, options=options))


def open_trade_store(
    url: str | Stack, /, *, pins: _Pins = None, options: LayerOptions | None = None
) -> TradeStore:
    """The trade store that *url* names; as `open_order_store`."""
    return TradeStore(registry.open_trade_store(url, pins=pins, options=options))


def open_account_store(
    url: str | Stack, /, *, pins: _Pins = None, options: LayerOptions | None = None
) -> AccountStore:
    """The account store that *url* names; as `open_order_store`."""
    return AccountStore(registry.open_account_store(url, pins=pins, options=options))


def open_event_store(
    url: str | Stack, /, *, pins: _Pins = None, options: LayerOptions | None = None
) -> EventStore:
    """The event store that *url* names; as `open_order_store`."""
    return EventStore(registry.open_event_store(url, pins=pins, options=options))


def open_snapshot_store(url: str | Stack, /, *, pins: _Pins = None) -> SnapshotStore:
    """The snapshot store that *url* names; as `open_order_store`."""
    return SnapshotStore(registry.open_snapshot_store(url, pins=pins))


def open_stream(
    url: str | Stack, name: str, /, *, read_only: bool = False, pins: _Pins = None
) -> Stream:
    """The stream *name* of the place that *url* names; see `pmstore.open_stream`."""
    return Stream(registry.open_stream(url, name, read_only=read_only, pins=pins))


def open_lease(url: str | Stack, /, *, pins: _Pins = None) -> Lease:
    """The leases of the place that *url* names; as `open_order_store`."""
    return Lease(registry.open_lease(url, pins=pins))


def open_consumers(url: str | Stack, stream: Stream, /, *, pins: _Pins = None) -> Consumers:
    """The consumer groups over the open stream *stream*; see `pmstore.open_consumers`."""
    return Consumers(registry.open_consumers(url, stream._store, pins=pins))


class Stores:
    """The opened stores of a deployment; see `pmstore.Stores`."""

    orders: OrderStore
    trades: TradeStore
    snapshots: SnapshotStore

    def __init__(self, opening: Any) -> None:
        self._opening = opening
        self._thread: LoopThread | None = None

    def __enter__(self) -> Self:
        thread = current_loop_thread()
        thread.enter()
        try:
            self._stores: registry.Stores = thread.run(self._opening.__aenter__())
        except BaseException:
            thread.leave()
            raise
        self._thread = thread
        self.orders = self._wrap(OrderStore, self._stores.orders)
        self.trades = self._wrap(TradeStore, self._stores.trades)
        self.snapshots = self._wrap(SnapshotStore, self._stores.snapshots)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        thread, self._thread = self._thread, None
        if thread is None or not thread.alive:
            return
        try:
            thread.run(self._opening.__aexit__(exc_type, exc, traceback))
        finally:
            thread.leave()

    @property
    def settings(self) -> StorageSettings:
        """What the deployment was made from."""
        return self._stores.settings

    @property
    def absent(self) -> tuple[OptionalServer, ...]:
        """The optional servers that the deployment had to start without."""
        return self._stores.absent

    def open_accounts(self) -> AccountStore:
        """A store of balances, where the orders are kept."""
        return self._wrap(AccountStore, self._run(self._stores.open_accounts()))

    def open_events(self) -> EventStore:
        """A store of events, where the orders are kept."""
        return self._wrap(EventStore, self._run(self._stores.open_events()))

    def open_stream(self, name: str, /) -> Stream:
        """The stream *name* of the deployment."""
        return self._wrap(Stream, self._run(self._stores.open_stream(name)))

    def open_lease(self) -> Lease:
        """The leases, where the streams are kept."""
        return self._wrap(Lease, self._run(self._stores.open_lease()))

    def open_consumers(self, name: str, /) -> Consumers:
        """The consumer groups over the stream *name*."""
        return self._wrap(Consumers, self._run(self._stores.open_consumers(name)))

    def _run(self, call: Any) -> Any:
        if self._thread is None:
            call.close()
            raise StoreClosed("the deployment is closed; use it inside `with`")
        return self._thread.run(call)

    def _wrap(self, cls: type[W], store: Any) -> W:
        """A facade of a store that the deployment opened, and will close."""
        facade = cls(store)
        facade._thread = self._thread
        return facade


def open_stores(
    env_file: str | Path | None = None,
    /,
    *,
    settings: StorageSettings | None = None,
    environ: Mapping[str, str] | None = None,
) -> Stores:
    """The stores of a deployment mode; `with` opens them. See `pmstore.open_stores`."""
    return Stores(registry.open_stores(env_file, settings=settings, environ=environ))
