"""Examines settings, plugins and every place of a deployment, and collects what is found."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from pmstore.clock import Clock
from pmstore.errors import PluginError, PmstoreError, SettingsError
from pmstore.plugin import DIAGNOSIS_TIMEOUT_S, Examination, Finding, Level, Role, nearest
from pmstore.registry import (
    PLUGINS,
    PluginReport,
    PluginState,
    find_backend,
    open_order_store,
    open_snapshot_store,
    open_trade_store,
)
from pmstore.settings import (
    StorageSettings,
    environment_pins,
    read_env_file,
    read_settings,
    settings_of,
)
from pmstore.url import Stack, Url, parse_stack

_STACKS: Final[Mapping[str, frozenset[str]]] = {
    "orders": frozenset({"orders", "accounts", "events"}),
    "trades": frozenset({"trades"}),
    "snapshots": frozenset({"snapshots"}),
    "streams": frozenset({"stream", "lease", "consumers"}),
    "log_streams": frozenset({"stream"}),
}
"""The stacks of a deployment, and the contracts that each keeps."""

_RECORDS: Final = _STACKS["orders"] | _STACKS["trades"]
_FOREIGN_PREFIXES: Final = ("DATABASE_", "REDIS_", "TRADE_", "LOG_")
_PATIENCE: Final = 2.0
"""A check-up that takes so many times its timeout is given up."""


@attrs.define
class Places:
    """Every URL that is examined, once, with all that it is used for."""

    roles: dict[Url, Role] = attrs.Factory(dict)
    contracts: dict[Url, frozenset[str]] = attrs.Factory(dict)

    def add(self, stack: Stack, contracts: frozenset[str]) -> None:
        """All layers and sinks of *stack*; what is a truth anywhere is examined as one."""
        for layer in stack.layers[:-1]:
            self._add(layer, Role.CACHE, contracts)
        for sink in stack.sinks:
            self._add(sink, Role.SINK, contracts)
        self._add(stack.truth, Role.TRUTH, contracts)

    def _add(self, url: Url, role: Role, contracts: frozenset[str]) -> None:
        known = self.roles.get(url)
        self.roles[url] = Role.TRUTH if Role.TRUTH in (role, known) else known or role
        self.contracts[url] = self.contracts.get(url, frozenset()) | contracts


async def examine_urls(urls: Sequence[str], *, clock: Clock) -> list[Finding]:
    """Every place in *urls*, and the plugins that serve them."""
    findings: list[Finding] = []
    places = Places()
    for text in urls:
        try:
            stack = parse_stack(text)
        except SettingsError as error:
            findings += _settings_findings(error, "the command line")
        else:
            offered = _offered(stack.truth)
            # Snapshots and streams are never layered: what stands in layers keeps records.
            is_layered = len(stack.layers) > 1 or stack.sinks
            places.add(stack, offered & _RECORDS if is_layered else offered)
    findings += examine_plugins({url.scheme for url in places.roles})
    return findings + await examine_places(places, None, clock=clock)


async def examine_deployment(
    env_file: Path | None, *, clock: Clock, environ: Mapping[str, str] | None = None
) -> list[Finding]:
    """Settings, plugins, stacks and places of what a `.env` file and the environment say."""
    where = str(env_file) if env_file else "the environment"
    findings = list(_misspelt(env_file, environ))
    try:
        settings = read_settings(StorageSettings, env_file=env_file, environ=environ)
    except SettingsError as error:
        return [*findings, *_settings_findings(error, where), *examine_plugins(())]
    findings.append(
        Finding(
            level=Level.FINE,
            kind="setting",
            what=f"the settings can be read: mode {settings.mode.value}",
            where=where,
        )
    )
    places = Places()
    for name, contracts in _STACKS.items():
        places.add(getattr(settings, name), contracts)
    findings += examine_plugins({url.scheme for url in places.roles}, settings.pins)
    findings += _stack_findings(settings)
    return findings + await examine_places(places, settings.pins, clock=clock)


def examine_plugins(used: Iterable[str], pins: Mapping[str, str] | None = None) -> list[Finding]:
    """
    Broken and clashing plugins: an error if one of the *used* schemes needs it.

    A backend of ours whose extra nobody installed is none, unless it is used.
    """
    findings: list[Finding] = []
    needed = set(used)
    told: set[str] = set()
    for one in PLUGINS.survey(pins=environment_pins() if pins is None else pins):
        if one.state is PluginState.INSTALLED or one.problem is None or one.problem in told:
            continue
        if one.extra and one.scheme not in needed:
            continue
        told.add(one.problem)
        broken = one.state is PluginState.BROKEN
        findings.append(
            Finding(
                level=Level.ERROR if one.scheme in needed else Level.WARNING,
                kind="plugin-broken" if broken else "plugin-clash",
                what=one.problem,
                where=f"{one.distribution} {one.version}".strip(),
                remedy=_remedy(one),
            )
        )
    return findings


def _remedy(report: PluginReport) -> str:
    if report.state is PluginState.CLASHING:
        return "Pin the one that is meant, or uninstall the others"
    if report.extra:
        return f"pip install 'pmstore[{report.extra}]'"
    return f"Install what it needs, or: pip uninstall {report.distribution}"


async def examine_places(
    places: Places, pins: Mapping[str, str] | None, *, clock: Clock
) -> list[Finding]:
    """What the backend of each place finds there, all asked at the same time."""
    found = await asyncio.gather(
        *(
            _examine(url, role, places.contracts[url], pins, clock)
            for url, role in places.roles.items()
        )
    )
    # One server serves several URLs of a deployment: what it says twice is said once.
    return list(dict.fromkeys(finding for findings in found for finding in findings))


async def _examine(
    url: Url,
    role: Role,
    contracts: frozenset[str],
    pins: Mapping[str, str] | None,
    clock: Clock,
) -> Sequence[Finding]:
    try:
        backend, config = find_backend(url, pins=pins)
    except SettingsError as error:
        return _settings_findings(error, str(url))
    except PluginError as error:
        return [
            Finding(
                level=Level.ERROR,
                kind="plugin",
                what=str(error),
                where=f"{url.scheme}://",
                remedy="See what is installed: pmstore plugins",
            )
        ]
    if backend.diagnose is None:
        return [
            Finding(
                level=Level.WARNING,
                kind="unexamined",
                what=f"the backend {backend.name} cannot be examined",
                where=str(url),
                remedy="Ask its author for a `diagnose` hook",
            )
        ]
    examination = Examination(role=role, contracts=contracts, clock=clock)
    try:
        async with asyncio.timeout(_PATIENCE * DIAGNOSIS_TIMEOUT_S):
            return await backend.diagnose(config, examination)
    except TimeoutError:
        what = f"no end of the check-up within {_PATIENCE * DIAGNOSIS_TIMEOUT_S:g} s"
    except PmstoreError as error:
        what = str(error)
    except Exception as error:
        # A plugin's hook is foreign code; the doctor goes on with the other patients.
        what = f"its check-up failed: {type(error).__name__}: {error}"
    return [
        Finding(
            level=Level.ERROR,
            kind="unreachable",
            what=what,
            where=str(url),
            remedy="See whether the server runs, and is reached from this machine",
        )
    ]


def _offered(url: Url) -> frozenset[str]:
    try:
        backend, _ = find_backend(url)
    except PmstoreError:
        return frozenset()
    return frozenset(backend.contracts)


def _stack_findings(settings: StorageSettings) -> list[Finding]:
    """Stacks that cannot be built, whatever their servers say."""
    findings: list[Finding] = []
    openings: tuple[tuple[str, Any, Stack], ...] = (
        ("orders", open_order_store, settings.orders),
        ("trades", open_trade_store, settings.trades),
        ("snapshots", open_snapshot_store, settings.snapshots),
    )
    for name, opening, stack in openings:
        try:
            opening(stack, pins=settings.pins)
        except PluginError:
            continue  # Said of its place already.
        except SettingsError as error:
            findings += _settings_findings(error, f"the stack of the {name}")
    return findings


def _settings_findings(error: SettingsError, where: str) -> list[Finding]:
    return [
        Finding(
            level=Level.ERROR,
            kind="setting",
            what=problem,
            where=where,
            remedy="All settings: docs/reference/settings.md",
        )
        for problem in error.problems
    ]


def _misspelt(env_file: Path | None, environ: Mapping[str, str] | None) -> Iterable[Finding]:
    """
    Names that look like ours and are none of ours.

    They do not stop a start, since other programs have settings named `REDIS_…` too.
    """
    right = [one.name for one in settings_of(StorageSettings)]
    file = env_file or Path(".env")
    names = set(read_env_file(file)[0]) if file.is_file() else set()
    names |= set(os.environ if environ is None else environ)
    for name in sorted(names):
        if name.startswith(_FOREIGN_PREFIXES) and name not in right:
            close = nearest(name, right)
            if close:
                yield Finding(
                    level=Level.WARNING,
                    kind="setting",
                    what=f"{name}: there is no such setting.{close}",
                    where=str(file) if env_file else "the environment",
                    remedy="Correct the name, or ignore this if another program reads it",
                )
