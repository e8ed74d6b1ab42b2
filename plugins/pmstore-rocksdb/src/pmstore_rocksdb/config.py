"""What a `rocksdb:` URL can say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs


def _positive(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value <= 0:
        raise ValueError(f"{attribute.name} is {value}; expected more than 0")


@attrs.frozen(kw_only=True)
class RocksConfig:
    """
    The parameters of `rocksdb:folder?tombstone_s=…`.

    Attributes:
        path: The folder of the database; all contracts share it.
        tombstone_s: Seconds for which a removed order's id refuses older versions.
    """

    path: Path
    tombstone_s: float = attrs.field(default=86_400.0, validator=_positive)
