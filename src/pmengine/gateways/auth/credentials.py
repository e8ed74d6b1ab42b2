"""The door with AUTH on: bearer tokens, API keys, or both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pmengine.gateways.auth.caller import Caller, NotAdmitted
from pmengine.gateways.auth.door import Shown
from pmengine.gateways.auth.key_ring import KeyRing
from pmengine.gateways.auth.key_text import KEY_PREFIX
from pmengine.gateways.auth.tokens import Tokens
from pmstore.clock import Clock

CREDENTIAL_BYTES_MAX: Final = 4096
CHALLENGE: Final = 'Bearer realm="pmengine"'
REFUSED_CHALLENGE: Final = f'{CHALLENGE}, error="invalid_token"'


class CredentialDoor:
    """
    Lets in who shows a token or a key that counts.

    Args:
        tokens: Verifies JWTs; None takes none.
        keys: Knows the API keys; None takes none.
        clock: The time now in epoch milliseconds.
    """

    is_open = False

    def __init__(self, tokens: Tokens | None, keys: KeyRing | None, clock: Clock) -> None:
        self._tokens = tokens
        self._keys = keys
        self._clock = clock

    def identify(self, shown: Shown, /) -> Caller | None:
        """Who shows *shown*; see `Door.identify`. X-User-Id does not count."""
        if shown.api_key:
            if shown.authorization:
                detail = "both Authorization and X-API-Key are there; send one of them"
                raise _refused(detail, "X-API-Key")
            return self._by_key(shown.api_key.decode("latin-1"), "X-API-Key")
        if not shown.authorization:
            return None
        scheme, _, credential = shown.authorization.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            raise _refused("Authorization takes: Bearer TOKEN", "Authorization")
        credential = credential.strip(" ")
        if credential.startswith(KEY_PREFIX):
            return self._by_key(credential, "Authorization")
        return self._by_token(credential, "Authorization")

    def identify_message(self, message: Mapping[str, object], /) -> Caller:
        """Who says *message* first; see `Door.identify_message`."""
        token, key = message.get("auth"), message.get("api_key")
        if isinstance(token, str) and key is None:
            return self._by_token(token, "auth")
        if isinstance(key, str) and token is None:
            return self._by_key(key, "api_key")
        detail = 'say who you are: {"auth": TOKEN} or {"api_key": KEY}'
        raise NotAdmitted(401, "NO_USER", detail, challenge=CHALLENGE)

    def is_valid(self, caller: Caller, /) -> bool:
        """Whether its token has not expired, and its key has not been revoked."""
        if caller.expires_at_ms is not None and caller.expires_at_ms <= self._clock():
            return False
        return caller.key_id is None or (self._keys is not None and self._keys.has(caller.key_id))

    def _by_token(self, token: str, field: str) -> Caller:
        if self._tokens is None:
            raise _refused("tokens are not taken here; send an API key", field)
        if len(token) > CREDENTIAL_BYTES_MAX:
            raise _refused(f"the token is beyond {CREDENTIAL_BYTES_MAX} bytes", field)
        caller = self._tokens.verify(token)
        if isinstance(caller, str):
            raise _refused(caller, field)
        return caller

    def _by_key(self, key: str, field: str) -> Caller:
        if self._keys is None:
            raise _refused("API keys are not taken here; send a token", field)
        if not self._keys.is_fresh:
            # Whether a key was revoked is not known: neither yes nor no would be right.
            raise NotAdmitted(
                503,
                "KEYS_BEHIND",
                "it is not known now which API keys were revoked; ask again",
                retry_after_s=1,
            )
        caller = self._keys.find(key)
        if caller is None:
            raise _refused("the API key is not known, or was revoked", field)
        return caller


def _refused(detail: str, field: str) -> NotAdmitted:
    return NotAdmitted(401, "BAD_CREDENTIALS", detail, field=field, challenge=REFUSED_CHALLENGE)
