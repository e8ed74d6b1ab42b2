"""Shows the life of an order: lines for people, one JSON document for programs."""

from __future__ import annotations

import json
import sys
from typing import Any

from pmengine.services.explaining import PAGE, Life, Step
from pmengine.services.explaining.telling import moment, shares
from pmstore.codec import encode_order


def print_lines(life: Life) -> None:
    """Print a paragraph for each step, and how the order stands."""
    order = life.order
    if order is not None:
        symbol = order.symbol
        print(
            f"Order {life.order_id} of {order.user_id} in market "
            f"{symbol.event_id}/{symbol.market_id}"
        )
    else:
        print(f"Order {life.order_id}")
    for step in life.steps:
        print()
        print(_head(step))
        print(f"    {step.text}")
        if step.rule is not None:
            print(f"    rule: {step.rule.sentence} ({PAGE}#{step.rule.anchor})")
    print()
    if order is not None and life.is_open:
        left = shares(order.remaining_quantity)
        print(f"It is open: {shares(order.filled_quantity)} filled, {left} remaining.")
    elif order is not None:
        print(f"It ended {order.status.value}: {shares(order.filled_quantity)} filled.")
    else:
        print("It never was on the ladder, as far as is known.")
    print(f"Looked at: {'; '.join(life.looked_at)}.")


def print_unknown(life: Life) -> None:
    """Say what was looked at, and what can be done."""
    print(f"pmengine: nothing is known of order {life.order_id!r}.", file=sys.stderr)
    print(f"  Looked at: {'; '.join(life.looked_at)}.", file=sys.stderr)
    for order_id in life.meant:
        print(
            f"  It is the client_order_id of an order: pmengine explain {order_id}", file=sys.stderr
        )
    if life.meant:
        return
    print(
        "  Is it the order_id, not the client_order_id? `pmstore find --env-file .env --user USER` "
        "lists a user's orders; a refused order is known until its memory ends "
        "(ENGINE_ID_MEMORY_S).",
        file=sys.stderr,
    )


def print_json(life: Life) -> None:
    """Print everything that is known as one JSON document."""
    document = {
        "order_id": life.order_id,
        "known": life.is_known,
        "open": life.is_open,
        "order": None if life.order is None else json.loads(encode_order(life.order)),
        "steps": [_document(step) for step in life.steps],
        "looked_at": life.looked_at,
        "client_order_id_of": list(life.meant),
    }
    print(json.dumps(document, ensure_ascii=False))


def _head(step: Step) -> str:
    when = "" if step.time_ms is None else moment(step.time_ms)
    where = "not on the log" if step.number is None else f"entry {step.number} at {step.position}"
    return f"{when or '-':<24}  {step.kind:<10} {where}"


def _document(step: Step) -> dict[str, Any]:
    rule = step.rule
    return {
        "kind": step.kind,
        "text": step.text,
        "rule": None if rule is None else rule.sentence,
        "rule_at": None if rule is None else f"{PAGE}#{rule.anchor}",
        "time_ms": step.time_ms,
        "number": step.number,
        "position": None if step.position is None else str(step.position),
        "change": step.change,
        "asset": step.asset,
        "frozen": step.frozen,
        "released": step.released,
        "details": dict(step.details),
    }
