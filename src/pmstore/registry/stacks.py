"""Several URLs turned into one layered store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from pmstore.errors import SettingsError
from pmstore.layers import LayerOptions, Placed, Policy, layered, recent_trades
from pmstore.plugin import Backend, nearest
from pmstore.url import Stack, Url

POLICY: Final = "policy"
"""The parameter of a URL that says the layer's policy; the backend does not see it."""

Resolve = Callable[[Url, str | None], tuple[Backend, Any]]
"""The backend that serves a URL and has the contract, and its config of it."""


def open_stack(
    stack: Stack, contract: str, resolve: Resolve, options: LayerOptions | None, meter: Any
) -> Any:
    """
    The store that *stack* names.

    Raises:
        SettingsError: Everything that is wrong with the stack, or with one of its URLs.
    """
    _refuse_repeats(stack)
    if POLICY in stack.truth.parameters:
        raise SettingsError([f"{stack.truth}: the truth has no policy, it is always required"])
    backend, config = resolve(stack.truth, contract)
    truth = _made(backend, contract, config)
    if contract == "trades" and _before_own_log(stack):
        window, window_config = resolve(stack.layers[0], contract)
        cache = window.contracts["trades"](window_config)
        if cache.coverage.newest is None:
            raise SettingsError(
                [f"{stack}: a cache of trades has a bound, such as memory://?recent=1000"]
            )
        return recent_trades(cache, truth)
    problems: list[str] = []
    caches: list[Placed] = []
    sinks: list[Placed] = []
    for url in stack.layers[:-1]:
        plain, policy = _policy(url, problems)
        backend, config = resolve(plain, None)
        factories: Mapping[str, Any] = backend.caches
        make = factories.get(contract)
        if make is None:
            offered = ", ".join(backend.caches) or "nothing"
            problems.append(
                f"{url}: {backend.name} cannot be a cache of {contract}, but of {offered}"
            )
            continue
        caches.append(
            Placed(
                store=make(config),
                name=str(plain),
                policy=policy,
                shared=backend.shared,
                complete=contract != "trades" and bool(getattr(config, "complete", False)),
            )
        )
    for url in stack.sinks:
        plain, policy = _policy(url, problems)
        backend, config = resolve(plain, contract)
        store = _made(backend, contract, config)
        sinks.append(Placed(store=store, name=str(plain), policy=policy))
    if problems:
        raise SettingsError(problems)
    try:
        return layered(caches, truth, sinks=sinks, kind=contract, options=options, meter=meter)
    except SettingsError as error:
        raise SettingsError([f"{stack}: {problem}" for problem in error.problems]) from None


def _made(backend: Backend, contract: str, config: Any) -> Any:
    factories: Mapping[str, Callable[[Any], Any]] = backend.contracts  # type: ignore[assignment]
    return factories[contract](config)


def _before_own_log(stack: Stack) -> bool:
    """A window before a log that this process alone writes, so that nobody invalidates it."""
    return [layer.scheme for layer in stack.layers] == ["memory", "file"] and not stack.sinks


def _policy(url: Url, problems: list[str]) -> tuple[Url, Policy | None]:
    """The URL as its backend sees it, and the layer's policy."""
    word = url.parameters.get(POLICY)
    if word is None:
        return url, None
    rest = {name: value for name, value in url.parameters.items() if name != POLICY}
    words = [policy.value for policy in Policy]
    if word not in words:
        problems.append(f"{url}: policy: expected one of {', '.join(words)}.{nearest(word, words)}")
        return attrs.evolve(url, parameters=rest), None
    return attrs.evolve(url, parameters=rest), Policy(word)


def _refuse_repeats(stack: Stack) -> None:
    places = [_place(url) for url in (*stack.layers, *stack.sinks)]
    twice = sorted({place for place in places if places.count(place) > 1})
    if twice:
        raise SettingsError([f"{stack}: {place} stands in it twice" for place in twice])


def _place(url: Url) -> str:
    """What tells one store from another, whatever their parameters."""
    return str(attrs.evolve(url, parameters={}))
