"""API keys as text: how one is made, read and hashed."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

KEY_PREFIX: Final = "pmk_"
"""What every key begins with, so that scanners find one that got into a repository."""
SECRET_BYTES: Final = 32
ID_BYTES: Final = 8

_KEY: Final = re.compile(r"pmk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")


def new_key() -> tuple[str, str]:
    """A new key with its id; 256 of its bits are chance."""
    key_id = secrets.token_hex(ID_BYTES)
    return key_id, f"{KEY_PREFIX}{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"


def id_of(key: str) -> str | None:
    """The id that *key* carries in the open; None if it is not of a key's form."""
    found = _KEY.fullmatch(key)
    return None if found is None else found[1]


def digest_of(key: str) -> str:
    """
    What is kept of *key*: its SHA-256 in hex.

    A slow or salted hash protects what people choose. Of 256 random bits nobody finds a
    second one that fits, however fast the hash is, and each request has to be hashed.
    """
    return hashlib.sha256(key.encode()).hexdigest()
