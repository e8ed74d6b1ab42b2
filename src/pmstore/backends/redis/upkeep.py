"""Counting, emptying and shortening of a place in Redis, below its contracts."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Final

from pmstore.backends.redis.client import RedisClient
from pmstore.backends.redis.config import RESERVED, RedisConfig
from pmstore.backends.redis.record_scripts import PRUNE
from pmstore.backends.redis.scripts import Argument, padded

_SCANNED_AT_ONCE: Final = 1000
_PRUNED_AT_ONCE: Final = 2000
"""Trades that one script drops: it holds the server up for some ten milliseconds."""

_STREAMS: Final = frozenset(
    {
        "api_key_stream",
        "api_mq_stream",
        "dead_letter_stream",
        "depth_picture_stream",
        "depth_stream",
        "event-stream",
        "event_catalogue_stream",
        "event_input_stream",
        "layout_stream",
        "order_input_stream",
        "processor_stream",
        "service_stream",
        "settlement_stream",
        "store_stream",
        "user_event_stream",
        "websocket_stream",
    }
)
"""
Streams that are ours in a place without a prefix, where others may have keys too.

One that is missing here outlives a wipe, and contradicts the log that begins then.
"""

_COUNTED: Final = {
    "order": "orders",
    "trade": "trades",
    "account": "accounts",
    "event": "events",
    "snapshot": "snapshots",
    "lease": "leases",
    "cache": "cached",
}
"""The first word of a key -> what it is one of."""


class RedisUpkeep:
    """The `Upkeep` of the keys below a config's prefix; without one, of those we name."""

    async def contents(self, config: RedisConfig, /) -> Mapping[str, int]:
        """
        How many records of each kind are there; see `Upkeep.contents`.

        Cost:
            Looks at every key of the database, a thousand a round trip.
        """
        found: Counter[str] = Counter()
        async with RedisClient(config) as client:
            async for key in _keys(client, config):
                word, colon, _ = key.partition(":")
                if word in _COUNTED and colon:
                    found[_COUNTED[word]] += 1
                elif word not in RESERVED:
                    found["streams"] += 1
            headers = f"{config.key_prefix}orders:headers"
            known = await client.call("HLEN", headers, writes=False)
            found["tombstones"] = max(0, known - found["orders"])
        return {kind: count for kind, count in found.items() if count}

    async def wipe(self, config: RedisConfig, /) -> None:
        """Delete every key of the place, a thousand at a time; see `Upkeep.wipe`."""
        prefix = config.key_prefix
        async with RedisClient(config) as client:
            batch: list[str] = []
            async for key in _keys(client, config):
                batch.append(prefix + key)
                if len(batch) == _SCANNED_AT_ONCE:
                    await client.call("UNLINK", *batch)
                    batch = []
            if batch:
                await client.call("UNLINK", *batch)

    async def prune_trades(self, config: RedisConfig, before_ms: int, /) -> int:
        """Delete the trades before *before_ms*; see `Upkeep.prune_trades`."""
        prefix = config.key_prefix
        keys = [f"{prefix}trades:headers", f"{prefix}trades:recent"]
        args: list[Argument] = [
            prefix,
            f"{prefix}trade:",
            f"({padded(max(0, before_ms))}",
            _PRUNED_AT_ONCE,
        ]
        removed = 0
        async with RedisClient(config) as client:
            while gone := await client.run(PRUNE, keys, args):
                removed += gone
        return removed


async def _keys(client: RedisClient, config: RedisConfig) -> AsyncIterator[str]:
    """The names of the place's keys without its prefix, each once."""
    prefix = config.key_prefix
    seen: set[str] = set()
    cursor = b"0"
    while True:
        cursor, found = await client.call(
            "SCAN", cursor, "MATCH", f"{prefix}*", "COUNT", _SCANNED_AT_ONCE, writes=False
        )
        for key in found:
            # Somebody else's key of any bytes stands in the way of nothing.
            name = key.decode(errors="replace").removeprefix(prefix)
            if name not in seen and (config.prefix or _is_ours(name)):
                seen.add(name)
                yield name
        if cursor == b"0":
            return


def _is_ours(name: str) -> bool:
    return name.partition(":")[0] in RESERVED or name in _STREAMS
