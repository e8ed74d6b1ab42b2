"""The parts of a place share nothing, and keep what their URL says."""

from __future__ import annotations

import pytest

from pmstore import SettingsError, open_stream, part_of
from pmstore.backends.redis.config import redis_config
from pmstore.testing.servers import RedisCluster


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("redis://localhost/3", "redis://localhost/3?prefix=g1s2"),
        ("redis://localhost?prefix=x", "redis://localhost?prefix=x.g1s2"),
        ("redis+cluster://localhost", "redis+cluster://localhost?prefix=g1s2&shard=2"),
        ("redis+cluster://localhost?shard=4", "redis+cluster://localhost?shard=6&prefix=g1s2"),
        ("postgresql://localhost/pm", "postgresql://localhost/pm?schema=g1s2"),
        ("postgresql://localhost/pm?schema=x", "postgresql://localhost/pm?schema=x_g1s2"),
    ],
)
def test_a_part_is_a_namespace_beneath_the_one_of_its_url(url: str, part: str) -> None:
    assert str(part_of(url, "g1s2", 2)) == part


@pytest.mark.parametrize(
    ("url", "name", "number"),
    [("memory://", "g1s0", 0), ("redis://localhost", "G", 0), ("redis://localhost", "g1s0", -1)],
)
def test_what_cannot_be_a_part_is_refused(url: str, name: str, number: int) -> None:
    with pytest.raises(SettingsError):
        part_of(url, name, number)


async def test_parts_of_a_cluster_are_in_slots_of_their_own(redis_cluster: RedisCluster) -> None:
    parts = [part_of(redis_cluster.url, f"g7s{number}", number) for number in range(2)]
    prefixes = {redis_config(part.truth).key_prefix for part in parts}
    assert prefixes == {"{pm0}g7s0:", "{pm1}g7s1:"}
    async with (
        open_stream(parts[0], "store_stream") as first,
        open_stream(parts[1], "store_stream") as second,
    ):
        await first.append([b"first"])
        assert await second.bounds() is None
