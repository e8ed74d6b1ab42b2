"""What psycopg raises -> what pmstore raises, with the outcome and what to do."""

from __future__ import annotations

from typing import Final

import attrs
import psycopg

from pmstore.backends.postgres.config import PostgresConfig
from pmstore.errors import CorruptData, PmstoreError, StoreUnavailable, WriteOutcome

VERSION_CONFLICT: Final = "PM409"
"""What the function `version_conflict` of the schema raises; its detail is the key."""

NO_PARTITION: Final = "23514"
"""A row belongs into a partition that is not there; the tables have no other checks."""

REPEATABLE: Final = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: the server undid the statement and it may be repeated."""

_LOST: Final = frozenset({"57P01", "57P02", "57P03", "57P05", "40003"})
"""The server ended the connection: whether it did what was under way is not known."""

_ANSWERS: Final[dict[str, tuple[str, bool]]] = {
    "57014": ("did not finish within statement_timeout_s", True),
    "55P03": ("waited longer than lock_timeout_s for a lock of another", True),
    "40001": ("collided with others until the deadline", True),
    "40P01": ("collided with others until the deadline", True),
    "53100": ("the server's disk is full: free space there", True),
    "53200": ("the server is out of memory", True),
    "53300": ("the server takes no more connections: lower max_connections or raise its own", True),
    "25006": ("the server only reads: name the primary, or end its read-only mode", True),
    "42P01": ("the schema lacks a table: run `pmstore migrate`", False),
    "42703": ("the schema lacks a column: run `pmstore migrate`", False),
    "42883": ("the schema lacks a function: run `pmstore migrate`", False),
    "3F000": ("the schema does not exist: run `pmstore migrate`", False),
    "42501": ("the user lacks a privilege: grant it, or name another user", False),
}
"""SQLSTATE -> what it means here, and whether the same call may succeed later."""


@attrs.frozen
class Refusal:
    """
    Why a server does not let somebody in.

    Attributes:
        signs: What libpq says then; any of these.
        kind: As `pmstore doctor` calls it.
        advice: What it means, and what to do.
        retryable: Whether the same attempt may succeed later.
    """

    signs: tuple[str, ...]
    kind: str
    advice: str
    retryable: bool = False


_REFUSALS: Final = (
    Refusal(
        ("authentication failed", "no password supplied"),
        "password",
        "the server refuses the user: check the user and the password of the URL "
        "(DATABASE_USER, DATABASE_PASSWORD)",
    ),
    Refusal(
        ("role ",),
        "password",
        "the server does not know the user: check it (DATABASE_USER), or create the role",
    ),
    Refusal(
        ("database ",),
        "unreachable",
        "the server has no such database: check the name (DATABASE_NAME), or create it with "
        "`createdb {database}`",
    ),
    Refusal(
        ("pg_hba.conf",),
        "password",
        "the server lets this user not in from this host or without TLS: see its pg_hba.conf "
        "and ssl_mode (DATABASE_SSL_MODE)",
    ),
    Refusal(
        ("certificate", "does not support SSL", "SSL error", "root.crt"),
        "unreachable",
        "TLS failed: see ssl_mode (DATABASE_SSL_MODE) and ssl_root_cert",
    ),
    Refusal(
        ("too many clients", "connection slots"),
        "unreachable",
        "the server takes no more connections: lower max_connections or raise its own",
        True,
    ),
    Refusal(
        ("starting up", "shutting down", "recovery"),
        "unreachable",
        "the server is starting or stopping",
        True,
    ),
    Refusal(
        ("could not translate host name", "Name or service not known", "resolve"),
        "unreachable",
        "the host is unknown: check it (DATABASE_HOST)",
        True,
    ),
    Refusal(
        ("refused", "No such file"),
        "unreachable",
        "nothing listens there: start the server, or check host and port "
        "(DATABASE_HOST, DATABASE_PORT)",
        True,
    ),
)
_FROZEN: Final = Refusal(
    (), "unreachable", "no answer within connect_timeout_s: is it frozen, or far away?", True
)
_OTHER: Final = Refusal((), "unreachable", "no connection to the server", True)


class NoPartition(Exception):
    """A batch has rows for partitions that are not there; nothing was written."""


def refusal_of(error: BaseException) -> Refusal:
    """Why an attempt to connect failed."""
    if isinstance(error, TimeoutError):
        return _FROZEN
    said = str(error)
    found = (one for one in _REFUSALS if any(sign in said for sign in one.signs))
    return next(found, _OTHER)


def not_let_in(error: BaseException, config: PostgresConfig) -> StoreUnavailable:
    """What a failed attempt to connect means; nothing was sent, and no password is repeated."""
    refusal = refusal_of(error)
    advice = refusal.advice.format(database=config.database)
    said = without_password(str(error), config)
    failure = StoreUnavailable(
        f"{config.place}: {advice}" + (f" ({said})" if said else ""),
        outcome=WriteOutcome.NOT_APPLIED,
    )
    failure.retryable = refusal.retryable
    return failure


def too_late(config: PostgresConfig, *, sent: bool, certain: bool) -> StoreUnavailable:
    """
    The deadline of a call came: before its statement was *sent*, or with it under way.

    It is *certain* that nothing happened if the call only reads, or the server undid it.
    """
    what = "the answer" if sent else "a connection, free or new,"
    return StoreUnavailable(
        f"{config.place}: {what} did not come within statement_timeout_s "
        f"({config.statement_timeout_s:g} s)",
        outcome=WriteOutcome.UNKNOWN if sent and not certain else WriteOutcome.NOT_APPLIED,
    )


def state_of(error: psycopg.Error) -> str | None:
    """The SQLSTATE that the server answered, None if it did not answer."""
    return error.diag.sqlstate or error.sqlstate


def failed(error: psycopg.Error, config: PostgresConfig, *, writes: bool) -> PmstoreError:
    """What it means that a statement failed; not for a `VERSION_CONFLICT`."""
    state = state_of(error)
    said = without_password(str(error).partition("\n")[0], config)
    if state is None or state in _LOST or state.startswith("08"):
        return StoreUnavailable(
            f"{config.place}: the connection was lost ({said})",
            outcome=WriteOutcome.UNKNOWN if writes else WriteOutcome.NOT_APPLIED,
        )
    if state in ("XX001", "XX002"):
        return CorruptData(said, where=config.place)
    # The server answered: it undid the statement.
    advice, retryable = _ANSWERS.get(state, ("the server refused the statement", False))
    failure = StoreUnavailable(
        f"{config.place}: {advice} ({state}: {said})", outcome=WriteOutcome.NOT_APPLIED
    )
    failure.retryable = retryable
    return failure


def without_password(text: str, config: PostgresConfig) -> str:
    """*text* of a library or a server, should the password be in it."""
    return text.replace(config.password, "***") if config.password else text
