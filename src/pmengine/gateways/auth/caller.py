"""Who asks: a user, and what it may do."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Final

import attrs

_USER_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class Scope(enum.StrEnum):
    """What a caller may do; `trade` includes `read`, and `admin` includes neither."""

    READ = "read"
    """See its own orders, money, positions and feed."""
    TRADE = "trade"
    """Place, change and cancel its own orders, move its own money and tokens."""
    ADMIN = "admin"
    """What concerns everybody: events, resolutions, pauses, deposits."""


EVERYTHING: Final = frozenset(Scope)
_ENOUGH: Final[Mapping[Scope, frozenset[Scope]]] = {
    Scope.READ: frozenset({Scope.READ, Scope.TRADE}),
    Scope.TRADE: frozenset({Scope.TRADE}),
    Scope.ADMIN: frozenset({Scope.ADMIN}),
}


@attrs.frozen(kw_only=True)
class Caller:
    """
    A user that was identified; nothing of it is secret.

    `user_id` is empty only with AUTH=off, for who names no user. `expires_at_ms` (epoch
    milliseconds) is when its token ends, `key_id` which API key it showed.
    """

    user_id: str
    scopes: frozenset[Scope]
    expires_at_ms: int | None = None
    key_id: str | None = None

    def may(self, scope: Scope, /) -> bool:
        """Whether it has *scope*, or one that includes it."""
        return not self.scopes.isdisjoint(_ENOUGH[scope])


class NotAdmitted(Exception):
    """
    Somebody who is not let in, on the way to its answer; nothing of it is secret.

    Args:
        status: The HTTP status: 401, 403, 422, 429, or 503 if it cannot be known now.
        code: For programs.
        detail: For people; it never repeats a credential.
        field: The header that is to blame.
        challenge: What the header `WWW-Authenticate` says.
        retry_after_s: When asking again may help.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        challenge: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field
        self.challenge = challenge
        self.retry_after_s = retry_after_s


def is_user_id(text: str) -> bool:
    """Whether *text* is a user's id as the edge takes it: 1..64 of `A-Z a-z 0-9 . _ : -`."""
    return _USER_ID.fullmatch(text) is not None
