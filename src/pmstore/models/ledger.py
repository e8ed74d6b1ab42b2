"""One line of the double-entry ledger."""

from __future__ import annotations

import enum

import attrs


class Holder(enum.Enum):
    """Whose account an entry is in."""

    USER = "user"
    MARKET = "market"
    """What stands behind the tokens of a plain market, and issued them."""
    EVENT = "event"
    """The same of an exclusive event as a whole."""
    WORLD = "world"
    """Where deposits come from and withdrawals go to."""
    OPENING = "opening"
    """What was there when the ledger began, and what became of it while nobody looked."""


class EntryKind(enum.Enum):
    """Why something moved."""

    OPENING = "opening"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    HOLD = "hold"
    """Available became frozen for an order."""
    RELEASE = "release"
    """Frozen became available again."""
    TRADE = "trade"
    FEE = "fee"
    SPLIT = "split"
    MERGE = "merge"
    CONVERT = "convert"
    RESOLUTION = "resolution"
    """Tokens of a resolved market were paid out."""
    CORRECTION = "correction"
    """What no entry of the log explains: it lost its tail, and a snapshot went on above it."""


@attrs.define(weakref_slot=False)
class LedgerEntry:
    """
    What one account gained (or lost, below zero) of one asset; made once, never mutated.

    `source`, `number` and `line` name it: the log, the number of the log's entry, and the
    place among the lines that come of it. The lines from `transaction` on, up to the next one
    that begins a transaction, belong together; `available` and `frozen` of a transaction's
    lines add up to zero for each asset. An account has a part that is available and a part
    that is frozen; `available_after` and `frozen_after` are what a user holds then, and None
    for whoever is no user.

    `asset` is `cash` (amounts in micros) or a token id (amounts in lots). `account` is the
    user's id, `1/2` for market 2 of event 1, the event's number, or the holder's name again.
    `reference` is the id of the trade, order or command, or the market; it may be empty.
    `timestamp` is in epoch milliseconds.
    """

    source: str
    number: int
    line: int
    transaction: int
    holder: Holder
    account: str
    asset: str
    available: int
    frozen: int
    available_after: int | None
    frozen_after: int | None
    kind: EntryKind
    reference: str
    timestamp: int
    correlation_id: str | None = None
