"""What a command brought about, in the words of a scenario table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pmengine.commands import AmendOrder, Command, SubmitOrder
from pmengine.facts import Outcome
from pmstore import (
    EventRemoved,
    GroupChanged,
    MarketChanged,
    MarketRemoved,
    MatchType,
    OrderCancelled,
    OrderFilled,
    OrdersLeaving,
    Paused,
    Remembered,
    SessionChanged,
    State,
    Trade,
)
from tests.engine.listings import START_MS

Holdings = dict[tuple[str, str], tuple[int, int]]
"""Available and frozen by user and asset."""
NOTHING = "nothing"
WHATEVER = "..."


class Said(NamedTuple):
    """What happened in order, and what moved in any order."""

    happened: list[str]
    moved: list[str]

    def beside(self, expected: str) -> tuple[str, str]:
        """*expected* and what was found, in one form; what moved only where it is asked."""
        events, bar, moves = expected.partition("|")
        asked, found = ", ".join(_items(events)), ", ".join(self.happened) or "done"
        if asked == WHATEVER:
            found = WHATEVER
        if not bar:
            return asked, found
        moved = ", ".join(sorted(self.moved)) or NOTHING
        return f"{asked} | {', '.join(sorted(_items(moves)))}", f"{found} | {moved}"


def happened(command: Command, outcome: Outcome, state: State) -> list[str]:
    """Everything that *outcome* says, and how the order of *command* rests after it."""
    said: list[str] = []
    for fact in outcome.facts:
        said.extend(_fact(fact))
    if outcome.refusal is not None:
        said.append(outcome.refusal.name)
    elif isinstance(command, SubmitOrder | AmendOrder) and not any(map(_is_repeat, said)):
        order = state.orders.get(command.order_id)
        if order is not None:
            said.append(f"{order.id} rests {order.remaining_quantity}@{order.price}")
    return said


def held(state: State) -> Holdings:
    """What everybody has."""
    return {
        (user_id, asset): (row.available, row.frozen)
        for asset, rows in state.balances.items()
        for user_id, row in rows.items()
    }


def moved(before: Holdings, after: Holdings) -> list[str]:
    """Every change of a row: `<user> <asset> <available>[/<frozen>]`."""
    moves = []
    for user_id, asset in {**before, **after}:
        old = before.get((user_id, asset), (0, 0))
        new = after.get((user_id, asset), (0, 0))
        available, frozen = new[0] - old[0], new[1] - old[1]
        if available or frozen:
            amount = f"{available:+d}" if not frozen else f"{available:+d}/{frozen:+d}"
            moves.append(f"{user_id} {asset} {amount}")
    return moves


def _fact(fact: object) -> Iterator[str]:
    if isinstance(fact, Trade):
        price = f"{fact.price}"
        if fact.match_type is not MatchType.NORMAL:
            price += f"/{fact.maker_price}"
        fees = ""
        if fact.taker_fee or fact.maker_fee:
            fees = f" fees {fact.taker_fee}/{fact.maker_fee}"
        yield f"{fact.match_type.value} {fact.quantity}@{price} {fact.maker_order_id}{fees}"
    elif isinstance(fact, OrderFilled | OrderCancelled):
        end = "filled"
        if isinstance(fact, OrderCancelled):
            end = f"cancelled {fact.remaining_quantity}"
        yield f"{fact.order_id} {end}"
        if fact.spent:
            yield f"spent {fact.spent}"
    elif isinstance(fact, MarketChanged):
        what = "working" if fact.working else fact.state.value
        yield f"market {fact.event_id}/{fact.market_id} {what}"
    elif isinstance(fact, MarketRemoved):
        yield f"market {fact.event_id}/{fact.market_id} removed"
    elif isinstance(fact, EventRemoved):
        yield f"event {fact.event_id} removed"
    elif isinstance(fact, Paused):
        if fact.post_only_until_ms:
            yield f"post-only until +{fact.post_only_until_ms - START_MS}"
        else:
            yield "paused" if fact.paused else "open"
    elif isinstance(fact, Remembered) and fact.repeat and fact.id:
        yield f"again {fact.order_id or fact.outcome}"
    elif isinstance(fact, OrdersLeaving):
        yield f"{fact.leaving.reason} {'working' if fact.working else 'done'}"
    elif isinstance(fact, GroupChanged) and fact.triggered:
        yield f"group {fact.group} triggered"
    elif isinstance(fact, SessionChanged) and not fact.deadline_ms:
        yield f"session {fact.session} ended"


def _is_repeat(said: str) -> bool:
    return said.startswith("again ")


def _items(text: str) -> list[str]:
    return [" ".join(item.split()) for item in text.split(",") if item.strip()]
