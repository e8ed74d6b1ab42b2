"""The steps of an order's life as they are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from pmengine.services.explaining.rules import Rule
from pmstore import Order, Position


@attrs.frozen(kw_only=True)
class Step:
    """
    One thing that happened to an order.

    `kind` is a word for programs, `text` says it to people. `change` is the index of its fact
    in entry `number`, at `position` of the log; without them it was read from a store. Amounts of
    `frozen` and `released` are of `asset`: micros of cash or lots of a token. `details` are
    integers and names for programs.
    """

    kind: str
    text: str
    rule: Rule | None
    time_ms: int | None = None
    number: int | None = None
    position: Position | None = None
    change: int | None = None
    asset: str | None = None
    frozen: int = 0
    released: int = 0
    details: Mapping[str, Any] = attrs.Factory(dict)


@attrs.define
class Life:
    """
    What is known of an order.

    `order` is its newest version that was seen, `is_open` whether it was open then. `looked_at`
    says where it was looked for, `meant` names orders whose `client_order_id` is this id.
    """

    order_id: str
    steps: list[Step] = attrs.Factory(list)
    order: Order | None = None
    is_open: bool = False
    looked_at: list[str] = attrs.Factory(list)
    meant: dict[str, None] = attrs.Factory(dict)

    @property
    def is_known(self) -> bool:
        """Whether anything is known of it."""
        return bool(self.steps)
