"""
What the author of a backend imports.

A backend is a distribution with one entry point per URL scheme in the group
`pmstore.backends`. The entry point is named as the scheme and leads to a module (or any
object) with the hook:

    # acme_pmstore/__init__.py, named in pyproject.toml by
    #   [project.entry-points."pmstore.backends"]
    #   acme = "acme_pmstore"
    from pmstore.plugin import Backend, config_from, hookimpl

    @hookimpl
    def pmstore_backend() -> Backend:
        return Backend(
            name="acme",
            schemes=("acme",),
            config=lambda url: config_from(AcmeConfig, url),
            contracts={"orders": AcmeOrderStore, "stream": AcmeStream},
        )

The module is imported when a URL asks for its scheme, and never before.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Protocol, TypedDict, TypeVar, Union, get_args, get_origin

import attrs
import pluggy

from pmstore.clock import Clock, system_clock
from pmstore.errors import SettingsError
from pmstore.models.balance import Balance
from pmstore.models.market import Event
from pmstore.models.order import Order
from pmstore.protocols import (
    AccountStore,
    Cache,
    Consumers,
    Coverage,
    EventStore,
    Lease,
    LedgerStore,
    Limits,
    OrderStore,
    Revisions,
    Schema,
    SnapshotStore,
    Stream,
    TradeStore,
    TradeWindow,
    Upkeep,
)
from pmstore.protocols.diagnosis import (
    DIAGNOSIS_TIMEOUT_S,
    Examination,
    Finding,
    Level,
    Role,
)
from pmstore.url import Url

__all__ = [
    "CONTRACTS",
    "DIAGNOSIS_TIMEOUT_S",
    "GROUP",
    "AuditReport",
    "Backend",
    "Caches",
    "Clock",
    "Contracts",
    "Examination",
    "Finding",
    "Level",
    "Revisions",
    "Role",
    "Schema",
    "Upkeep",
    "Url",
    "config_from",
    "hookimpl",
    "nearest",
    "system_clock",
]

GROUP: Final = "pmstore.backends"
"""The entry-point group; the name of an entry point in it is the scheme that it serves."""

hookspec = pluggy.HookspecMarker("pmstore")
hookimpl = pluggy.HookimplMarker("pmstore")
"""Marks the hook of a plugin."""


class Contracts(TypedDict, total=False):
    """
    What a backend offers: for each contract a factory.

    A factory is synchronous and does no I/O: it makes a store from the parsed config, and
    `async with` opens it. `stream` is also given the name of the stream; every stream of
    a URL has its own (a folder under the URL's path, a key). `consumers` is also given the
    opened stream, made from the same config.
    """

    orders: Callable[[Any], OrderStore]
    trades: Callable[[Any], TradeStore]
    accounts: Callable[[Any], AccountStore]
    events: Callable[[Any], EventStore]
    ledger: Callable[[Any], LedgerStore]
    snapshots: Callable[[Any], SnapshotStore]
    stream: Callable[[Any, str], Stream]
    lease: Callable[[Any], Lease]
    consumers: Callable[[Any, Any], Consumers]


class Caches(TypedDict, total=False):
    """
    What a backend offers as a layer in front of a truth, under the names of the contracts.

    A factory is synchronous and does no I/O, and is given the parsed config.
    """

    orders: Callable[[Any], Cache[str, Order]]
    accounts: Callable[[Any], Cache[tuple[str, str], Balance]]
    events: Callable[[Any], Cache[int, tuple[Event, int]]]
    trades: Callable[[Any], TradeWindow]


CONTRACTS: Final = tuple(Contracts.__annotations__)
"""The names of all contracts."""


class AuditReport(Protocol):
    """What a check of an audit log found; it is whole if `problems` is empty."""

    @property
    def count(self) -> int:
        """Records that were read."""
        ...

    @property
    def last_hash(self) -> str:
        """The chain hash of the last good record, empty if there is none."""
        ...

    @property
    def problems(self) -> Sequence[str]:
        """Each with its place: what was edited, dropped, reordered or cut."""
        ...


@attrs.frozen(kw_only=True)
class Backend:
    """
    The description of a backend.

    Attributes:
        name: What lists and messages call it.
        schemes: The URL schemes that it serves, each with its entry point.
        config: Turns a parsed URL into the frozen config that the factories are given, or
            raises `SettingsError` with every problem. `config_from` does it for an attrs
            class.
        contracts: Contract name -> factory.
        caches: Contract name -> factory of the cache that it can be in front of a truth.
        shared: Several processes may use the place that a URL names at the same time: they
            write to the same data, and share its caches; else each has its own.
        coverage: What a contract's store holds with a plain URL; ALL where it is unset.
        limits: What one call takes at most.
        durable: What was acknowledged is there when the same URL is opened again.
        audit: Checks the audit log that a config names, if the backend keeps one.
        read_only: The same config for somebody who only looks: streams made from it take
            no lock and change nothing. None where looking disturbs no writer anyway.
        diagnose: Finds what is wrong, or will be, with the place that a config names, for
            `pmstore doctor`: a finding each, also `Level.FINE` ones. It opens what it needs,
            closes it, leaves no trace, ends within about `examination.timeout_s`, and turns
            a server that does not answer into a finding instead of raising.
        upkeep: Counts, empties and shortens the place that a config names, for `pmstore
            wipe` and `prune`.
        scratch: Turns a parsed URL into that of an empty place beside the real data, with
            a namespace of its own named by a short text of `[a-z0-9_]` (a folder, a schema, a
            key prefix): for `pmstore verify` and `bench`, which wipe it in the end.
        part: Turns a parsed URL into that of a part of the same place: in a namespace of its
            own beneath the URL's, named by a short text of `[a-z0-9]`, and where places are
            spread over nodes at the node of that number. None: it cannot be divided.
        schema: Looks after the schema of the place that a config names, for `pmstore
            migrate`; None where there is no schema.
    """

    name: str
    schemes: tuple[str, ...]
    config: Callable[[Url], Any]
    contracts: Contracts
    caches: Caches = attrs.Factory(Caches)
    shared: bool = True
    coverage: Mapping[str, Coverage] = attrs.Factory(dict)
    limits: Limits = attrs.Factory(Limits)
    durable: bool = True
    audit: Callable[[Any], AuditReport] | None = None
    read_only: Callable[[Any], Any] | None = None
    diagnose: Callable[[Any, Examination], Awaitable[Sequence[Finding]]] | None = None
    upkeep: Upkeep | None = None
    scratch: Callable[[Url, str], Url] | None = None
    part: Callable[[Url, str, int], Url] | None = None
    schema: Schema | None = None


@hookspec(firstresult=False)
def pmstore_backend() -> Backend:
    """Describe the backend; synchronous, without I/O."""
    raise NotImplementedError


def nearest(name: str, right: Iterable[str]) -> str:
    """` Did you mean …?` with the right name that looks most like *name*, or nothing."""
    close = difflib.get_close_matches(name, list(right), n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""


ConfigT = TypeVar("ConfigT")
_PARTS: Final = ("user", "password", "host", "port", "path")


def config_from(cls: type[ConfigT], url: Url, /) -> ConfigT:
    """
    Make the attrs class *cls* from a URL.

    Its fields named user, password, host, port and path take those parts of the URL; a
    part without a field is refused. Every other field is a parameter of its name: text,
    integer, float, boolean (`true`, `false`), a `Path`, or one of a `Literal`'s words,
    each also optional. The class's own validators judge the values.

    Raises:
        SettingsError: Unknown parameters with the nearest right name, parts that the
            scheme does not take, values that cannot be read: all of them.
    """
    # The class is the plugin's: that attrs made it is known when it runs, not before.
    fields = {field.name: field for field in attrs.fields(attrs.resolve_types(cls))}  # type: ignore[arg-type, type-var]
    right = [name for name in fields if name not in _PARTS]
    problems: list[str] = []
    values: dict[str, Any] = {}
    for name in _PARTS:
        part = getattr(url, name)
        if part in (None, ""):
            continue
        if name not in fields:
            problems.append(f"{url}: {url.scheme} takes no {name}")
        else:
            _take(values, problems, url, fields[name], part)
    for name, text in url.parameters.items():
        if name not in right:
            takes = f"it takes {', '.join(right)}" if right else "it takes none"
            problems.append(
                f"{url}: unknown parameter {name!r}.{nearest(name, right)} ({url.scheme}: {takes})"
            )
        else:
            _take(values, problems, url, fields[name], text)
    for name, field in fields.items():
        if field.default is attrs.NOTHING and name not in values and not problems:
            problems.append(f"{url}: {name} is missing")
    if problems:
        raise SettingsError(problems)
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise SettingsError([f"{url}: {error.args[0] if error.args else error}"]) from error


def _take(
    values: dict[str, Any], problems: list[str], url: Url, field: Any, text: str | int
) -> None:
    try:
        values[field.name] = _read(field.type, text)
    except ValueError as error:
        problems.append(f"{url}: {field.name}: {error}")


def _read(wanted: Any, text: str | int) -> Any:
    origin = get_origin(wanted)
    if origin in (Union, UnionType):
        choices = [choice for choice in get_args(wanted) if choice is not NoneType]
        if len(choices) == 1:
            return _read(choices[0], text)
    if origin is Literal:
        words = get_args(wanted)
        if text not in words:
            raise ValueError(f"expected one of {', '.join(words)}.{nearest(str(text), words)}")
        return text
    if wanted is bool:
        if text not in ("true", "false"):
            raise ValueError("expected true or false")
        return text == "true"
    if wanted in (int, float):
        try:
            return wanted(text)
        except ValueError:
            raise ValueError(
                f"expected {'an integer' if wanted is int else 'a number'}, not {text!r}"
            ) from None
    if wanted in (str, Path):
        return wanted(text)
    raise TypeError(f"a config field of type {wanted} cannot be read from a URL")
