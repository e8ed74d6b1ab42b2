"""What a `memory:` URL can say."""

from __future__ import annotations

from typing import Any

import attrs


def _positive(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and value <= 0:
        raise ValueError(f"{attribute.name} is {value}; expected more than 0")


@attrs.frozen(kw_only=True)
class MemoryConfig:
    """
    The parameters of `memory://?max_orders=…&recent=…&tombstone_s=…`.

    Attributes:
        max_orders: Orders kept; ended ones go first, open ones never. Unset: all.
        recent: Trades kept, the newest ones. Unset: all.
        tombstone_s: Seconds for which a removed order's id refuses older versions.
    """

    max_orders: int | None = attrs.field(default=None, validator=_positive)
    recent: int | None = attrs.field(default=None, validator=_positive)
    tombstone_s: float = attrs.field(default=86_400.0, validator=_positive)
