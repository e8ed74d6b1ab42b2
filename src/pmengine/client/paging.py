"""Lists of the API as async iterators over all of their pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Generic, TypeVar

import attrs

from pmengine.client.requests import Repeat, Request
from pmengine.client.transport import Transport

PAGE_SIZE: Final = 100

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Page(Generic[T]):
    """A page of a list; `next` is None on the last."""

    items: tuple[T, ...]
    next: str | None


async def all_of(
    transport: Transport,
    path: str,
    kind: type[Page[T]],
    parameters: Mapping[str, Any],
    *,
    limit: int | None,
    page_size: int,
) -> AsyncIterator[T]:
    """
    The items of a list, page after page, none twice and none left out.

    Each page begins behind the last item of the one before, not at a count of items: what
    comes or goes meanwhile moves nothing.

    Args:
        limit: Items at most; None for all.
        page_size: Items asked for at once, 1..1000.
    """
    left = limit
    after: str | None = None
    while left is None or left > 0:
        size = page_size if left is None else min(left, page_size)
        page = await transport.ask(
            Request(
                method="GET",
                path=path,
                answer=kind,
                repeat=Repeat.ASKS,
                parameters={**parameters, "limit": size, "after": after},
            )
        )
        for item in page.items:
            yield item
        after = page.next
        if after is None:
            return
        if left is not None:
            left -= len(page.items)
