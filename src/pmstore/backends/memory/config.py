"""What a `memory:` URL can say."""

from __future__ import annotations

from typing import Any

import attrs

from pmstore.models.position import START, Position


def _positive(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and value <= 0:
        raise ValueError(f"{attribute.name} is {value}; expected more than 0")


def _position(instance: object, attribute: attrs.Attribute[Any], value: str) -> None:
    Position.parse(value)


@attrs.frozen(kw_only=True)
class MemoryConfig:
    """
    The parameters of `memory://?max_orders=…&recent=…&tombstone_s=…&start=…&ttl_s=…`.

    Attributes:
        max_orders: Orders kept; ended ones go first, open ones never. Unset: all. As a
            cache: records kept, whatever they are; the one not asked for longest goes first.
        recent: Trades kept, the newest ones. Unset: all.
        tombstone_s: Seconds for which a removed order's id refuses older versions.
        complete: As a cache: hold everything, and answer lists too.
        ttl_s: Seconds for which a cache keeps an entry.
        start: The position (`ms-seq`) after which a stream's ids begin.
    """

    max_orders: int | None = attrs.field(default=None, validator=_positive)
    recent: int | None = attrs.field(default=None, validator=_positive)
    tombstone_s: float = attrs.field(default=86_400.0, validator=_positive)
    complete: bool = False
    ttl_s: float = attrs.field(default=86_400.0, validator=_positive)
    start: str = attrs.field(default=str(START), validator=_position)
