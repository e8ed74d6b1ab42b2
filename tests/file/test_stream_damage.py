"""A stream that was cut or changed anywhere answers a true prefix, or says where it is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmstore.backends.file import FileStream
from pmstore.errors import CorruptData
from pmstore.models.position import START, Entry
from tests.file.disks import HastyDisk

HEADER_BYTES = 48
RECORD_HEAD_BYTES = 24
APPENDS = [[b"one"], [b"two", b"three"], [b"four"], [b"five", b"six"]]


async def written(folder: Path) -> bytes:
    """A stream of one segment with `APPENDS`; answers the segment's bytes."""
    async with FileStream(folder, clock=lambda: 1000) as stream:
        for items in APPENDS:
            await stream.append(items)
    return segment_of(folder).read_bytes()


def segments_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.seg"))


def segment_of(folder: Path) -> Path:
    [path] = segments_of(folder)
    return path


def ends() -> list[int]:
    """The offset behind each append."""
    found = [HEADER_BYTES]
    for items in APPENDS:
        found.append(found[-1] + sum(RECORD_HEAD_BYTES + len(item) for item in items))
    return found


async def read_all(folder: Path) -> list[Entry]:
    async with FileStream(folder, clock=lambda: 1000, disk=HastyDisk()) as stream:
        return await stream.read(START, 100)


def payloads(appends: int) -> list[bytes]:
    return [item for items in APPENDS[:appends] for item in items]


async def test_cut_at_every_byte_it_keeps_the_whole_appends_before(tmp_path: Path) -> None:
    whole = await written(tmp_path)
    assert len(whole) == ends()[-1]
    for size in range(HEADER_BYTES, len(whole)):
        segment_of(tmp_path).write_bytes(whole[:size])
        kept = max(at for at, end in enumerate(ends()) if end <= size)
        async with FileStream(tmp_path, clock=lambda: 1000, disk=HastyDisk()) as stream:
            found = await stream.read(START, 100)
            assert [entry.payload for entry in found] == payloads(kept)
            if size in ends():
                assert stream.recovered is None
            else:
                assert stream.recovered is not None
                assert stream.recovered.path == segment_of(tmp_path)
                assert stream.recovered.offset == ends()[kept]
                assert stream.recovered.bytes_cut == size - ends()[kept]
            await stream.append([b"after"])
        assert [entry.payload for entry in await read_all(tmp_path)] == [*payloads(kept), b"after"]


async def test_a_segment_shorter_than_its_header_is_corrupt(tmp_path: Path) -> None:
    whole = await written(tmp_path)
    for size in range(HEADER_BYTES):
        segment_of(tmp_path).write_bytes(whole[:size])
        with pytest.raises(CorruptData, match=r"shorter than its header") as error:
            await read_all(tmp_path)
        assert error.value.where == f"{segment_of(tmp_path)} at 0"


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
async def test_flipped_at_every_byte_it_never_answers_another_record(
    tmp_path: Path, flip: int
) -> None:
    whole = await written(tmp_path)
    before = await read_all(tmp_path)
    last_record = len(whole) - RECORD_HEAD_BYTES - len(APPENDS[-1][-1])
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= flip
        segment_of(tmp_path).write_bytes(changed)
        if at < last_record:
            with pytest.raises(CorruptData) as error:
                await read_all(tmp_path)
            assert str(segment_of(tmp_path)) in error.value.where
        else:
            # Nothing tells it from a write that a crash cut short, with its append.
            assert await read_all(tmp_path) == before[: -len(APPENDS[-1])]


async def test_damage_in_an_older_segment_is_said_with_its_place(tmp_path: Path) -> None:
    async with FileStream(tmp_path, segment_bytes_max=1024, fsync="never") as stream:
        for number in range(40):
            await stream.append([bytes([number]) * 100])
    first, second, *_ = segments_of(tmp_path)
    whole = first.read_bytes()
    changed = bytearray(whole)
    changed[500] ^= 1
    first.write_bytes(changed)
    async with FileStream(tmp_path) as stream:
        place = f"{first} at {HEADER_BYTES + 3 * (RECORD_HEAD_BYTES + 100)}"
        with pytest.raises(CorruptData) as error:
            await stream.read(START, 100)
        assert error.value.where == place
    first.write_bytes(whole[: HEADER_BYTES + RECORD_HEAD_BYTES + 100])
    with pytest.raises(CorruptData, match="when it was finished"):
        await read_all(tmp_path)
    first.write_bytes(whole)
    second.unlink()
    with pytest.raises(CorruptData, match="segment 2 is missing"):
        await read_all(tmp_path)


async def test_a_damaged_epoch_is_corrupt(tmp_path: Path) -> None:
    async with FileStream(tmp_path) as stream:
        await stream.append([b"one"], epoch=7)
    (tmp_path / "epoch").write_bytes(b"6 12345678\n")
    with pytest.raises(CorruptData, match="epoch"):
        await read_all(tmp_path)


async def test_a_payload_may_look_like_a_record(tmp_path: Path) -> None:
    async with FileStream(tmp_path / "inner") as inner:
        for number in range(3):
            await inner.append([b"inner %d" % number])
    looks_like_records = segment_of(tmp_path / "inner").read_bytes()
    async with FileStream(tmp_path / "outer", clock=lambda: 1) as stream:
        await stream.append([b"first"])
        await stream.append([looks_like_records])
    assert (await read_all(tmp_path / "outer"))[1].payload == looks_like_records
