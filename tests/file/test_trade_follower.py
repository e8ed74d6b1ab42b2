"""An audit log is read beside its writer, while it grows, is put aside and compressed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import pmstore
from pmstore import queries
from pmstore.backends.file import FileTradeFollower, FileTradeStore
from pmstore.testing import samples


async def ids(store: pmstore.TradeStore, **wanted: object) -> list[int]:
    query = pmstore.TradeQuery(**wanted)  # type: ignore[arg-type]
    return [trade.trade_id async for trade in queries.all(store, query)]


async def test_a_follower_sees_each_append_and_takes_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "trades.log"
    async with FileTradeStore(path) as writer, FileTradeFollower(path) as follower:
        assert await ids(follower) == []
        for number in range(1, 6):
            await writer.append([samples.trade(number)])
            assert await ids(follower) == list(range(number, 0, -1))
        assert await ids(follower, user_id="user_1") == [4, 1]
        first = await follower.find(pmstore.TradeQuery(limit=2))
        assert [one.trade_id for one in first.items] == [5, 4]
        assert await ids(follower, after=first.next, limit=2) == [3, 2, 1]
        assert follower.coverage.is_all


@pytest.mark.parametrize("follows_from_the_start", [True, False])
async def test_files_that_are_put_aside_and_compressed_stay_readable(
    tmp_path: Path, follows_from_the_start: bool
) -> None:
    path = tmp_path / "trades.log"
    count = 400
    async with FileTradeStore(path, rotate_bytes_max=5000, fsync="never") as writer:
        if follows_from_the_start:
            async with FileTradeFollower(path) as follower:
                for number in range(count):
                    await writer.append([samples.trade(number)])
                    if number % 20 == 0:
                        assert await ids(follower) == list(range(number, -1, -1))
        else:
            await writer.append([])
            for number in range(count):
                await writer.append([samples.trade(number)])
        async with FileTradeFollower(path) as late:
            assert await ids(late, limit=50) == list(range(count - 1, -1, -1))
    assert len(list(tmp_path.glob("trades.log.*.gz"))) > 5
    async with FileTradeFollower(path) as afterwards:
        assert await ids(afterwards) == list(range(count - 1, -1, -1))


async def test_reading_while_another_writes_never_shows_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "trades.log"
    async with (
        FileTradeStore(path, rotate_bytes_max=3000, fsync="never") as writer,
        FileTradeFollower(path) as follower,
    ):

        async def write() -> None:
            for number in range(600):
                await writer.append([samples.trade(number)])

        writing = asyncio.create_task(write())
        seen = 0
        while not writing.done():
            found = await ids(follower)
            assert found == list(range(len(found) - 1, -1, -1))
            assert len(found) >= seen
            seen = len(found)
        await writing
        assert len(await ids(follower)) == 600


async def test_a_follower_never_writes_and_wants_a_log(tmp_path: Path) -> None:
    path = tmp_path / "trades.log"
    with pytest.raises(pmstore.StoreUnavailable, match="there is no audit log"):
        await FileTradeFollower(path).__aenter__()
    assert list(tmp_path.iterdir()) == []
    async with FileTradeStore(path) as writer:
        await writer.append([samples.trade(1)])
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    async with FileTradeFollower(path) as follower:
        assert await ids(follower) == [1]
        with pytest.raises(pmstore.StoreClosed, match="for reading only"):
            await follower.append([samples.trade(2)])
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == before
    with pytest.raises(pmstore.StoreClosed):
        await follower.find(pmstore.TradeQuery())


async def test_an_edited_log_is_corrupt_for_a_follower_too(tmp_path: Path) -> None:
    path = tmp_path / "trades.log"
    async with FileTradeStore(path) as writer:
        await writer.append([samples.trade(1), samples.trade(2), samples.trade(3)])
    path.write_bytes(path.read_bytes().replace(b'"quantity":100', b'"quantity":900', 1))
    async with FileTradeFollower(path) as follower:
        with pytest.raises(pmstore.CorruptData):
            await follower.find(pmstore.TradeQuery())
