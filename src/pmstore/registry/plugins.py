"""Which plugin serves a scheme: found by entry-point name, loaded when asked for."""

from __future__ import annotations

import enum
import re
import traceback
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Final

import attrs
import pluggy

from pmstore import plugin
from pmstore.errors import BrokenPlugin, ClashingPlugins, PluginError, UnknownScheme
from pmstore.plugin import CONTRACTS, GROUP, Backend, nearest
from pmstore.registry.entry_points import backend_entry_points, normal_name

_OWN: Final = "pmstore"
_EXTRAS: Final = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "redis": "redis",
    "redis+cluster": "redis",
    "redis+sentinel": "redis",
    "rediss": "redis",
    "rediss+cluster": "redis",
    "rediss+sentinel": "redis",
    "sqlite": "sqlite",
}
"""The schemes whose backends need an extra of our own distribution."""


class PluginState(enum.Enum):
    """What a listing says of a plugin."""

    INSTALLED = "installed"
    BROKEN = "broken"
    CLASHING = "clashing"


@attrs.frozen(kw_only=True)
class PluginReport:
    """
    One plugin for one scheme. `problem` says why it cannot be used, `backend` what it is.

    `extra` is the extra of our own distribution that a backend of ours lacks.
    """

    scheme: str
    distribution: str
    version: str
    state: PluginState
    problem: str | None = None
    backend: Backend | None = None
    extra: str | None = None


@attrs.frozen
class _Source:
    """Where a backend may come from: an entry point, or a call of `register`."""

    distribution: str
    version: str
    entry_point: metadata.EntryPoint | None
    registered: Backend | None = attrs.field(default=None, eq=False)


class Plugins:
    """
    The plugins of this process.

    Each entry point is loaded once at most; one that failed is tried again when it is
    asked for again. Not for use from several threads at once.
    """

    def __init__(self) -> None:
        self._registered: dict[str, list[Backend]] = {}
        self._loaded: dict[_Source, Backend] = {}

    def register(self, backend: Backend, /) -> None:
        """
        Add a backend without an entry point.

        Registering the same object again changes nothing. It clashes with whatever else
        serves one of its schemes, as two distributions would; its `name` can be pinned.

        Raises:
            BrokenPlugin: The description is not one.
        """
        problem = _misdescribed(backend)
        if problem:
            raise BrokenPlugin(f"the registered backend {_name(backend)}: {problem}")
        for scheme in backend.schemes:
            known = self._registered.setdefault(scheme, [])
            if not any(one is backend for one in known):
                known.append(backend)

    def find(self, scheme: str, /, *, pins: Mapping[str, str] | None = None) -> Backend:
        """
        The backend that serves *scheme*; only its plugin is imported.

        Args:
            scheme: As in a URL.
            pins: Scheme -> distribution, for schemes that several distributions serve, as in
                `StorageSettings.pins`: signs but letters and digits are `_` in the scheme.

        Raises:
            UnknownScheme: No plugin serves it.
            BrokenPlugin: Its plugin cannot be loaded.
            ClashingPlugins: Several serve it and no pin says which.
        """
        sources = self._sources(scheme)
        pin = (pins or {}).get(_pin_key(scheme))
        if pin is not None:
            pinned = [one for one in sources if normal_name(one.distribution) == normal_name(pin)]
            if not pinned:
                raise UnknownScheme(
                    f"{scheme}:// is pinned to {pin} ({_pin(scheme)}), which does not serve it; "
                    f"installed for {scheme}: {_names(sources) or 'nothing'}"
                )
            sources = pinned
        if not sources:
            raise UnknownScheme(self._unknown(scheme))
        if len(sources) > 1:
            raise ClashingPlugins(_clash(scheme, sources))
        return self._load(scheme, sources[0])

    def schemes(self) -> list[str]:
        """Every scheme that something installed or registered claims, sorted; loads nothing."""
        return sorted({*(one.point.name for one in backend_entry_points()), *self._registered})

    def survey(self, *, pins: Mapping[str, str] | None = None) -> list[PluginReport]:
        """
        Every plugin by scheme and distribution, good or not; loads all of them.

        A broken or clashing one is a report, never an exception.
        """
        reports: list[PluginReport] = []
        for scheme in self.schemes():
            sources = self._sources(scheme)
            pin = (pins or {}).get(_pin_key(scheme))
            for source in sorted(sources, key=lambda one: one.distribution):
                state, problem, backend = PluginState.INSTALLED, None, None
                extra: str | None = None
                try:
                    backend = self._load(scheme, source)
                except PluginError as error:
                    state, problem = PluginState.BROKEN, str(error)
                    extra = _missing_extra(scheme, source, error.__cause__)
                else:
                    if len(sources) > 1 and pin is None:
                        state, problem = PluginState.CLASHING, _clash(scheme, sources)
                    elif pin is not None and normal_name(pin) != normal_name(source.distribution):
                        problem = f"not used: {_pin(scheme)}={pin}"
                reports.append(
                    PluginReport(
                        scheme=scheme,
                        distribution=source.distribution,
                        version=source.version,
                        state=state,
                        problem=problem,
                        backend=backend,
                        extra=extra,
                    )
                )
        return reports

    def _sources(self, scheme: str) -> list[_Source]:
        found = [
            _Source(one.distribution, one.version, one.point)
            for one in backend_entry_points()
            if one.point.name == scheme
        ]
        registered = self._registered.get(scheme, [])
        return found + [_Source(one.name, "", None, one) for one in registered]

    def _load(self, scheme: str, source: _Source) -> Backend:
        if source.registered is not None:
            return source.registered
        point = source.entry_point
        assert point is not None
        if source in self._loaded:
            return self._loaded[source]
        backend: object = None
        try:
            backend = _call_hook(point)
            problem = _misdescribed(backend)
        except (Exception, SystemExit) as error:
            # A plugin is foreign code: whatever it does while it is imported is its own
            # failure, and must neither end the process nor reach its neighbours.
            raise BrokenPlugin(_broken(scheme, source, error)) from error
        if not problem and isinstance(backend, Backend) and scheme in backend.schemes:
            self._loaded[source] = backend
            return backend
        raise BrokenPlugin(
            f"{scheme}:// is served by {source.distribution} ({point.value}), which is broken: "
            + (problem or f"its entry point is named {scheme!r}, but it does not serve that scheme")
        )

    def _unknown(self, scheme: str) -> str:
        known = self.schemes()
        text = f"no installed plugin serves {scheme}://.{nearest(scheme, known)}"
        text += f" Installed: {', '.join(known) or 'nothing'}."
        extra = _EXTRAS.get(scheme)
        if extra is None:
            return (
                f"{text} A backend for it is a distribution with the entry point {scheme!r} "
                f"in the group {GROUP}."
            )
        return f"{text} Install a pmstore that has it: pip install 'pmstore[{extra}]'"


def _call_hook(point: metadata.EntryPoint) -> object:
    # A manager for each plugin: no call of a hook then runs a neighbour's code.
    manager = pluggy.PluginManager(_OWN)
    manager.add_hookspecs(plugin)
    manager.register(point.load(), name=point.name)
    manager.check_pending()
    answers: list[object] = manager.hook.pmstore_backend()
    if len(answers) != 1:
        raise TypeError(f"{point.value} has no hook pmstore_backend marked with @hookimpl")
    return answers[0]


def _misdescribed(backend: object) -> str | None:
    """Why *backend* is not a usable description."""
    if not isinstance(backend, Backend):
        return f"pmstore_backend() answered {type(backend).__name__}, not a Backend"
    if not backend.schemes:
        return "it serves no scheme"
    for name in backend.contracts:
        if name not in CONTRACTS:
            return f"unknown contract {name!r}.{nearest(name, CONTRACTS)}"
    return None


def _broken(scheme: str, source: _Source, error: BaseException) -> str:
    last_line = traceback.format_exception_only(error)[-1].strip()
    text = f"{scheme}:// is served by {source.distribution}, which cannot be loaded: {last_line}"
    extra = _missing_extra(scheme, source, error)
    return f"{text} (pip install 'pmstore[{extra}]')" if extra else text


def _missing_extra(scheme: str, source: _Source, error: BaseException | None) -> str | None:
    """The extra that one of our own backends lacks, if that is why it cannot be loaded."""
    is_ours = source.distribution == _OWN and isinstance(error, ModuleNotFoundError)
    return _EXTRAS.get(scheme) if is_ours else None


def _clash(scheme: str, sources: Iterable[_Source]) -> str:
    return (
        f"{scheme}:// is served by {_names(sources)}; "
        f"set {_pin(scheme)} to the one that is meant, or uninstall the others"
    )


def _names(sources: Iterable[_Source]) -> str:
    return " and ".join(sorted(one.distribution for one in sources))


def _name(backend: object) -> str:
    return backend.name if isinstance(backend, Backend) else repr(backend)


def _pin(scheme: str) -> str:
    return f"PMSTORE_PIN_{_pin_key(scheme).upper()}"


def _pin_key(scheme: str) -> str:
    return re.sub("[^a-z0-9]", "_", scheme)
