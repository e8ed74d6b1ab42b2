"""
Where log lines go: JSON, one a line, to the error output and to a file that rotates.

There is no line for a single order, and no line has a password: what is logged are URLs in
their text form, which hides them, and the reasons of failures.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

import structlog

from pmstore.settings import StorageSettings

FILE_BYTES_MAX: Final = 10 * 2**20
FILES_MAX: Final = 100
"""Processes of one name that write logs into one folder."""


def configure_logs(settings: StorageSettings, process: str = "") -> None:
    """
    Send every log line of the process, ours and the libraries', where *settings* say.

    The API prints nothing else to the error output. A line has `event`, `level`, `logger`,
    `timestamp` (RFC 3339 UTC) and, if it is named, `process`.

    Args:
        process: Names this process among those with the same settings: `pm.log` becomes
            `pm-engine.log`, and `pm-engine-2.log` for a second one that runs beside it, since
            two that rotate one file would lose lines.

    Raises:
        OSError: The log file cannot be opened.
    """

    def name_process(_: Any, __: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
        if process:
            line["process"] = process
        return line

    shared: list[structlog.types.Processor] = [
        name_process,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
    handlers: list[logging.Handler] = []
    if settings.log_console:
        handlers.append(logging.StreamHandler(sys.stderr))
    if settings.log_file is not None:
        settings.log_file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(
            RotatingFileHandler(
                _own_file(settings.log_file, process) if process else settings.log_file,
                maxBytes=FILE_BYTES_MAX,
                backupCount=settings.log_rotation_max_files,
            )
        )
    root = logging.getLogger()
    root.handlers = handlers or [logging.NullHandler()]
    for handler in root.handlers:
        handler.setFormatter(formatter)
    root.setLevel(settings.log_level)
    # It tells at the level INFO which of its own parts it loads.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.captureWarnings(True)


def _own_file(file: Path, process: str) -> Path:
    """The first file of that process name that no other process writes now; it is locked."""
    name = process.replace(" ", "-")
    for number in range(1, FILES_MAX + 1):
        own = file.with_stem(f"{file.stem}-{name}" + (f"-{number}" if number > 1 else ""))
        lock = os.open(own.with_name(f"{own.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            # Held until the process ends, whatever ends it.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return own
    raise OSError(f"{FILES_MAX} processes called {process} write logs beside {file}")
