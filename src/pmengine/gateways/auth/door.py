"""The door of the gateways: turns what a client shows into the caller that it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import attrs

from pmengine.gateways.auth.caller import EVERYTHING, Caller, NotAdmitted, is_user_id


@attrs.frozen(kw_only=True, repr=False)
class Shown:
    """
    What the headers of a request show of who asks, as they came; empty for one that is not there.

    It has no `repr`: two of them are secret.
    """

    authorization: bytes = b""
    api_key: bytes = b""
    user_id: bytes = b""


class Door(Protocol):
    """
    Says who asks. HTTP shows headers, a WebSocket its first message:

        caller = door.identify_message(msgspec.json.decode(text))  # NotAdmitted: say it, close
        if not caller.may(Scope.READ): …
        …
        if not door.is_valid(caller): …  # now and then: tokens expire, keys are revoked

    Nothing waits: each call looks at what is in memory.
    """

    @property
    def is_open(self) -> bool:
        """Whether everybody is let in (AUTH=off)."""
        ...

    def identify(self, shown: Shown, /) -> Caller | None:
        """
        Who shows *shown*; None if it shows nothing.

        Raises:
            NotAdmitted: What it shows does not count.
        """
        ...

    def identify_message(self, message: Mapping[str, object], /) -> Caller:
        """
        Who says *message* first on a WebSocket.

        `{"auth": TOKEN}` or `{"api_key": KEY}`; with AUTH=off `{"user_id": USER}`.

        Raises:
            NotAdmitted: It says nothing of who it is, or what it shows does not count.
        """
        ...

    def is_valid(self, caller: Caller, /) -> bool:
        """Whether *caller*, identified before, would be now: not expired, not revoked."""
        ...


class OpenDoor:
    """AUTH=off: the header X-User-Id names the user, and everybody may do everything."""

    is_open = True

    def identify(self, shown: Shown, /) -> Caller:
        """The user that the header names; one without a name if it names none."""
        name = shown.user_id.decode("latin-1")
        if name and not is_user_id(name):
            raise _no_id(name, "X-User-Id")
        return Caller(user_id=name, scopes=EVERYTHING)

    def identify_message(self, message: Mapping[str, object], /) -> Caller:
        """The user that `user_id` names."""
        name = message.get("user_id")
        if not isinstance(name, str):
            raise NotAdmitted(401, "NO_USER", 'say who you are: {"user_id": "u1"}', field="user_id")
        if not is_user_id(name):
            raise _no_id(name, "user_id")
        return Caller(user_id=name, scopes=EVERYTHING)

    def is_valid(self, caller: Caller, /) -> bool:
        """Always."""
        return True


def _no_id(name: str, field: str) -> NotAdmitted:
    shown = repr(name) if len(name) <= 64 else repr(name[:64]) + "…"
    detail = f"{field} is {shown}; it takes 1..64 of A-Z a-z 0-9 . _ : -"
    return NotAdmitted(422, "INVALID_ID", detail, field=field)
