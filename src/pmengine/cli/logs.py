"""Where log lines go: JSON, one a line, to the error output and to a file that rotates."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from typing import Final

import structlog

from pmstore.settings import StorageSettings

FILE_BYTES_MAX: Final = 10 * 2**20


def configure_logs(settings: StorageSettings) -> None:
    """
    Send every log line of the process, ours and the libraries', where *settings* say.

    The API prints nothing else to the error output. A line has `event`, `level`, `logger`
    and `timestamp` (RFC 3339 UTC).

    Raises:
        OSError: The log file cannot be opened.
    """
    shared: list[structlog.types.Processor] = [
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
                settings.log_file,
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
