"""What a `sqlite:` URL can say."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs

from pmstore.errors import SettingsError
from pmstore.plugin import Url, config_from


def _positive(instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{attribute.name} is {value}; expected more than 0")


@attrs.frozen(kw_only=True)
class SqliteConfig:
    """
    The parameters of `sqlite:///path?tombstone_s=…&busy_timeout_s=…`.

    Attributes:
        path: The database file; it and its folder are made when they are missing.
        tombstone_s: Seconds for which a removed order's id refuses older versions.
        busy_timeout_s: Seconds for which a write waits for one of another process.
    """

    path: Path
    tombstone_s: float = attrs.field(default=86_400.0, validator=_positive)
    busy_timeout_s: float = attrs.field(default=5.0, validator=_positive)


def config_of(url: Url) -> SqliteConfig:
    """
    The config that *url* says: `sqlite:///x.db` is relative, `sqlite:////x.db` absolute.

    Raises:
        SettingsError: It names no file, or has a part or parameter that is none of ours.
    """
    path = url.path.removeprefix("/")
    if path in ("", ":memory:"):
        raise SettingsError(
            [
                f"{url}: it names no file; write sqlite:///relative.db or sqlite:////absolute.db, "
                "or memory:// for what need not last"
            ]
        )
    return attrs.evolve(config_from(SqliteConfig, url), path=Path(path))
