"""The engine's fills during a replay, in terms of the first token, and their digest."""

from __future__ import annotations

import hashlib
from collections import Counter

import attrs

from pmengine.replay.translation import TOKENS
from pmstore import PAYOUT, MatchType, Trade


# Slotted and not frozen, because made once a trade; nobody mutates it.
@attrs.define
class Fill:
    """Price in ticks of the first token, quantity in lots."""

    time_ms: int
    taker_order_id: str
    maker_order_id: str
    quantity: int
    price: int


class Fills:
    """Counts trades and digests their order, parties, quantity and price; keeps none."""

    def __init__(self) -> None:
        self.count = 0
        self.match_types: Counter[MatchType] = Counter()
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 in hex over every fill so far: taker, maker, quantity, price."""
        return self._hash.hexdigest()

    def add(self, trade: Trade) -> Fill:
        """Take in *trade*; what it is in terms of the first token."""
        mirrored = trade.maker_symbol.token_id != TOKENS[0]
        fill = Fill(
            trade.timestamp,
            trade.taker_order_id,
            trade.maker_order_id,
            trade.quantity,
            PAYOUT - trade.maker_price if mirrored else trade.maker_price,
        )
        self.count += 1
        self.match_types[trade.match_type] += 1
        line = f"{fill.taker_order_id} {fill.maker_order_id} {fill.quantity} {fill.price}\n"
        self._hash.update(line.encode())
        return fill
