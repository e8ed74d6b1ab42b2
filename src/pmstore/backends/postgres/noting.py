"""The notes that a write leaves for the outbox's readers, as a part of its own statement."""

from __future__ import annotations

import json
from typing import Final

from pmstore.protocols.outbox import TRADES

_NOW_MS: Final = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

_KEYS: Final = {
    "orders": "saved.id",
    "accounts": "json_build_array(saved.user_id, saved.asset)::text",
    "events": "saved.event_id::text",
}
"""How the key of a saved row is written in its note."""

NOTE_GATE: Final = "note_gate_open AS (SELECT FROM note_gate FOR KEY SHARE)"
"""
The part that must stand before `noted`. Whoever begins to keep notes locks the gate: a write
that is under way ends before that, and one that comes later waits and then sees the reader.
"""


def noted(store: str) -> str:
    """The part that writes a note for each reader and row of `saved`."""
    return (
        "noted AS (INSERT INTO notes (store, reader, key, void_through, written_ms) "
        f"SELECT '{store}', reader, {_KEYS[store]}, saved.version - 1, {_NOW_MS} "
        f"FROM saved CROSS JOIN note_readers WHERE note_readers.store = '{store}' "
        "AND NOT EXISTS (SELECT FROM note_gate_open))"
    )


TRADES_NOTED: Final = (
    "noted AS (INSERT INTO notes (store, reader, key, void_through, written_ms) "
    f"SELECT 'trades', reader, '{TRADES}', (SELECT min(timestamp) FROM fresh) - 1, {_NOW_MS} "
    "FROM note_readers WHERE store = 'trades' AND EXISTS (SELECT FROM fresh) "
    "AND NOT EXISTS (SELECT FROM note_gate_open))"
)
"""The part that writes a note for each reader, if there is a trade in `fresh`."""


def account_key(text: str) -> tuple[str, str]:
    """The key of a balance as its note has it."""
    user_id, asset = json.loads(text)
    return (user_id, asset)
