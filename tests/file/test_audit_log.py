"""The audit log shows every record that was edited, dropped, moved or cut, and where."""

from __future__ import annotations

import asyncio
import gzip
import random
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from pmstore.backends.file import FileTradeStore, verify_audit_log
from pmstore.errors import CorruptData, StoreUnavailable, WriteOutcome
from pmstore.models.query import LIMIT_MAX, TradeQuery
from pmstore.models.trade import Trade
from tests.file.disks import HastyDisk, RefusingDisk
from tests.file.workloads import TradeWorkload

trade = TradeWorkload().trade


async def written(path: Path, count: int = 6, **arguments: int) -> list[bytes]:
    """A log of *count* trades in appends of one or two; answers the lines of the last file."""
    async with FileTradeStore(path, **arguments) as store:
        for number in range(0, count, 2):
            await store.append([trade(at) for at in range(number, min(number + 2, count))])
    return path.read_bytes().splitlines(keepends=True)


async def held(path: Path) -> list[int]:
    async with FileTradeStore(path, disk=HastyDisk()) as store:
        found = (await store.find(TradeQuery(limit=LIMIT_MAX))).items
    return sorted(one.trade_id // 1024 for one in found)


def swap(lines: list[bytes]) -> None:
    lines[2], lines[3] = lines[3], lines[2]


def drop(lines: list[bytes]) -> None:
    del lines[2]


def repeat(lines: list[bytes]) -> None:
    lines.insert(3, lines[2])


def edit(lines: list[bytes]) -> None:
    lines[2] = lines[2].replace(b'"quantity":100', b'"quantity":900')


@pytest.mark.parametrize(
    ("change", "line"),
    [(swap, 3), (drop, 3), (repeat, 4), (edit, 3)],
    ids=["swap", "drop", "repeat", "edit"],
)
async def test_a_changed_log_is_told_with_its_line(
    tmp_path: Path, change: Callable[[list[bytes]], None], line: int
) -> None:
    path = tmp_path / "trades.log"
    lines = await written(path)
    assert verify_audit_log(path).problems == ()
    change(lines)
    path.write_bytes(b"".join(lines))
    problems = verify_audit_log(path).problems
    assert problems[0].startswith(f"{path} line {line} at ")
    with pytest.raises(CorruptData, match=f"line {line} at"):
        await held(path)


async def test_flipped_at_every_byte_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "trades.log"
    lines = await written(path, 3)
    whole = b"".join(lines)
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1
        problems = verify_audit_log_of(path, changed)
        assert problems, f"byte {at} was flipped"
        line = whole[:at].count(b"\n") + 1
        assert f"{path} line {line} at" in "".join(problems)


def verify_audit_log_of(path: Path, content: bytes) -> tuple[str, ...]:
    path.write_bytes(content)
    return verify_audit_log(path).problems


async def test_cut_at_every_byte_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "trades.log"
    whole = b"".join(await written(path, 3))
    for size in range(len(whole)):
        problems = verify_audit_log_of(path, whole[:size])
        assert any("records are missing" in problem for problem in problems)
        with pytest.raises(CorruptData, match="records are missing"):
            await held(path)


async def test_what_a_crash_left_after_the_head_is_cut_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "trades.log"
    await written(path, 3)
    head = (tmp_path / "trades.log.head").read_bytes()
    before = path.stat().st_size
    async with FileTradeStore(path) as store:
        await store.append([trade(3), trade(4)])
    whole = path.read_bytes()
    for size in range(before, len(whole) + 1):
        path.write_bytes(whole[:size])
        (tmp_path / "trades.log.head").write_bytes(head)
        assert verify_audit_log(path).problems == ()
        async with FileTradeStore(path, disk=HastyDisk()) as store:
            if size in (before, len(whole)):
                assert store.recovered is None
            else:
                assert store.recovered is not None
                assert store.recovered.offset == before
                assert store.recovered.bytes_cut == size - before
        assert await held(path) == list(range(5 if size == len(whole) else 3))


async def test_the_head_is_part_of_the_log(tmp_path: Path) -> None:
    path, head = tmp_path / "trades.log", tmp_path / "trades.log.head"
    lines = await written(path)
    content = head.read_bytes()
    head.unlink()
    assert verify_audit_log(path).problems == (f"{head}: missing, so a cut tail could not be seen",)
    with pytest.raises(CorruptData, match="head file is missing"):
        await held(path)
    head.write_bytes(content.replace(b'"count":6', b'"count":5'))
    assert "checksum" in verify_audit_log(path).problems[0]
    head.write_bytes(content)
    # Another log of the same length: its lines are a whole chain, but not this head's.
    async with FileTradeStore(tmp_path / "other.log") as store:
        await store.append([attrs.evolve(trade(at), quantity=7) for at in range(6)])
    path.write_bytes((tmp_path / "other.log").read_bytes())
    assert len(lines) == 6
    assert "the head says" in verify_audit_log(path).problems[0]
    with pytest.raises(CorruptData, match="the head says"):
        await held(path)


async def test_files_put_aside_are_compressed_read_and_verified(tmp_path: Path) -> None:
    path = tmp_path / "trades.log"
    await written(path, 40, rotate_bytes_max=2000)
    aside = sorted(one for one in list_folder(tmp_path) if one.suffix == ".gz")
    assert len(aside) > 5
    assert [one for one in list_folder(tmp_path) if one.name[-1].isdigit()] == []
    assert verify_audit_log(path).count == 40
    assert await held(path) == list(range(40))
    packed = aside[2].read_bytes()
    text = gzip.decompress(packed)
    aside[2].write_bytes(gzip.compress(text.replace(b'"quantity":100', b'"quantity":900', 1)))
    assert verify_audit_log(path).problems[0].startswith(f"{aside[2]} line 1 at 0: ")
    with pytest.raises(CorruptData):
        await held(path)
    aside[2].write_bytes(packed[:-20])
    assert verify_audit_log(path).problems[0].startswith(f"{aside[2]}: cannot be unpacked")
    aside[2].unlink()
    assert "is missing" in verify_audit_log(path).problems[0]
    with pytest.raises(CorruptData, match="is missing"):
        await held(path)
    aside[2].write_bytes(packed)
    manifest = tmp_path / "trades.log.manifest"
    manifest.unlink()
    assert await held(path) == list(range(40))
    assert verify_audit_log(path).problems == ()


def list_folder(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_a_file_put_aside_is_judged_by_the_head_as_well(tmp_path: Path) -> None:
    path = tmp_path / "trades.log"
    await written(path, 40, rotate_bytes_max=2000)
    path.unlink()
    assert any("records are missing" in one for one in verify_audit_log(path).problems)
    with pytest.raises(CorruptData, match="records are missing"):
        await held(path)


async def test_repeats_are_known_after_a_rotation_and_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "trades.log"
    other_shard = [attrs.evolve(trade(at), trade_id=at * 1024 + 5) for at in range(20)]
    for _ in range(2):
        async with FileTradeStore(path, rotate_bytes_max=2000) as store:
            for at in range(20):
                await store.append([trade(at)])
                await store.append([other_shard[at], trade(at)])
            await store.append([attrs.evolve(trade(3), quantity=5)])
        assert verify_audit_log(path).count == 40


async def test_pages_are_right_when_shards_arrive_out_of_the_order_of_time(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    trades = [
        attrs.evolve(
            trade(at),
            timestamp=10_000 + at + chance.randrange(60),
            taker_user_id=f"user {chance.randrange(9)}",
            maker_order_id=f"maker {at % 50}",
        )
        for at in range(600)
    ]
    queries = [
        TradeQuery(limit=7),
        TradeQuery(limit=50, user_id="user 3"),
        TradeQuery(limit=3, order_id="maker 7"),
        TradeQuery(limit=11, start_ms=10_100, end_ms=10_300),
        TradeQuery(limit=5, user_id="nobody"),
    ]
    path = tmp_path / "trades.log"
    for _ in range(2):
        async with FileTradeStore(path, rotate_bytes_max=40_000) as store:
            for start in range(0, 600, 25):
                await store.append(trades[start : start + 25])
            for query in queries:
                wanted = sorted(
                    (one for one in trades if asked_for(one, query)), key=newest, reverse=True
                )
                found: list[Trade] = []
                page = await store.find(query)
                found += page.items
                while page.next is not None:
                    page = await store.find(attrs.evolve(query, after=page.next))
                    found += page.items
                assert found == wanted, f"seed {seed}: {query}"


def newest(one: Trade) -> tuple[int, int]:
    return one.timestamp, one.trade_id


def asked_for(one: Trade, query: TradeQuery) -> bool:
    return (
        query.user_id in (None, one.taker_user_id, one.maker_user_id)
        and query.order_id in (None, one.taker_order_id, one.maker_order_id)
        and (query.start_ms is None or query.start_ms <= one.timestamp)
        and (query.end_ms is None or one.timestamp < query.end_ms)
    )


async def test_an_edited_record_is_not_answered(tmp_path: Path) -> None:
    path = tmp_path / "trades.log"
    await written(path)
    async with FileTradeStore(path) as store:
        path.write_bytes(path.read_bytes().replace(b'"quantity":100', b'"quantity":900', 3))
        with pytest.raises(CorruptData, match="edited, dropped or moved"):
            await store.find(TradeQuery())


@pytest.mark.parametrize("refused", ["write", "sync"])
async def test_a_failed_write_closes_the_log_for_good(tmp_path: Path, refused: str) -> None:
    disk = RefusingDisk()
    path = tmp_path / "trades.log"
    async with FileTradeStore(path, disk=disk) as store:
        await store.append([trade(1)])
        disk.refused.add(refused)
        with pytest.raises(StoreUnavailable, match="write failed") as error:
            await store.append([trade(2)])
        assert error.value.outcome is WriteOutcome.UNKNOWN
        disk.refused.clear()
        for call in (store.append([trade(3)]), store.find(TradeQuery())):
            with pytest.raises(StoreUnavailable, match="open it again") as error:
                await call
            assert error.value.outcome is WriteOutcome.NOT_APPLIED
    assert await held(path) in ([1], [1, 2])


async def test_what_was_refused_is_no_repeat_afterwards(tmp_path: Path) -> None:
    async with FileTradeStore(tmp_path / "trades.log") as store:
        broken = attrs.evolve(trade(2), match_type=None)  # type: ignore[arg-type]
        with pytest.raises(AttributeError):
            await store.append([trade(1), broken])
        await asyncio.gather(store.append([trade(1)]), store.append([trade(2)]))
        assert len((await store.find(TradeQuery())).items) == 2


async def test_no_log_is_an_outage(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no audit log at"):
        verify_audit_log(tmp_path / "trades.log")
