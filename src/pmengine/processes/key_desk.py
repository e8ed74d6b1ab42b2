"""Makes, lists and revokes the API keys of a deployment, running or stopped."""

from __future__ import annotations

from collections.abc import Collection

from pmengine.gateways.auth import (
    KEY_STREAM,
    Key,
    KeyCreated,
    KeyRevoked,
    Keys,
    Scope,
    digest_of,
    encode_record,
    new_key,
)
from pmengine.settings import Settings
from pmstore import START, SettingsError, Stream, open_stores_to_read, open_stream
from pmstore.clock import system_clock

READ_ENTRIES_MAX = 1000


async def create_key(
    settings: Settings, user_id: str, scopes: Collection[Scope]
) -> tuple[Key, str]:
    """
    A new key for *user_id*, and its text, which is kept nowhere.

    Raises:
        SettingsError: The streams are in memory.
        PmstoreError: It was not written, or perhaps was; then nobody has its text.
    """
    key_id, text = new_key()
    record = KeyCreated(
        id=key_id,
        user_id=user_id,
        scopes=tuple(sorted(scopes)),
        digest=digest_of(text),
        created_ms=system_clock(),
    )
    async with _opened(settings) as stream:
        await stream.append([encode_record(record)])
    key = Key(
        id=key_id,
        user_id=user_id,
        scopes=frozenset(scopes),
        digest=record.digest,
        created_ms=record.created_ms,
    )
    return key, text


async def list_keys(settings: Settings) -> list[Key]:
    """
    Every key that was ever made, oldest first; nothing is changed.

    Raises:
        PmstoreError: The streams do not answer.
    """
    _require_kept(settings)
    async with open_stores_to_read(settings=settings.storage, contracts=()) as stores:
        stream = await stores.open_stream(KEY_STREAM)
        return [] if stream is None else (await _read(stream)).all()


async def revoke_key(settings: Settings, key_id: str) -> Key | None:
    """
    Revoke the key *key_id*, again if it was; the key as it is then, None if there is none.

    Raises:
        PmstoreError: It was not written, or perhaps was: revoke it again.
    """
    _require_kept(settings)
    known = {key.id: key for key in await list_keys(settings)}.get(key_id)
    if known is None or known.revoked_ms is not None:
        return known
    async with _opened(settings) as stream:
        await stream.append([encode_record(KeyRevoked(id=key_id, revoked_ms=system_clock()))])
        return (await _read(stream)).get(key_id)


async def _read(stream: Stream) -> Keys:
    keys, after = Keys(), START
    while entries := await stream.read(after, READ_ENTRIES_MAX):
        keys.apply(entries)
        after = entries[-1].id
    return keys


def _opened(settings: Settings) -> Stream:
    _require_kept(settings)
    return open_stream(settings.storage.streams, KEY_STREAM, pins=settings.storage.pins)


def _require_kept(settings: Settings) -> None:
    streams = settings.storage.streams
    if streams.truth.scheme == "memory":
        raise SettingsError([f"the streams are at {streams}, which ends with its process"])
