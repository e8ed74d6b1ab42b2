"""One hash of everything that can change a later answer."""

from __future__ import annotations

import hashlib

import attrs
import msgspec

from pmstore.models.snapshot import Snapshot


def snapshot_digest(snapshot: Snapshot) -> str:
    """
    SHA-256 in hex of everything in *snapshot* that can change a later answer, as canonical JSON.

    Engine time, positions, numbers and hashes of the log are not in it; nor are rows of nothing,
    or the order of anything but open orders, memories and work left over.

    Cost:
        O(state), some microseconds an order; for tests and `pmengine verify`.
    """
    ended = {key: ended_ms for ended_ms, key in snapshot.ended}
    picture = {
        "events": [
            [
                attrs.evolve(event, markets={}),
                [market for _, market in sorted(event.markets.items())],
            ]
            for _, event in sorted(snapshot.events.items())
        ],
        "orders": list(snapshot.orders),
        "accounts": sorted(
            (row for row in snapshot.balances if row.available or row.frozen),
            key=lambda row: (row.user_id, row.asset),
        ),
        "users": {user: number for user, number in snapshot.user_update_ids.items() if number},
        "counters": [snapshot.order_counter, snapshot.trade_counter, snapshot.deposited],
        "paused": [snapshot.paused, snapshot.post_only_until_ms],
        "groups": sorted(snapshot.groups.items()),
        "sessions": sorted(snapshot.sessions.items()),
        "work": snapshot.work,
        "memories": [
            [
                memory.user_id,
                memory.kind,
                memory.id,
                memory.outcome,
                memory.order_id,
                memory.content,
                ended.get((memory.user_id, memory.kind, memory.id)),
            ]
            for memory in snapshot.memories
        ],
    }
    return hashlib.sha256(msgspec.json.encode(picture, order="sorted")).hexdigest()
