"""A throw-away PostgreSQL."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import psycopg
from psycopg import sql

from pmstore.testing.servers.binaries import find_postgres
from pmstore.testing.servers.process import ServerFailed
from pmstore.testing.servers.server import Server

_USER: Final = "pmstore"
_OTHER_ID: Final = 65_534
"""`nobody`, as whom the server runs where root cannot be somebody else by a namespace."""


class PostgresServer(Server):
    """
    A PostgreSQL of its own on a free port, with a user, a password and a database.

    What was committed is there after `kill`. It does not wait for the disk (`fsync off`),
    which only a crash of the whole machine could tell, unless *options* say otherwise.
    PostgreSQL refuses to run as root; then it runs in a user namespace of its own, or as
    nobody where there are none.

    Args:
        folder: Where it keeps its data and its log (`log.txt`); made if it is missing.
        options: Further arguments of the program, such as `("-c", "max_connections=10")`;
            later ones beat ours.
    """

    user: Final = _USER

    def __init__(self, folder: Path, *, options: Sequence[str] = ()) -> None:
        super().__init__(
            find_postgres(),
            folder,
            options=options,
            ready=b"database system is ready to accept",
            stop_signal=signal.SIGINT,
        )
        self._runner = _Runner(self.binary.path.parent)
        self.password = secrets.token_hex(8)
        self.data = self.folder / "data"
        """The data folder."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(exc_type, exc, traceback)
        self._runner.close()

    @property
    def url(self) -> str:
        """`postgresql://user:password@127.0.0.1:port/postgres`."""
        return self._url("postgres")

    def create_database(self, name: str) -> str:
        """Make an empty database; answers its URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    def _prepare(self) -> None:
        if not self.data.exists():
            self.data = self._runner.initialised(self.folder, self.password)

    def _popen(self) -> Mapping[str, Any]:
        return self._runner.popen

    def _empty(self) -> None:
        shutil.rmtree(self.data)

    def _command(self) -> list[str | Path]:
        settings = (
            f"listen_addresses={self.host}",
            "unix_socket_directories=",
            "fsync=off",
            "full_page_writes=off",
            "shared_buffers=64MB",
        )
        return [
            *self._runner.prefix,
            self._runner.programs / "postgres",
            *("-D", self.data, "-p", str(self.port)),
            *(argument for each in settings for argument in ("-c", each)),
            *self.options,
        ]


class _Runner:
    """
    As whom the programs of PostgreSQL run.

    Attributes:
        prefix: What stands before a program's name.
        popen: Arguments of `subprocess.Popen`.
        programs: The folder of the programs.
    """

    def __init__(self, programs: Path) -> None:
        self.prefix: tuple[str, ...] = ()
        self.popen: dict[str, Any] = {"env": os.environ | {"LC_ALL": "C", "TZ": "UTC"}}
        self.programs = programs
        self._own: Path | None = None
        if os.geteuid() != 0:
            return
        namespace = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
        if shutil.which("unshare") and _succeeds(*namespace, "true"):
            self.prefix = namespace
        else:
            self._become_nobody()

    def initialised(self, folder: Path, password: str) -> Path:
        """A new data folder: in *folder*, or where the server may go."""
        data = (self._own or folder) / "data"
        secret = (self._own or folder) / "password"
        secret.write_text(password)
        if self._own is not None:
            os.chown(secret, _OTHER_ID, _OTHER_ID)
        done = subprocess.run(
            [
                *self.prefix,
                self.programs / "initdb",
                *("-D", data, "-U", _USER, "-A", "scram-sha-256", "--pwfile", secret),
                *("-E", "UTF8", "--locale=C", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            check=False,
            **self.popen,
        )
        secret.unlink()
        if done.returncode:
            raise ServerFailed(f"initdb failed:\n{done.stdout}{done.stderr}")
        return data

    def close(self) -> None:
        """Remove what was copied."""
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    def _become_nobody(self) -> None:
        """Run as nobody, in a folder and from a copy of the programs that nobody can reach."""
        self._own = Path(tempfile.mkdtemp(prefix="pmstore-postgres-"))
        self._own.chmod(0o755)
        os.chown(self._own, _OTHER_ID, _OTHER_ID)
        self.popen |= {"user": _OTHER_ID, "group": _OTHER_ID, "extra_groups": (), "cwd": self._own}
        if not _reachable(self.programs):
            installed = self._own / "postgres"
            shutil.copytree(self.programs.parent, installed, symlinks=True)
            self.programs = installed / self.programs.name


def _reachable(folder: Path) -> bool:
    return all(each.stat().st_mode & 0o005 == 0o005 for each in (folder, *folder.parents))


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
