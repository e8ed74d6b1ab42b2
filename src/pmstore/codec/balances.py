"""Rows of accounts <-> JSON, as the `AccountChanged` facts of the log carry them."""

from __future__ import annotations

from sys import intern
from typing import Final

import msgspec

from pmstore.codec.json_text import READ_ERRORS, corrupt, quote, utf8
from pmstore.models.balance import Balance


class WireBalance(msgspec.Struct, gc=False):
    """A row of an account as it is written."""

    user_id: str
    asset: str
    available: int
    frozen: int
    version: int = 0


_decoder: Final = msgspec.json.Decoder(WireBalance)


def to_balance(wire: WireBalance) -> Balance:
    """The row that was written."""
    return Balance(
        intern(wire.user_id), intern(wire.asset), wire.available, wire.frozen, wire.version
    )


def balance_text(row: Balance) -> str:
    """The row as JSON."""
    return (
        f'{{"user_id":{quote(row.user_id)},"asset":{quote(row.asset)}'
        f',"available":{row.available},"frozen":{row.frozen},"version":{row.version}}}'
    )


def encode_balance(balance: Balance) -> bytes:
    """
    The row as a JSON document.

    Raises:
        InvalidRecord: Text that is not Unicode.
    """
    return utf8(balance_text(balance))


def decode_balance(payload: bytes, where: str) -> Balance:
    """
    The row in a JSON document; unknown fields are ignored.

    Raises:
        CorruptData: It is no row of an account; says what is wrong and *where*.
    """
    try:
        return to_balance(_decoder.decode(payload))
    except READ_ERRORS as error:
        raise corrupt(error, "a balance", where) from error
