"""The stores of a `file:` URL are those that it says."""

from __future__ import annotations

from pathlib import Path

import pytest

import pmstore
from pmstore.backends.file import FileConfig, pmstore_backend
from pmstore.errors import SettingsError
from pmstore.models.position import START
from pmstore.models.query import TradeQuery
from pmstore.registry import audit, open_snapshot_store, open_stream, open_trade_store
from pmstore.url import parse_url
from tests.file.workloads import SnapshotWorkload, TradeWorkload


async def test_a_url_opens_each_store(tmp_path: Path) -> None:
    async with open_stream(f"file:{tmp_path}/streams?segment_bytes_max=4096", "one") as stream:
        await stream.append([b"entry"])
        async with open_stream(f"file:{tmp_path}/streams?readonly=true", "one") as reader:
            assert await reader.read(START, 1) == await stream.read(START, 1)
    assert (tmp_path / "streams" / "one").is_dir()
    async with open_snapshot_store(f"file:{tmp_path}/snapshots") as snapshots:
        await snapshots.save(SnapshotWorkload().snapshot(1))
    assert (tmp_path / "snapshots" / "orders_snapshot.json").is_file()
    url = f"file:{tmp_path}/trades.log?fsync=never&rotate_bytes_max=1000"
    async with open_trade_store(url) as trades:
        await trades.append([TradeWorkload().trade(1)])
        assert len((await trades.find(TradeQuery())).items) == 1
    report = audit(f"file:{tmp_path}/trades.log")
    assert (report.count, report.problems) == (1, ())


def test_every_parameter_reaches_the_config() -> None:
    config = pmstore_backend().config(
        parse_url(
            "file:data/x?fsync=interval&fsync_interval_s=0.5&segment_bytes_max=2048"
            "&rotate_bytes_max=4096&readonly=true"
        )
    )
    assert config == FileConfig(
        path=Path("data/x"),
        fsync="interval",
        fsync_interval_s=0.5,
        segment_bytes_max=2048,
        rotate_bytes_max=4096,
        readonly=True,
    )


@pytest.mark.parametrize(
    "parameter",
    ["fsync=sometimes", "fsync_interval_s=0", "segment_bytes_max=-1", "rotate_bytes_max=0"],
)
def test_a_bad_parameter_is_named(parameter: str) -> None:
    with pytest.raises(SettingsError, match=parameter.partition("=")[0]):
        pmstore.open_stream(f"file:data/x?{parameter}", "one")
