"""Reading an audit log backwards: the newest trades that a question asks for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

import attrs

from pmstore.backends.file.audit_files import AuditFiles, Block, LogFile, read_text
from pmstore.backends.file.audit_lines import add_block, decode_line
from pmstore.codec.json_text import quote
from pmstore.errors import InvalidQuery
from pmstore.models.query import Page, TradeQuery
from pmstore.models.trade import Trade
from pmstore.models.units import INTEGER_MAX

_HASH_WITHIN: Final = 128
"""A line ends with its hash; so many bytes before a block hold that of the line before it."""

Key = tuple[int, int]
"""`timestamp` and `trade_id`: the order of every list."""


@attrs.frozen
class View:
    """A file as far as it may be read."""

    file: LogFile
    blocks: Sequence[Block] | None


def read_cursor(text: str) -> Key:
    """
    The key at which a cursor stands.

    Raises:
        InvalidQuery: It is not the `next` of a page of this store.
    """
    timestamp, dash, trade_id = text.partition("-")
    digits = all(part.isascii() and part.isdigit() for part in (timestamp, trade_id))
    if not dash or not digits or max(int(timestamp), int(trade_id)) > INTEGER_MAX:
        raise InvalidQuery(
            f"{text!r} is not a cursor of this store; take `next` of the page before"
        )
    return int(timestamp), int(trade_id)


class AuditReader:
    """Answers questions from the files; one thread at a time."""

    def __init__(self, files: AuditFiles) -> None:
        self._files = files
        self._text: tuple[int, bytes] = (-1, b"")

    def find(self, views: Sequence[View], query: TradeQuery) -> Page[Trade]:
        """
        The page that *query* asks for, newest first by (`timestamp`, `trade_id`).

        Lines lie in the order of their arrival, which is nearly that of time: blocks are
        read from the end until none before can hold anything newer than what was found.
        """
        below = (INTEGER_MAX, INTEGER_MAX + 1) if query.after is None else read_cursor(query.after)
        if query.end_ms is not None:
            below = min(below, (query.end_ms, -1))
        wanted = _needles(query)
        found: list[tuple[Key, Trade]] = []
        for view, block, high_ms in self._blocks(views):
            if query.start_ms is not None and high_ms < query.start_ms:
                break
            if len(found) > query.limit:
                found.sort(key=_key, reverse=True)
                del found[query.limit + 1 :]
                if found[-1][0][0] > high_ms:
                    break
            if block.low_ms <= below[0] and _overlaps(block, query):
                text, before = self._read(view, block)
                if all(needle in text for needle in wanted):
                    where = f"{view.file.path} behind {block.start}"
                    for trade in _trades(text, before, wanted, where):
                        key = (trade.timestamp, trade.trade_id)
                        if key < below and _matches(trade, query):
                            found.append((key, trade))
        found.sort(key=_key, reverse=True)
        items = tuple(trade for _, trade in found[: query.limit])
        more = len(found) > query.limit
        return Page(items, f"{items[-1].timestamp}-{items[-1].trade_id}" if more else None)

    def _blocks(self, views: Sequence[View]) -> Iterator[tuple[View, Block, int]]:
        """Every block from the end, with the latest time in it and everything before it."""
        for view in reversed(views):
            blocks = view.blocks if view.blocks is not None else self._index(view.file)
            highs = accumulate([block.high_ms for block in blocks], max)
            for block, high_ms in reversed(list(zip(blocks, highs, strict=True))):
                yield view, block, max(high_ms, view.file.high_before_ms)

    def _index(self, file: LogFile) -> list[Block]:
        """The index of a file that was put aside by another process; kept from then on."""
        if file.blocks is None:
            text = self._whole(file)
            blocks: list[Block] = []
            start = 0
            while start < len(text):
                end = text.index(b"\n", start) + 1
                trade, _ = decode_line(text[start:end], None, f"{file.path} at {start}")
                add_block(blocks, Block(start, end, trade.timestamp, trade.timestamp))
                start = end
            file.blocks = blocks
        return file.blocks

    def _whole(self, file: LogFile) -> bytes:
        """All of a file that was put aside; the last one asked for stays in memory."""
        if self._text[0] != file.number:
            with self._files.names:
                self._text = (file.number, read_text(file.path, packed=file.packed))
        return self._text[1]

    def _read(self, view: View, block: Block) -> tuple[bytes, str | None]:
        """The lines of a block, and the hash of the line before it."""
        start = max(0, block.start - _HASH_WITHIN)
        with self._files.names:
            packed = view.file.packed
            fd = -1 if packed else os.open(view.file.path, os.O_RDONLY)
        if packed:
            text = self._whole(view.file)[start : block.end]
        else:
            try:
                text = os.pread(fd, block.end - start, start)
            finally:
                os.close(fd)
        before = text[: block.start - start]
        hash_before = hash_of(before) if before else view.file.hash_before
        return text[block.start - start :], hash_before


def hash_of(line: bytes) -> str:
    """The hash that a line ends with."""
    return line.rstrip()[-66:-2].decode("ascii", "replace")


def _trades(
    text: bytes, hash_before: str | None, wanted: Sequence[bytes], where: str
) -> Iterator[Trade]:
    """The trades of those lines that hold what is wanted, each checked against the chain."""
    before: bytes | None = None
    for line in text.splitlines(keepends=True):
        if all(needle in line for needle in wanted):
            prev_hash = hash_before if before is None else hash_of(before)
            yield decode_line(line, prev_hash, where)[0]
        before = line


def _needles(query: TradeQuery) -> list[bytes]:
    """What the text of every matching line holds."""
    texts = (query.user_id, query.order_id, query.token_id)
    return [quote(text).encode("utf-8", "surrogatepass") for text in texts if text is not None]


def _key(item: tuple[Key, Trade]) -> Key:
    return item[0]


def _overlaps(block: Block, query: TradeQuery) -> bool:
    return (query.start_ms is None or block.high_ms >= query.start_ms) and (
        query.end_ms is None or block.low_ms < query.end_ms
    )


def _matches(trade: Trade, query: TradeQuery) -> bool:
    symbol = trade.symbol
    users = (trade.taker_user_id, trade.maker_user_id)
    orders = (trade.taker_order_id, trade.maker_order_id)
    return (
        (query.user_id is None or query.user_id in users)
        and (query.order_id is None or query.order_id in orders)
        and (query.event_id is None or symbol.event_id == query.event_id)
        and (query.market_id is None or symbol.market_id == query.market_id)
        and (query.token_id is None or symbol.token_id == query.token_id)
        and (query.start_ms is None or trade.timestamp >= query.start_ms)
        and (query.end_ms is None or trade.timestamp < query.end_ms)
    )
