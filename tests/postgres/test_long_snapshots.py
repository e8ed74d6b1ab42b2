"""A snapshot longer than the server puts together is kept, verified and judged by its parts."""

from __future__ import annotations

import attrs
import psycopg
import pytest

from pmstore import BrokenSnapshotWarning
from pmstore.backends.postgres import PostgresConfig, PostgresSnapshotStore
from pmstore.testing.samples import order, snapshot

Plain = psycopg.Connection[tuple[object, ...]]
LONG = attrs.evolve(snapshot(2), orders=[order(number) for number in range(12_000)])
"""Of several parts, which are of a mebibyte."""


def long_store(config: PostgresConfig) -> PostgresSnapshotStore:
    return PostgresSnapshotStore(config, whole_bytes_max=1 << 20)


async def test_what_the_server_never_puts_together_is_kept_and_read(
    config: PostgresConfig, plain: Plain
) -> None:
    async with long_store(config) as store, PostgresSnapshotStore(config) as other:
        await store.save(snapshot(1))
        info = await store.save(LONG)
        [(parts,)] = plain.execute("SELECT count(*) FROM snapshot_parts WHERE generation = 2")
        assert parts != 1
        assert [one.problem for one in await other.list()] == [None, None]
        assert await other.list() == await store.list()
        assert await other.load() == LONG
        assert await other.get(info.name) == LONG
        assert await other.prune(1) == 1
        assert [one.name for one in await store.list()] == [info.name]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE snapshot_parts SET content = set_byte(content, 7, 7) WHERE generation = 2 "
        "AND part = 1",
        "DELETE FROM snapshot_parts WHERE generation = 2 AND part = 1",
        "UPDATE snapshot_parts SET part = 1000 WHERE generation = 2 AND part = 0",
    ],
)
async def test_what_is_changed_in_one_of_its_parts_is_broken(
    config: PostgresConfig, plain: Plain, change: str
) -> None:
    async with long_store(config) as store:
        await store.save(snapshot(1))
        await store.save(LONG)
        plain.execute(change)
        first, second = await store.list()
        assert first.problem is None
        assert "SHA-256" in str(second.problem)
        with pytest.warns(BrokenSnapshotWarning, match="SHA-256"):
            assert await store.load() == snapshot(1)
