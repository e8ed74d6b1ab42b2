"""Moves of a user's cash from one shard to another: withdrawn here, deposited there, each once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from pmengine.commands import Deposit, Withdraw, encode_command
from pmstore import ACCEPTED, Batch, Entry, Remembered, Stream

MARGIN_MS: Final = 600_000
"""So much earlier than its id is forgotten a deposit is too late to be taken."""

_WORD: Final = "move"


def move_id(shard: int, amount: int, name: str) -> str:
    """
    The id of both commands of a move of *amount* micros to *shard*; *name* is unique.

    No gateway takes an id with a slash from a client, so nobody else's withdrawal looks like it.
    """
    return f"{_WORD}/{shard}/{amount}/{name}"


@attrs.frozen
class Move:
    """Cash (micros) of a user that was withdrawn at `time_ms` to be deposited on `shard`."""

    id: str
    user_id: str
    shard: int
    amount: int
    time_ms: int


def moves_in(batch: Batch) -> Iterator[Move]:
    """The moves that begin in *batch*: what it says alone is enough to finish them."""
    for change in batch.changes:
        if (
            isinstance(change, Remembered)
            and change.kind == Withdraw.__name__
            and change.outcome == ACCEPTED
            and not change.repeat
        ):
            word, _, rest = change.id.partition("/")
            shard, _, rest = rest.partition("/")
            amount, _, _ = rest.partition("/")
            if word == _WORD and shard.isdecimal() and amount.isdecimal():
                yield Move(change.id, change.user_id, int(shard), int(amount), change.timestamp)


class Carrier:
    """
    Finishes moves: deposits on their shard what was withdrawn on this one.

    It may be told of a move any number of times: the deposit has the id of the move, is
    remembered for as long as ids are, and is too late before it would be forgotten.

    Args:
        inputs: The input of each shard for commands about orders and money, by its number.
        id_memory_s: How long the engines remember ids, in seconds.
    """

    def __init__(self, inputs: Sequence[Stream], id_memory_s: int) -> None:
        self._inputs = inputs
        self._valid_ms = id_memory_s * 1000 - MARGIN_MS

    async def carry(self, found: Sequence[tuple[Entry, Batch]]) -> None:
        """
        Finish the moves that begin in *found*.

        Raises:
            StoreUnavailable: Some may not have been; do it again.
        """
        deposits: dict[int, list[bytes]] = {}
        for _, batch in found:
            for move in moves_in(batch):
                deposit = Deposit(
                    id=move.id,
                    user_id=move.user_id,
                    amount=move.amount,
                    valid_until_ms=move.time_ms + self._valid_ms,
                )
                # There may be fewer shards by now than when it was sent.
                shard = move.shard % len(self._inputs)
                deposits.setdefault(shard, []).append(encode_command(deposit))
        for shard, some in deposits.items():
            await self._inputs[shard].append(some)
