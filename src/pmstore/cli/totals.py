"""How many records a place has, where its backend can tell."""

from __future__ import annotations

from collections.abc import Mapping

from pmstore.cli.places import Place
from pmstore.registry import find_backend
from pmstore.url import Url


async def contents_of(url: Url, pins: Mapping[str, str] | None) -> Mapping[str, int] | None:
    """What is at a URL, counted by kind; None if its backend does not count."""
    backend, config = find_backend(url, pins=pins)
    return None if backend.upkeep is None else await backend.upkeep.contents(config)


async def total_of(place: Place, contract: str) -> int | None:
    """How many records of a contract the truth of a place has; None if nobody counts."""
    contents = await contents_of(place.stack.truth, place.pins)
    return None if contents is None else contents.get(contract)
