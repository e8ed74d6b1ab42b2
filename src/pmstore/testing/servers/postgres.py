"""A throw-away PostgreSQL."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from psycopg import sql

from pmstore.testing.servers.binaries import find_postgres
from pmstore.testing.servers.process import ServerFailed, ServerProcess, free_port

_USER: Final = "pmstore"
_STARTS_MAX: Final = 3
_OTHER_ID: Final = 65_534
"""`nobody`, as whom the server runs where root cannot be somebody else by a namespace."""


class PostgresServer:
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

    host: Final = "127.0.0.1"
    user: Final = _USER

    def __init__(self, folder: Path, *, options: Sequence[str] = ()) -> None:
        self._binary = find_postgres()
        self._folder = folder
        self._options = tuple(options)
        self._process: ServerProcess | None = None
        self._runner = _Runner(self._binary.path.parent)
        self._data = folder / "data"
        self.password = secrets.token_hex(8)
        self.port = free_port()

    @property
    def url(self) -> str:
        """`postgresql://user:password@127.0.0.1:port/postgres`."""
        return self._url("postgres")

    @property
    def version(self) -> str:
        """Of the program."""
        return self._binary.version

    @property
    def flavour(self) -> str:
        """`postgres`."""
        return self._binary.flavour

    @property
    def origin(self) -> str:
        """`system` or `wheels`."""
        return self._binary.origin

    @property
    def log(self) -> Path:
        """What the server said."""
        return self._folder / "log.txt"

    @property
    def data(self) -> Path:
        """The data folder."""
        return self._data

    def __str__(self) -> str:
        return str(self._binary)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._runner.close()

    def start(self) -> None:
        """Start it; the port stays the same from the first start on."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._data.exists():
            self._data = self._runner.initialised(self._folder, self.password)
        for attempt in range(1, _STARTS_MAX + 1):
            try:
                self._process = ServerProcess(
                    self._command(),
                    log=self.log,
                    ready=b"database system is ready to accept",
                    popen=self._runner.popen,
                    stop_signal=signal.SIGINT,
                )
            except ServerFailed as failed:
                if attempt == _STARTS_MAX or "in use" not in str(failed):
                    raise
                self.port = free_port()
            else:
                return

    def stop(self) -> None:
        """Stop it; without effect on one that does not run."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """End it and the processes of its sessions at once."""
        self._running().kill()
        self._process = None

    def pause(self) -> None:
        """Freeze it: connections stay, nobody answers."""
        self._running().pause()

    def resume(self) -> None:
        """Let a frozen one go on."""
        self._running().resume()

    def restart(self, *, empty: bool = False) -> None:
        """Start it again at its port, with its data or without any; it is stopped if it runs."""
        self.stop()
        if empty:
            shutil.rmtree(self._data)
        self.start()

    def create_database(self, name: str) -> str:
        """Make an empty database; answers its URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    def _running(self) -> ServerProcess:
        if self._process is None:
            raise ServerFailed("the server does not run")
        return self._process

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
            *("-D", self._data, "-p", str(self.port)),
            *(argument for each in settings for argument in ("-c", each)),
            *self._options,
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
