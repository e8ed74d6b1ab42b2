"""What a batch of facts changes in the depth of each market; pure."""

from __future__ import annotations

import msgspec

from pmstore import Batch, MarketRemoved, MarketUpdateId, Trade


class MarketDelta(msgspec.Struct, tag_field="types", tag=True, kw_only=True, omit_defaults=True):
    """
    What changed in a market within one batch, in terms of its first token.

    Levels are (price in ticks, lots there now; 0: gone). `prev_update_id` is the update
    before the first that this merges. When `cleared`, every level not named is gone. When
    `removed`, the market is, and a market listed under its id begins anew.
    """

    event_id: int
    market_id: int
    prev_update_id: int
    update_id: int
    timestamp: int
    bids: list[tuple[int, int]] = []
    asks: list[tuple[int, int]] = []
    last_price: int = 0
    cleared: bool = False
    removed: bool = False
    trades: list[Trade] = []


def market_deltas(batch: Batch) -> list[MarketDelta]:
    """What the batch changed in each market, merged to one delta a market."""
    told: list[MarketDelta] = []
    deltas: dict[tuple[int, int], MarketDelta] = {}
    levels: dict[tuple[int, int], tuple[dict[int, int], dict[int, int]]] = {}
    trades: dict[tuple[int, int], list[Trade]] = {}
    for change in batch.changes:
        if isinstance(change, Trade):
            symbol = change.symbol
            trades.setdefault((symbol.event_id, symbol.market_id), []).append(change)
        elif isinstance(change, MarketUpdateId):
            key = (change.event_id, change.market_id)
            delta = deltas.get(key)
            if delta is None:
                delta = deltas[key] = MarketDelta(
                    event_id=change.event_id,
                    market_id=change.market_id,
                    prev_update_id=change.update_id - 1,
                    update_id=change.update_id,
                    timestamp=change.timestamp,
                )
                levels[key] = ({}, {})
            bids, asks = levels[key]
            if change.cleared:
                delta.cleared = True
                bids.clear()
                asks.clear()
            delta.update_id = change.update_id
            delta.timestamp = change.timestamp
            delta.last_price = change.last_price
            bids.update(change.bids)
            asks.update(change.asks)
        elif isinstance(change, MarketRemoved):
            key = (change.event_id, change.market_id)
            if key in deltas:
                told.append(_merged(deltas.pop(key), levels.pop(key), trades.pop(key, [])))
            told.append(
                MarketDelta(
                    event_id=change.event_id,
                    market_id=change.market_id,
                    prev_update_id=0,
                    update_id=0,
                    timestamp=batch.time,
                    removed=True,
                )
            )
    for key, delta in deltas.items():
        told.append(_merged(delta, levels[key], trades.get(key, [])))
    return told


def _merged(
    delta: MarketDelta, levels: tuple[dict[int, int], dict[int, int]], trades: list[Trade]
) -> MarketDelta:
    bids, asks = levels
    delta.bids = sorted(bids.items(), reverse=True)
    delta.asks = sorted(asks.items())
    delta.trades = trades
    return delta
