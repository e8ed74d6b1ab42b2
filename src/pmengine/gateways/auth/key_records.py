"""The stream of API keys: what is written there, and the keys that it adds up to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs
import msgspec

from pmengine.gateways.auth.caller import Scope
from pmstore import Entry

KEY_STREAM: Final = "api_key_stream"
READ_ENTRIES_MAX: Final = 1000


class KeyCreated(msgspec.Struct, frozen=True, tag_field="types", kw_only=True):
    """A key was made; `digest` is the SHA-256 of its text, which nobody keeps."""

    id: str
    user_id: str
    scopes: tuple[Scope, ...]
    digest: str
    created_ms: int


class KeyRevoked(msgspec.Struct, frozen=True, tag_field="types", kw_only=True):
    """A key counts no more."""

    id: str
    revoked_ms: int


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(KeyCreated | KeyRevoked)


@attrs.frozen(kw_only=True)
class Key:
    """One key as it is now; times in epoch milliseconds, `revoked_ms` None while it counts."""

    id: str
    user_id: str
    scopes: frozenset[Scope]
    digest: str = attrs.field(repr=False)
    created_ms: int
    revoked_ms: int | None = None


class Keys:
    """The keys that the entries of the stream add up to; a revocation is never taken back."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}
        self._revoked: dict[str, int] = {}

    def apply(self, entries: Iterable[Entry]) -> list[str]:
        """Follow *entries*; gives what could not be read, as position and reason."""
        problems = []
        for entry in entries:
            try:
                self._apply(_decoder.decode(entry.payload))
            except msgspec.DecodeError as error:
                problems.append(f"{entry.id}: {error}")
        return problems

    def get(self, key_id: str) -> Key | None:
        """The key *key_id*, revoked or not."""
        return self._keys.get(key_id)

    def all(self) -> list[Key]:
        """Every key, oldest first."""
        return sorted(self._keys.values(), key=lambda key: (key.created_ms, key.id))

    def _apply(self, record: KeyCreated | KeyRevoked) -> None:
        if isinstance(record, KeyRevoked):
            first = self._revoked.setdefault(record.id, record.revoked_ms)
            key = self._keys.get(record.id)
            if key is not None:
                self._keys[record.id] = attrs.evolve(key, revoked_ms=first)
            return
        # The first one stays: an id that is created again takes over nobody's key.
        self._keys.setdefault(
            record.id,
            Key(
                id=record.id,
                user_id=record.user_id,
                scopes=frozenset(record.scopes),
                digest=record.digest,
                created_ms=record.created_ms,
                revoked_ms=self._revoked.get(record.id),
            ),
        )


def encode_record(record: KeyCreated | KeyRevoked) -> bytes:
    """The entry of the stream."""
    return _encoder.encode(record)
