"""Readers give every event exactly, and say where a file ends to be readable."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from pmengine.replay import FORMATS, RecordingError
from pmengine.replay.events import Event, OrderEvent, OrderEventKind, Picture, Print
from pmengine.replay.recording import LINE_BYTES_MAX
from tests.replay.venue import trade_for_a_while, write_lines

read = FORMATS["bitstamp"]
ORDER = '1000 order_created {"price": "236.4", "amount": "1.5", "id": 7, "order_type": 0}'


def events(path: Path) -> list[Event]:
    return list(read(path))


def test_every_kind_of_line_is_read_exactly(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "flow.log",
        [
            ORDER,
            '1001 order_changed {"id":8,"price":"0.05","amount":"0.00000001","order_type":1}',
            '1002 order_deleted {"id":8,"price":"12","amount":"0","order_type":1,"more":[]}',
            '1003 trade {"price": 236.47, "amount": 1.7885566900000001, "id": 9}',
            '1004 order_book {"bids": [["236.47", "1.78855669"]], "asks": []}',
        ],
    )
    assert events(path) == [
        OrderEvent(1000, OrderEventKind.CREATED, "7", True, 23_640, 150_000_000),
        OrderEvent(1001, OrderEventKind.CHANGED, "8", False, 5, 1),
        OrderEvent(1002, OrderEventKind.DELETED, "8", False, 1_200, 0),
        Print(1003, 23_647, 178_855_669, "9"),
        Picture(1004, ((23_647, 178_855_669),), ()),
    ]


def test_packed_and_plain_are_the_same(tmp_path: Path) -> None:
    venue = trade_for_a_while(3, 200)
    plain = events(venue.write(tmp_path / "flow.log"))
    assert len(plain) == len(venue.lines)
    assert events(venue.write(tmp_path / "flow.log.xz")) == plain


def test_the_recording_is_read_to_its_end(recording: Path) -> None:
    kinds = {type(event) for event in read(recording)}
    assert kinds == {OrderEvent, Print, Picture}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "fewer than three parts"),
        ("hello", "fewer than three parts"),
        ("1000 order_created", "fewer than three parts"),
        ("1000 order_gone {}", "its kind is none of order_created, "),
        ("-5 " + ORDER.split(" ", 1)[1], "receive time"),
        ("12.5 " + ORDER.split(" ", 1)[1], "receive time"),
        (ORDER[:-1], "truncated"),
        (ORDER + "}", "trailing"),
        (ORDER.replace('"id": 7, ', ""), "`id`"),
        (ORDER.replace('_type": 0', '_type": 2'), "order_type"),
        (ORDER.replace('"236.4"', "236.4"), "price"),
        (ORDER.replace("236.4", "236.412"), "its price is '236.412' with 3 digits"),
        (ORDER.replace("236.4", "-236.4"), "its price"),
        (ORDER.replace("236.4", "2e2"), "its price"),
        (ORDER.replace("236.4", ".4"), "its price"),
        (ORDER.replace("236.4", ""), "its price"),
        (ORDER.replace("236.4", "٢٣"), "its price"),
        (ORDER.replace("1.5", "1" * 12), "its amount"),
        ('1000 trade {"price": 1, "amount": 1e999999999, "id": 1}', "too large"),
        ('1000 trade {"price": NaN, "amount": 1, "id": 1}', "malformed"),
        ('1000 order_book {"bids": [["1"]], "asks": []}', "bids"),
        ("1000 order_created \x00\x1b[31m", "malformed"),
    ],
)
def test_a_line_of_another_format_is_named(line: str, reason: str, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "flow.log", [ORDER, line, ORDER])
    rows = read(path)
    assert isinstance(next(rows), OrderEvent)
    with pytest.raises(RecordingError) as caught:
        next(rows)
    message = str(caught.value)
    assert message.startswith(f"{path}: line 2 is no line of a Bitstamp recording: ")
    assert reason in message
    assert message.isprintable()


def test_a_packed_recording_that_ends_in_the_middle_is_named(tmp_path: Path) -> None:
    whole = trade_for_a_while(3, 50).write(tmp_path / "flow.log.xz").read_bytes()
    cut = tmp_path / "cut.log.xz"
    for size in (len(whole) - 1, len(whole) // 2, 30, 6):
        cut.write_bytes(whole[:size])
        with pytest.raises(RecordingError, match="ends in the middle, after line [0-9]+; copy"):
            events(cut)


def test_a_damaged_packed_recording_is_named(tmp_path: Path) -> None:
    whole = bytearray(trade_for_a_while(3, 50).write(tmp_path / "flow.log.xz").read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    (tmp_path / "bad.xz").write_bytes(whole)
    with pytest.raises(RecordingError, match=r"the xz file is damaged after line [0-9]+"):
        events(tmp_path / "bad.xz")


def test_a_plain_recording_cut_inside_a_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "flow.log"
    path.write_text(f"{ORDER}\n{ORDER[:40]}")
    with pytest.raises(RecordingError, match="line 2"):
        events(path)


@pytest.mark.parametrize("content", [b"", lzma.compress(b"")])
def test_an_empty_recording_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "flow").write_bytes(content)
    with pytest.raises(RecordingError, match="the file is empty"):
        events(tmp_path / "flow")


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"nowhere: cannot be read: No such file"):
        events(tmp_path / "nowhere")
    with pytest.raises(RecordingError, match=r"cannot be read: Is a directory"):
        events(tmp_path)


def test_a_line_without_end_is_not_held(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"1" * (LINE_BYTES_MAX + 1))
    with pytest.raises(RecordingError, match=f"line 1 is longer than {LINE_BYTES_MAX} bytes"):
        events(tmp_path / "long")
