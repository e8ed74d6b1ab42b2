"""Cheap copies of the models that are not frozen."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

import attrs

from pmstore.models.balance import Balance
from pmstore.models.market import Event
from pmstore.models.order import Order
from pmstore.models.trade import Trade

R = TypeVar("R")


def _copier(model: type[R]) -> Callable[[R], R]:
    """A copy by position: three times faster than `copy.copy`, and follows the model's fields."""
    # attrs made all models, which a type variable cannot say.
    values: Callable[[Any], tuple[Any, ...]] = attrgetter(
        *(field.name for field in attrs.fields(model))  # type: ignore[arg-type]
    )

    def copied(record: R) -> R:
        return model(*values(record))

    return copied


copy_order: Callable[[Order], Order] = _copier(Order)
copy_trade: Callable[[Trade], Trade] = _copier(Trade)
copy_balance: Callable[[Balance], Balance] = _copier(Balance)


def copy_event(event: Event) -> Event:
    """The event with a dictionary of its own; markets are frozen."""
    return attrs.evolve(event, markets=dict(event.markets))
