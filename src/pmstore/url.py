"""The URLs that name stores, parsed once; printed without their secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import attrs

from pmstore.errors import SettingsError

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*\Z")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SECRETS: Final = frozenset({"password", "secret", "token"})
_HIDDEN: Final = "***"


def _read_only(parameters: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(parameters))


def _content(parameters: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What parameters are compared, and hashed, by."""
    return tuple(sorted(parameters.items()))


@attrs.frozen(kw_only=True, repr=False)
class Url:
    """
    One store: `scheme://user:password@host:port/path?parameter=value`, or `scheme:path`.

    Every part is decoded. `path` keeps its leading slash: `file:///var/x` is `/var/x` and
    `file:x` is `x`. `str` and `repr` show `***` for the password and for parameters named
    password, secret or token.
    """

    scheme: str
    user: str | None = None
    password: str | None = None
    host: str | None = None
    port: int | None = None
    path: str = ""
    parameters: Mapping[str, str] = attrs.field(factory=dict, converter=_read_only, eq=_content)

    def __str__(self) -> str:
        place = ""
        if self.user is not None or self.password is not None:
            place = quote(self.user or "", safe="")
            place += f":{_HIDDEN}@" if self.password is not None else "@"
        if self.host is not None:
            place += f"[{self.host}]" if ":" in self.host else self.host
        if self.port is not None:
            place += f":{self.port}"
        shown = {
            name: _HIDDEN if name.lower() in _SECRETS else value
            for name, value in self.parameters.items()
        }
        path = quote(self.path, safe="/:@,=~+$&!'();*")
        relative = bool(path) and not path.startswith("/") and not place
        query = f"?{urlencode(shown, safe='*/:,')}" if shown else ""
        return f"{self.scheme}:{'' if relative else '//'}{place}{path}{query}"

    def __repr__(self) -> str:
        return f"<Url {self}>"


@attrs.frozen(kw_only=True, repr=False)
class Stack:
    """
    Layers from fast to true, then sinks: `memory:// > postgresql://… | file:trades.log`.

    The last of `layers` is the truth, those before it are caches. `sinks` are written and
    never read.
    """

    layers: tuple[Url, ...] = attrs.field(validator=attrs.validators.min_len(1))
    sinks: tuple[Url, ...] = ()

    @property
    def truth(self) -> Url:
        """The layer that the others are caches of."""
        return self.layers[-1]

    def __str__(self) -> str:
        chain = " > ".join(map(str, self.layers))
        return " | ".join([chain, *map(str, self.sinks)])

    def __repr__(self) -> str:
        return f"<Stack {self}>"


def parse_url(text: str, /) -> Url:
    """
    Read the URL of one store.

    Raises:
        SettingsError: Not a URL, or a parameter given twice. The text is not repeated
            beyond its scheme, since it may hold a password.
    """
    text = text.strip()
    scheme, colon, _ = text.partition(":")
    if not colon or not _SCHEME.match(scheme):
        raise SettingsError(
            ["a store's URL begins with a scheme in lower case, such as memory:// or file:folder"]
        )
    if _CONTROL.search(text):
        raise SettingsError([f"{scheme}: URL with a control character"])
    if "#" in text:
        raise SettingsError([f"{scheme}: URL with a #; write %23 for one that belongs to it"])
    try:
        parts = urlsplit(text)
        port = parts.port
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        # The reason would repeat a part of the URL, and a password may stand in any of them.
        raise SettingsError(
            [
                f"{scheme}: URL that cannot be read; expected "
                f"{scheme}://user:password@host:port/path?parameter=value, with every sign in "
                "them that has a meaning in URLs written as %XX"
            ]
        ) from None
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError([f"{scheme}: parameter {name!r} is given twice" for name in twice])
    # hostname folds case and drops brackets; an empty authority is no host.
    return Url(
        scheme=scheme,
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        host=parts.hostname,
        port=port,
        path=unquote(parts.path),
        parameters=dict(pairs),
    )


def parse_stack(text: str, /) -> Stack:
    """
    Read a stack of one or more layers, and its sinks.

    A `>` or `|` that belongs to a URL is written `%3E` or `%7C` there.

    Raises:
        SettingsError: An empty layer, a `>` behind a `|`, or a URL that cannot be read.
    """
    chain, *sinks = text.split("|")
    layers = chain.split(">")
    problems: list[str] = []
    if any(not part.strip() for part in [*layers, *sinks]):
        problems.append("a stack has a URL on both sides of each > and |, and at least one in all")
    if any(">" in sink for sink in sinks):
        problems.append("what stands behind | is written and never read, so no > follows it")
    if problems:
        raise SettingsError(problems)
    return Stack(
        layers=tuple(parse_url(part) for part in layers),
        sinks=tuple(parse_url(part) for part in sinks),
    )
