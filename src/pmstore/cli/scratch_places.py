"""Empty places beside the data that a URL names, counted and wiped."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import attrs

from pmstore.errors import SettingsError
from pmstore.registry import find_backend
from pmstore.url import Stack, Url


class ScratchPlaces:
    """
    Places named after one run, for a stack; each is wiped when nobody needs it any more.

    Args:
        stack: Beside whose data the places are.
        pins: Scheme -> distribution where several serve a scheme.
        kind: What they are for, the beginning of their names.
    """

    def __init__(self, stack: Stack, pins: Mapping[str, str] | None, kind: str) -> None:
        self._stack = stack
        self._pins = pins
        self._run = f"{kind}_{secrets.token_hex(4)}"
        self._used: dict[str, Stack] = {}

    def at(self, name: str) -> Stack:
        """
        The stack at the place *name* of this run; the same name again is the same place.

        Raises:
            SettingsError: A backend of the stack has no scratch namespaces.
        """
        if name not in self._used:
            place = f"{self._run}_{name.replace('-', '_')}"
            self._used[name] = scratch_stack(self._stack, self._pins, place)
        return self._used[name]

    async def wipe(self) -> None:
        """Wipe every place that was used and not wiped yet."""
        while self._used:
            name, stack = next(iter(self._used.items()))
            # The truth first: no cache is filled from it again.
            for url in (stack.truth, *stack.sinks, *stack.layers[:-1]):
                backend, config = find_backend(url, pins=self._pins)
                if backend.upkeep is not None:
                    await backend.upkeep.wipe(config)
            del self._used[name]


def scratch_stack(stack: Stack, pins: Mapping[str, str] | None, name: str) -> Stack:
    """
    *stack* in the scratch namespace *name*.

    Raises:
        SettingsError: One of its backends has none.
    """

    def scratch(url: Url) -> Url:
        backend, _ = find_backend(url, pins=pins)
        if backend.scratch is None or backend.upkeep is None:
            raise SettingsError(
                [f"{url}: {backend.name} has no scratch namespaces, so nothing is tried out there"]
            )
        return backend.scratch(url, name)

    return attrs.evolve(
        stack,
        layers=tuple(scratch(one) for one in stack.layers),
        sinks=tuple(scratch(one) for one in stack.sinks),
    )
