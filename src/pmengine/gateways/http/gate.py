"""Lets a request to what it asks for, or says why not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from pmengine.gateways.auth import Caller, Door, Limits, NotAdmitted, Scope, Shown
from pmengine.gateways.http.problems import Problem

_NO_ADDRESS: Final = ("", 0)


@attrs.define(kw_only=True, repr=False)
class Asking:
    """
    What the headers of a request say of itself; of who asks, in `shown`.

    It has no `repr`: some of it is secret.
    """

    shown: Shown
    forwarded_for: bytes = b""
    content_type: bytes = b""
    content_length: bytes = b""


def read_headers(headers: Iterable[tuple[bytes, bytes]]) -> Asking:
    """
    What *headers* say.

    Raises:
        Problem: One that says who asks is there twice (400): a proxy may have read the other.
    """
    authorization = api_key = user_id = b""
    asking = Asking(shown=_NOTHING)
    for name, value in headers:
        if name == b"x-user-id":
            user_id = _only(user_id, value, "X-User-Id")
        elif name == b"content-type":
            asking.content_type = value
        elif name == b"content-length":
            asking.content_length = value
        elif name == b"authorization":
            authorization = _only(authorization, value, "Authorization")
        elif name == b"x-api-key":
            api_key = _only(api_key, value, "X-API-Key")
        elif name == b"x-forwarded-for":
            asking.forwarded_for += b"," + value if asking.forwarded_for else value
    asking.shown = Shown(authorization=authorization, api_key=api_key, user_id=user_id)
    return asking


class Gate:
    """
    The rules of who may ask what, and how much, for every operation alike.

    With AUTH=off nothing is counted: only this machine's own programs are there.
    """

    def __init__(self, door: Door, limits: Limits) -> None:
        self._door = door
        self._limits = limits

    @property
    def is_open(self) -> bool:
        """Whether everybody is let in (AUTH=off)."""
        return self._door.is_open

    def admit(
        self,
        client: tuple[str, int] | None,
        asking: Asking,
        scope: Scope | None,
        *,
        is_own: bool = False,
    ) -> str:
        """
        The user who asks; empty if nobody is named and nobody needs to be.

        Who shows something is let in by it, or refused, also where nothing needs to be shown.

        Args:
            client: Who is at the other end of the connection.
            scope: What it takes to ask this; None if everybody may.
            is_own: Whether it concerns the user's own things, so that one must be named.

        Raises:
            Problem: Not let in (401, 403, 422, 429, 503).
        """
        try:
            self._limits.take_address(_host(client), asking.forwarded_for)
            shown = asking.shown
            if scope is None and not (shown.authorization or shown.api_key):
                return ""
            caller = self._door.identify(shown)
            if caller is None:
                raise _nobody()
            self._limits.take_user(caller.user_id)
        except NotAdmitted as error:
            raise problem_of(error) from None
        if is_own and not caller.user_id:
            raise problem_of(_unnamed())
        if scope is not None and not caller.may(scope):
            raise problem_of(_beyond(scope))
        return caller.user_id

    def identify(self, client: tuple[str, int] | None, asking: Asking) -> Caller | None:
        """
        Who asks, whatever it may do; None for who shows nothing.

        Raises:
            Problem: What it shows does not count, or it asks too much (401, 422, 429, 503).
        """
        try:
            self._limits.take_address(_host(client), asking.forwarded_for)
            caller = self._door.identify(asking.shown)
            if caller is not None:
                self._limits.take_user(caller.user_id)
        except NotAdmitted as error:
            raise problem_of(error) from None
        return caller

    def count(self, user_id: str, requests: int) -> None:
        """
        Count what a request of *user_id* asks for beyond itself.

        Raises:
            Problem: The user asks too much (429).
        """
        if requests:
            try:
                self._limits.take_user(user_id, requests)
            except NotAdmitted as error:
                raise problem_of(error) from None


def problem_of(error: NotAdmitted) -> Problem:
    """The answer to somebody who is not let in."""
    headers = {}
    if error.challenge is not None:
        headers[b"www-authenticate"] = error.challenge.encode()
    if error.retry_after_s is not None:
        headers[b"retry-after"] = b"%d" % error.retry_after_s
    return Problem(error.status, error.code, error.detail, field=error.field, headers=headers)


_NOTHING: Final = Shown()


def _only(before: bytes, value: bytes, name: str) -> bytes:
    if before:
        raise Problem(400, "MALFORMED", f"{name} is there twice; send it once", field=name)
    return value


def _host(client: tuple[str, int] | None) -> str:
    return (client or _NO_ADDRESS)[0]


def _nobody() -> NotAdmitted:
    return NotAdmitted(
        401,
        "NO_USER",
        "the request does not say who asks; send Authorization: Bearer TOKEN, or X-API-Key",
        field="Authorization",
        challenge='Bearer realm="pmengine"',
    )


def _unnamed() -> NotAdmitted:
    return NotAdmitted(
        401,
        "NO_USER",
        "the request does not say who asks; send the header X-User-Id",
        field="X-User-Id",
        challenge="X-User-Id",
    )


def _beyond(scope: Scope) -> NotAdmitted:
    return NotAdmitted(
        403,
        "SCOPE_MISSING",
        f"this takes the scope {scope.value}, which the caller has not",
        challenge=f'Bearer realm="pmengine", error="insufficient_scope", scope="{scope.value}"',
    )
