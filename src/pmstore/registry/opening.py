"""A URL turned into a store, ready for `async with`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import attrs

from pmstore.errors import SettingsError
from pmstore.layers import LayerOptions
from pmstore.layers.meter import Meter
from pmstore.plugin import AuditReport, Backend
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
from pmstore.registry.plugins import Plugins
from pmstore.registry.stacks import POLICY, open_stack
from pmstore.settings import environment_pins
from pmstore.url import Stack, Url, parse_stack

PLUGINS: Final = Plugins()
"""The plugins of this process; `pmstore.register` adds to them."""

_PART_NAME: Final = re.compile(r"[a-z0-9]{1,16}")
_STREAM_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def register(backend: Backend, /) -> None:
    """
    Serve the schemes of *backend* in this process, without an entry point.

    Raises:
        BrokenPlugin: The description is not one.
    """
    PLUGINS.register(backend)


def find_backend(url: Url, /, *, pins: Mapping[str, str] | None = None) -> tuple[Backend, Any]:
    """
    The backend that serves *url*, and its config of it; errors as for `open_order_store`.

    For what is done below the contracts: `Backend.diagnose`, `upkeep`, `scratch`. A `policy`
    in the URL belongs to its layer, and is passed over.
    """
    plain = {name: value for name, value in url.parameters.items() if name != POLICY}
    return _resolve(attrs.evolve(url, parameters=plain), None, pins)


def open_order_store(
    url: str | Stack,
    /,
    *,
    pins: Mapping[str, str] | None = None,
    options: LayerOptions | None = None,
    meter: Meter | None = None,
) -> OrderStore:
    """
    The order store that *url* names; `async with` opens it.

    Args:
        url: The URL of one store, or a stack: `memory:// > sqlite:///orders.db`.
        pins: Scheme -> distribution where several serve a scheme; unset, the variables
            `PMSTORE_PIN_…` of the environment say it.
        options: Times and bounds of a stack's layers.
        meter: Counts what a stack's layers do; None: nobody.

    Raises:
        UnknownScheme, BrokenPlugin, ClashingPlugins: No usable plugin for its scheme.
        SettingsError: It cannot be read, the backend refuses a part of it, the backend has
            no such contract, or the layers of the stack cannot stand like this.
    """
    store: OrderStore = _open("orders", url, pins, options, meter)
    return store


def open_trade_store(
    url: str | Stack,
    /,
    *,
    pins: Mapping[str, str] | None = None,
    options: LayerOptions | None = None,
    meter: Meter | None = None,
) -> TradeStore:
    """
    The trade store that *url* names; arguments and errors as for `open_order_store`.

    `memory://?recent=1000 > postgresql://… | file:trades.log` answers the newest trades
    from memory, and writes all of them into an audit log as well.
    """
    store: TradeStore = _open("trades", url, pins, options, meter)
    return store


def open_account_store(
    url: str | Stack,
    /,
    *,
    pins: Mapping[str, str] | None = None,
    options: LayerOptions | None = None,
    meter: Meter | None = None,
) -> AccountStore:
    """The account store that *url* names; arguments and errors as for `open_order_store`."""
    store: AccountStore = _open("accounts", url, pins, options, meter)
    return store


def open_event_store(
    url: str | Stack,
    /,
    *,
    pins: Mapping[str, str] | None = None,
    options: LayerOptions | None = None,
    meter: Meter | None = None,
) -> EventStore:
    """The event store that *url* names; arguments and errors as for `open_order_store`."""
    store: EventStore = _open("events", url, pins, options, meter)
    return store


def open_ledger_store(url: str | Stack, /, *, pins: Mapping[str, str] | None = None) -> LedgerStore:
    """
    The ledger of the truth that *url* names; arguments and errors as for `open_order_store`.

    No cache stands before it, and no sink behind: those of a stack are passed over.
    """
    backend, config = _resolve(_stack(url).truth, "ledger", pins)
    return backend.contracts["ledger"](config)


def keeps_ledger(url: str | Stack, /, *, pins: Mapping[str, str] | None = None) -> bool:
    """Whether the truth that *url* names keeps a ledger; errors as for `open_order_store`."""
    backend, _ = _resolve(_stack(url).truth, None, pins)
    return "ledger" in backend.contracts


def open_snapshot_store(
    url: str | Stack, /, *, pins: Mapping[str, str] | None = None
) -> SnapshotStore:
    """The snapshot store that *url* names; arguments and errors as for `open_order_store`."""
    backend, config = _resolve(_single(url, "a snapshot store"), "snapshots", pins)
    return backend.contracts["snapshots"](config)


def open_stream(
    url: str | Stack,
    name: str,
    /,
    *,
    read_only: bool = False,
    pins: Mapping[str, str] | None = None,
) -> Stream:
    """
    The stream *name* of the place that *url* names; errors as for `open_order_store`.

    Args:
        url: Where streams are kept: `file:data/streams`, `memory://`.
        name: 1..64 of `[A-Za-z0-9_-]`, such as `store_stream`; each name is a stream of
            its own there (a folder, a key).
        read_only: Only look: take no writer's lock and change nothing, also beside a
            writer in another process.
        pins: As for `open_order_store`.
    """
    if not _STREAM_NAME.fullmatch(name):
        raise SettingsError([f"{name!r} is not the name of a stream: 1..64 of [A-Za-z0-9_-]"])
    backend, config = _resolve(_single(url, "a stream"), "stream", pins)
    if read_only and backend.read_only is not None:
        config = backend.read_only(config)
    return backend.contracts["stream"](config, name)


def open_lease(url: str | Stack, /, *, pins: Mapping[str, str] | None = None) -> Lease:
    """The leases that *url* names; arguments and errors as for `open_order_store`."""
    backend, config = _resolve(_single(url, "leases"), "lease", pins)
    return backend.contracts["lease"](config)


def open_consumers(
    url: str | Stack, stream: Stream, /, *, pins: Mapping[str, str] | None = None
) -> Consumers:
    """
    The consumer groups over *stream*; errors as for `open_order_store`.

    Args:
        url: The one that *stream* was made from.
        stream: Made by `open_stream`, open as long as the groups are used.
        pins: As for `open_order_store`.
    """
    backend, config = _resolve(_single(url, "consumer groups"), "consumers", pins)
    return backend.contracts["consumers"](config, stream)


def part_of(
    url: str | Stack, name: str, number: int, /, *, pins: Mapping[str, str] | None = None
) -> Stack:
    """
    A part of the place that *url* names, which shares nothing with its other parts.

    Args:
        url: Of streams, leases or snapshots.
        name: 1..16 of `[a-z0-9]`; each name is a place of its own beneath *url*.
        number: 0 or more: where the backend spreads its places over nodes, which one it is.
        pins: As for `open_order_store`.

    Raises:
        UnknownScheme, BrokenPlugin, ClashingPlugins: No usable plugin for its scheme.
        SettingsError: It cannot be read, or the backend cannot divide its places.
    """
    if not _PART_NAME.fullmatch(name) or number < 0:
        raise SettingsError([f"{name!r}, {number} is not a part: 1..16 of [a-z0-9], 0 or more"])
    whole = _single(url, "a place with parts")
    backend, _ = _resolve(whole, None, pins)
    if backend.part is None:
        raise SettingsError([f"{whole}: {backend.name} cannot divide a place into parts"])
    return Stack(layers=(backend.part(whole, name, number),))


def audit(url: str | Stack, /, *, pins: Mapping[str, str] | None = None) -> AuditReport:
    """
    Check the audit log that *url* names, without opening it for writing.

    Errors as for `open_order_store`; what is wrong in the log is in the report.
    """
    backend, config = _resolve(_single(url, "an audit log"), None, pins)
    if backend.audit is None:
        raise SettingsError([f"{url}: {backend.name} keeps no audit log"])
    return backend.audit(config)


def _open(
    contract: str,
    url: str | Stack,
    pins: Mapping[str, str] | None,
    options: LayerOptions | None,
    meter: Meter | None,
) -> Any:
    stack = _stack(url)

    def resolve(one: Url, needed: str | None) -> tuple[Backend, Any]:
        return _resolve(one, needed, pins)

    if len(stack.layers) > 1 or stack.sinks or POLICY in stack.truth.parameters:
        return open_stack(stack, contract, resolve, options, meter)
    backend, config = _resolve(stack.truth, contract, pins)
    factories: Mapping[str, Any] = backend.contracts
    return factories[contract](config)


def _resolve(url: Url, contract: str | None, pins: Mapping[str, str] | None) -> tuple[Backend, Any]:
    """The backend that serves *url*, and its config of it."""
    backend = PLUGINS.find(url.scheme, pins=environment_pins() if pins is None else pins)
    if contract is not None and contract not in backend.contracts:
        offered = ", ".join(backend.contracts) or "nothing"
        raise SettingsError([f"{url}: {backend.name} does not keep {contract}, but {offered}"])
    return backend, backend.config(url)


def _stack(url: str | Stack) -> Stack:
    return parse_stack(url) if isinstance(url, str) else url


def _single(url: str | Stack, what: str) -> Url:
    stack = _stack(url)
    if len(stack.layers) > 1 or stack.sinks:
        raise _unsupported(stack, what)
    return stack.truth


def _unsupported(stack: Stack, what: str) -> SettingsError:
    return SettingsError([f"{stack}: {what} takes one URL, without > and |"])
