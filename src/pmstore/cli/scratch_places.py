"""Empty places beside the data that a URL names, counted and wiped."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

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
        self._folders = _missing_folders(stack, pins)
        self.left: dict[str, Mapping[str, int]] = {}
        """What the backends still counted after `wipe`, by their names."""

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
        """
        Wipe every place that was used and not wiped yet, and folders made above them.

        What a backend counts there afterwards is kept in `left`.
        """
        while self._used:
            name, stack = next(iter(self._used.items()))
            # The truth first: no cache is filled from it again.
            urls = (stack.truth, *stack.sinks, *stack.layers[:-1])
            for url in urls:
                backend, config = find_backend(url, pins=self._pins)
                if backend.upkeep is not None:
                    await backend.upkeep.wipe(config)
            for url in urls:
                backend, config = find_backend(url, pins=self._pins)
                held = await backend.upkeep.contents(config) if backend.upkeep is not None else {}
                if held:
                    self.left[backend.name] = held
            del self._used[name]
        for folder in self._folders:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _missing_folders(stack: Stack, pins: Mapping[str, str] | None) -> list[Path]:
    """The folders on the paths of *stack* that are not there yet, the innermost first."""
    configs = [find_backend(url, pins=pins)[1] for url in (*stack.layers, *stack.sinks)]
    # What a URL's path means is known to the backend: a `Path` is one of the file system.
    paths = [path for path in (getattr(one, "path", None) for one in configs) if path]
    folders = {
        folder for path in paths if isinstance(path, Path) for folder in (path, *path.parents)
    }
    missing = [folder for folder in folders if not folder.exists()]
    return sorted(missing, key=lambda folder: len(folder.parts), reverse=True)


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
