"""What a `nats:` URL can say."""

from __future__ import annotations

import re
from typing import Any

import attrs


def _prefix(instance: object, attribute: attrs.Attribute[Any], value: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,100}", value):
        raise ValueError(f"prefix is {value!r}; expected up to 100 of [A-Za-z0-9_-]")


def _positive(instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if not value > 0:
        raise ValueError(f"{attribute.name} is {value}; expected more than 0")


@attrs.frozen(kw_only=True)
class NatsConfig:
    """
    The parts of `nats://user:password@host:port?prefix=…`.

    Attributes:
        user: Of the server's accounts; unset: nobody.
        password: Of that user.
        host: Of a server with JetStream.
        port: There.
        prefix: A namespace: JetStream's streams are called `<prefix>_<name>`.
        timeout_s: Seconds after which a call fails.
    """

    user: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    host: str = "localhost"
    port: int = 4222
    prefix: str = attrs.field(default="", validator=_prefix)
    timeout_s: float = attrs.field(default=5.0, validator=_positive)
