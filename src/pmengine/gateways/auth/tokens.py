"""Verifies bearer tokens (JWT) by the one algorithm that the configuration names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import attrs
import jwt

from pmengine.gateways.auth.caller import Caller, Scope, is_user_id
from pmengine.gateways.auth.public_keys import KeyFile, PublicKey, PublicKeys
from pmstore.clock import Clock

REMEMBERED_MAX: Final = 10_000
SECRET_BYTES_MIN: Final = 32
"""A shared secret has at least the bits of the hash (RFC 7518, 3.2)."""

_SCOPES: Final[Mapping[str, Scope]] = {scope.value: scope for scope in Scope}


@attrs.frozen(repr=False)
class SharedSecret:
    """What signs and verifies with HS256; it has no `repr`."""

    text: str


class Tokens:
    """
    Verifies tokens and remembers the good ones until they expire.

    The algorithm follows from the key: ES256 for public keys, HS256 for a shared secret. What
    the token says of it decides nothing: any other is refused, `none` too.

    Args:
        key: The public keys of who signs, the file that has them, or the secret shared with it.
            Where the keys of the file change, nothing is remembered of those before.
        issuer: What `iss` must be; None asks for none.
        audience: What `aud` must be or contain; None takes only tokens for nobody in particular.
        leeway_s: By how much clocks may differ.
        clock: The time now in epoch milliseconds, for tokens that are remembered.
    """

    def __init__(
        self,
        key: PublicKeys | KeyFile | SharedSecret,
        *,
        issuer: str | None,
        audience: str | None,
        leeway_s: float,
        clock: Clock,
    ) -> None:
        self._file = key if isinstance(key, KeyFile) else None
        self._key = key.current() if isinstance(key, KeyFile) else key
        self._issuer = issuer
        self._audience = audience
        self._leeway_s = leeway_s
        self._clock = clock
        self._remembered: dict[bytes, Caller] = {}

    def verify(self, token: str, /) -> Caller | str:
        """
        Who *token* was given to, or why it does not count, without a word of the token.

        Cost: a hash; and a signature, the first time.
        """
        if self._file is not None and (keys := self._file.current()) is not self._key:
            self._key = keys
            self._remembered.clear()
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        known = self._remembered.get(digest)
        if known is not None:
            assert known.expires_at_ms is not None
            if known.expires_at_ms > self._clock():
                return known
            del self._remembered[digest]
            return _EXPIRED
        found = self._verify(token)
        if isinstance(found, Caller):
            if len(self._remembered) >= REMEMBERED_MAX:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[digest] = found
        return found

    def _verify(self, token: str) -> Caller | str:
        try:
            algorithm, key = self._key_for(token)
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._leeway_s,
                options={"require": ["exp", "sub"]},
            )
            return self._caller(claims)
        except jwt.ExpiredSignatureError:
            return _EXPIRED
        except jwt.ImmatureSignatureError:
            return "the token does not count yet"
        except jwt.InvalidIssuerError:
            return "the token is of another issuer"
        except jwt.InvalidAudienceError:
            return "the token is for another audience"
        except jwt.MissingRequiredClaimError as error:
            return f"the token has no {error.claim}"
        except Exception:
            # Whatever a forged token makes the library raise, too deep JSON too, is a refusal.
            return "the token cannot be verified"

    def _key_for(self, token: str) -> tuple[Literal["ES256", "HS256"], str | PublicKey]:
        if isinstance(self._key, SharedSecret):
            return "HS256", self._key.text
        return "ES256", self._key.find(jwt.get_unverified_header(token).get("kid"))

    def _caller(self, claims: Mapping[str, Any]) -> Caller | str:
        user_id = claims["sub"]
        if not isinstance(user_id, str) or not is_user_id(user_id):
            return "sub is no user's id: it takes 1..64 of A-Z a-z 0-9 . _ : -"
        return Caller(
            user_id=user_id,
            scopes=_scopes(claims),
            expires_at_ms=int((int(claims["exp"]) + self._leeway_s) * 1000),
        )


_EXPIRED: Final = "the token has expired"


def _scopes(claims: Mapping[str, Any]) -> frozenset[Scope]:
    """Those of `scope` (a text with blanks, or an array); others' words are passed over."""
    said = claims.get("scope", ())
    words: Sequence[Any] = said.split() if isinstance(said, str) else said
    if not isinstance(words, list | tuple):
        return frozenset()
    return frozenset(_SCOPES[one] for one in words if isinstance(one, str) and one in _SCOPES)
