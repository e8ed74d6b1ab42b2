"""What no store may hold is refused before anything is written."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

import pmstore
from pmstore.errors import InvalidRecord
from pmstore.testing import samples


@pytest.mark.parametrize("url", ["memory://", "sqlite:///{folder}/orders.db"])
@pytest.mark.parametrize(
    "values",
    [
        {"price": True},
        {"quantity": 100.0},
        {"version": False},
        {"expires_at_ms": True},
        {"fee_exact": True},
        {"side": "Buy"},
        {"order_type": None},
        {"status": "New"},
        {"time_in_force": "gtc"},
        {"self_trade": "none"},
        {"post_only": 1},
    ],
    ids=str,
)
async def test_an_order_with_a_value_of_another_type_is_refused(
    url: str, values: dict[str, Any], tmp_path: Any
) -> None:
    async with pmstore.open_order_store(url.format(folder=tmp_path)) as orders:
        with pytest.raises(InvalidRecord, match="order_1"):
            await orders.save([attrs.evolve(samples.order(1), **values)])
        assert (await orders.find(pmstore.OrderQuery())).items == ()


async def test_a_boolean_is_no_number_of_a_trade() -> None:
    async with pmstore.open_trade_store("memory://") as trades:
        with pytest.raises(InvalidRecord, match="True is not an integer"):
            await trades.append([attrs.evolve(samples.trade(1), price=True)])
