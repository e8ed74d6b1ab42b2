"""Lines of an audit log in a piece of text: which are good, and where whole appends end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

from pmstore.backends.file.audit_files import Block
from pmstore.codec import decode_trade_line
from pmstore.errors import CorruptData
from pmstore.models.trade import Trade

SHARDS: Final = 1024
"""Trade ids are a counter times 1024 plus the engine shard."""
BLOCK_LINES: Final = 128
BLOCK_BYTES: Final = 64 * 1024
GOES_ON: Final = b" \n"
"""How a line ends whose append goes on in the next; JSON does not mind the space."""
ENDS: Final = b"\n"
"""How the last line of an append ends."""


def join_append(lines: Sequence[bytes]) -> bytes:
    """The text of one append: all its *lines* but the last are marked as going on."""
    return GOES_ON.join(lines) + ENDS if lines else b""


def decode_line(line: bytes, prev_hash: str | None, where: str) -> tuple[Trade, str]:
    """The trade of one line with its newline, and its hash; errors as of the codec."""
    if line.endswith(GOES_ON):
        line = line[:-2]
    return decode_trade_line(line, prev_hash, where)


@attrs.define(kw_only=True)
class Scan:
    """
    What a file of the log holds, up to the end of its last whole append.

    Attributes:
        count: Records.
        hash: Of the last one; that of the file before if there is none.
        end: Offset behind it.
        problem: Why the text does not end there; None if it does.
        hashes: Hashes that were asked for, by the number of records up to them.
    """

    count: int
    hash: str
    end: int
    low_ms: int
    high_ms: int
    blocks: list[Block]
    last_ids: dict[int, int]
    problem: str | None
    asked: str | None


def scan_lines(path: Path, text: bytes, prev_hash: str, ask: int = -1) -> Scan:
    """
    Check every line of *text*, which follows the record with *prev_hash*.

    Args:
        ask: Answer the hash after so many records of it as `asked`.

    Raises:
        CorruptData: A line that is bad with another line behind it.
    """
    found = Scan(
        count=0,
        hash=prev_hash,
        end=0,
        low_ms=0,
        high_ms=-1,
        blocks=[],
        last_ids={},
        problem=None,
        asked=prev_hash if ask == 0 else None,
    )
    pending: list[tuple[Trade, str, int]] = []
    offset = number = 0
    while offset < len(text):
        number += 1
        end = text.find(b"\n", offset) + 1
        if not end:
            found.problem = "the last line is cut short"
            return found
        line = text[offset:end]
        try:
            trade, prev_hash = decode_line(line, prev_hash, f"{path} line {number} at {offset}")
        except CorruptData as error:
            if text.find(b"\n", end) >= 0:
                raise
            found.problem = str(error)
            return found
        pending.append((trade, prev_hash, end))
        offset = end
        if not line.endswith(GOES_ON):
            for trade, own_hash, behind in pending:
                _add(found, trade, own_hash, behind, ask)
            pending.clear()
    if pending:
        found.problem = "the last append is cut short"
    return found


def _add(found: Scan, trade: Trade, own_hash: str, end: int, ask: int) -> None:
    found.low_ms = trade.timestamp if not found.count else min(found.low_ms, trade.timestamp)
    found.high_ms = max(found.high_ms, trade.timestamp)
    add_block(found.blocks, Block(found.end, end, trade.timestamp, trade.timestamp))
    found.count += 1
    found.hash = own_hash
    found.end = end
    found.last_ids[trade.trade_id % SHARDS] = trade.trade_id
    if found.count == ask:
        found.asked = own_hash


def add_block(blocks: list[Block], block: Block) -> None:
    """Add *block* to an index, to the last one while that is small."""
    if blocks and block.end - blocks[-1].start <= BLOCK_BYTES:
        last = blocks.pop()
        block = Block(
            last.start, block.end, min(last.low_ms, block.low_ms), max(last.high_ms, block.high_ms)
        )
    blocks.append(block)
