"""A deployment opened to read is seen beside its writer, and nothing of it is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmstore import (
    START,
    BalanceQuery,
    EventQuery,
    OrderQuery,
    Snapshot,
    StoreClosed,
    TradeQuery,
    open_stores,
    open_stores_to_read,
)
from pmstore.settings import StorageSettings
from pmstore.testing import samples


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


async def test_where_nothing_was_ever_stored_nothing_is_found_and_nothing_is_made(
    tmp_path: Path,
) -> None:
    settings = StorageSettings(data_dir=tmp_path / "data")
    async with open_stores_to_read(settings=settings) as seen:
        found = [seen.orders, seen.trades, seen.accounts, seen.events, seen.snapshots]
        assert found == [None] * 5
        assert await seen.open_stream("store_stream") is None
    assert files(tmp_path) == set()


async def test_what_a_writer_holds_open_is_read_beside_it(tmp_path: Path) -> None:
    settings = StorageSettings(data_dir=tmp_path)
    order, trade = samples.order(1), samples.trade(1)
    snapshot = Snapshot(orders=[], events={}, timestamp=1, last_message_id=None)
    async with open_stores(settings=settings) as stores:
        await stores.orders.save([order])
        await stores.trades.append([trade])
        await stores.snapshots.save(snapshot)
        stream = await stores.open_stream("store_stream")
        await stream.append([b"one"])
        held = files(tmp_path)
        async with open_stores_to_read(settings=settings) as seen:
            assert seen.orders is not None
            assert (await seen.orders.find(OrderQuery())).items == (order,)
            assert seen.trades is not None
            assert (await seen.trades.find(TradeQuery())).items == (trade,)
            assert seen.accounts is not None
            assert (await seen.accounts.find(BalanceQuery())).items == ()
            assert seen.events is not None
            assert (await seen.events.find(EventQuery())).items == ()
            assert seen.snapshots is not None
            assert await seen.snapshots.load() == snapshot
            with pytest.raises(StoreClosed):
                await seen.snapshots.save(snapshot)
            log = await seen.open_stream("store_stream")
            assert log is not None
            (first,) = await log.read(START, 9)
            await stream.append([b"two"])
            (second,) = await log.read(first.id, 9, 5.0)
            assert (first.payload, second.payload) == (b"one", b"two")
        assert files(tmp_path) == held
