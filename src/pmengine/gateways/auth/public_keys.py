"""The public keys that tokens are verified with, from a PEM or JWKS file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, Final

import attrs
import jwt
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from pmengine.gateways.watched_files import WatchedFiles

PublicKey = EllipticCurvePublicKey
FILE_BYTES_MAX: Final = 1024 * 1024

_logger = structlog.get_logger("pmengine.tokens")


class UnusableKey(Exception):
    """A file of public keys that cannot be used; the message says why, and nothing of a key."""


@attrs.frozen
class PublicKeys:
    """Public keys of the curve P-256 (ES256) by their `kid`; a single one needs none."""

    by_id: Mapping[str | None, PublicKey]

    def find(self, key_id: Any) -> PublicKey:
        """
        The key that a token names.

        Raises:
            KeyError: There is none of that id.
        """
        if len(self.by_id) == 1 and (key_id is None or None in self.by_id):
            return next(iter(self.by_id.values()))
        return self.by_id[key_id]


class KeyFile:
    """
    The public keys of a file, read anew when it has changed.

    Args:
        now_s: Seconds that only grow.

    Raises:
        UnusableKey: As for `read_public_keys`.
    """

    def __init__(self, path: Path, *, now_s: Callable[[], float] = monotonic) -> None:
        self._path = path
        self._files = WatchedFiles([path], now_s)
        self._keys = read_public_keys(path)

    def current(self) -> PublicKeys:
        """Its keys now; if it cannot be used any more, the last ones that could."""
        if self._files.have_changed():
            try:
                self._keys = read_public_keys(self._path)
                _logger.info("public_keys_read_anew", keys=len(self._keys.by_id))
            except UnusableKey as error:
                _logger.error("public_keys_not_taken", reason=str(error))
        return self._keys


def read_public_keys(path: Path) -> PublicKeys:
    """
    The keys of *path*: one in PEM, or a JSON Web Key Set (RFC 7517).

    Of a set those for ES256 are taken; others in it are another service's.

    Raises:
        UnusableKey: It cannot be read, or has no public key for ES256.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX)
    except OSError as error:
        raise UnusableKey(f"{path}: {error.strerror}") from None
    if b"PRIVATE KEY" in content:
        raise UnusableKey(f"{path} holds a private key; give the public one alone")
    if content.lstrip().startswith(b"{"):
        return PublicKeys(_of_set(path, content))
    try:
        key = load_pem_public_key(content)
    except Exception:
        # The library raises errors of many kinds for what is no key, and they quote the file.
        raise UnusableKey(f"{path} is neither a public key in PEM nor a JWKS") from None
    return PublicKeys({None: _of_curve(path, key)})


def _of_set(path: Path, content: bytes) -> dict[str | None, PublicKey]:
    try:
        members = msgspec.json.decode(content)["keys"]
        wanted = [one for one in members if _is_for_es256(one)]
        if any("d" in one for one in members):
            raise UnusableKey(f"{path} holds a private key; give the public ones alone")
        keys = {one.get("kid"): _of_curve(path, jwt.PyJWK(one, "ES256").key) for one in wanted}
    except UnusableKey:
        raise
    except Exception:
        # The library's message would repeat the key.
        raise UnusableKey(f"{path} is not a JWKS that can be read") from None
    if len(keys) != len(wanted):
        raise UnusableKey(f"{path} has two keys of one kid")
    if len(keys) > 1 and None in keys:
        raise UnusableKey(f"{path} has several keys; each needs a kid")
    if not keys:
        raise UnusableKey(f"{path} has no key for ES256 (EC, P-256)")
    return keys


def _is_for_es256(member: Mapping[str, Any]) -> bool:
    return (
        member.get("kty") == "EC"
        and member.get("crv") == "P-256"
        and member.get("use", "sig") == "sig"
        and member.get("alg", "ES256") == "ES256"
    )


def _of_curve(path: Path, key: object) -> PublicKey:
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise UnusableKey(f"{path}: ES256 takes a key of the curve P-256")
    return key
