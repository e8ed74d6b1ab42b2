"""The files are what docs/reference/file-format.md says, read here by the page alone."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from struct import unpack
from zlib import crc32

from pmstore.backends.file import FileStream, FileTradeStore
from pmstore.models.position import START
from tests.file.workloads import TradeWorkload


def read_segment(data: bytes) -> list[tuple[int, int, bytes, bool]]:
    magic, form, _, _, _, _, checksum = unpack(">8sIQQQQI", data[:48])
    assert (magic, form, checksum) == (b"PMSTREAM", 1, crc32(data[:44]))
    records, offset = [], 48
    while offset < len(data):
        length, ms, seq, checksum = unpack(">IQQI", data[offset : offset + 24])
        more, length = length >> 31 == 1, length & 0x7FFF_FFFF
        payload = data[offset + 24 : offset + 24 + length]
        assert checksum == crc32(data[offset : offset + 20] + payload)
        records.append((ms, seq, payload, more))
        offset += 24 + length
    return records


async def test_segments_are_as_documented(tmp_path: Path) -> None:
    async with FileStream(tmp_path, segment_bytes_max=1024, clock=lambda: 1000) as stream:
        await stream.append([b"one", b"two" * 400], epoch=3)
        await stream.append([b"three"])
        wanted = await stream.read(START, 10)
    first, second = (tmp_path / f"{number:020d}.seg" for number in (1, 2))
    records = read_segment(first.read_bytes()) + read_segment(second.read_bytes())
    assert [(ms, seq, payload) for ms, seq, payload, _ in records] == [
        (*entry.id, entry.payload) for entry in wanted
    ]
    assert [more for *_, more in records] == [True, False, False]
    number, before_ms, before_seq, size_before = unpack(">QQQQ", second.read_bytes()[12:44])
    assert (number, before_ms, before_seq) == (2, 1000, 1)
    assert size_before == first.stat().st_size
    digits, checksum = (tmp_path / "epoch").read_text().split()
    assert (digits, int(checksum, 16)) == ("3", crc32(b"3"))


async def test_the_audit_log_is_as_documented(tmp_path: Path) -> None:
    path = tmp_path / "trades.log"
    async with FileTradeStore(path, rotate_bytes_max=900) as store:
        await store.append([TradeWorkload().trade(number) for number in (2, 1)])
        await store.append([TradeWorkload().trade(3)])
    text = gzip.decompress((tmp_path / "trades.log.00000001.gz").read_bytes()) + path.read_bytes()
    own_hash, ids = "", []
    for line in text.splitlines():
        body = line.rstrip(b" ")[: -len(',"hash":""}') - 64]
        own_hash = hashlib.sha256(own_hash.encode() + body + b"}").hexdigest()
        document = json.loads(line)
        assert document["hash"] == own_hash
        ids.append(document["trade_id"])
    assert ids == [1024, 2048, 3072]
    assert [line.endswith(b" ") for line in text.splitlines()] == [True, False, False]
    head, checksum = (tmp_path / "trades.log.head").read_bytes().splitlines()
    assert json.loads(head) == {"count": 3, "hash": own_hash}
    assert hashlib.sha256(head).hexdigest().encode() == checksum
