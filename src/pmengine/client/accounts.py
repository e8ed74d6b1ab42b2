"""What a user holds, as it is answered."""

from __future__ import annotations

from decimal import Decimal

import attrs


@attrs.frozen(kw_only=True)
class Cash:
    """Money; `frozen` is set aside for open orders."""

    available: Decimal
    frozen: Decimal


@attrs.frozen(kw_only=True)
class Holding:
    """Shares of one token; `frozen` is set aside for open orders."""

    token_id: str
    available: Decimal
    frozen: Decimal


@attrs.frozen(kw_only=True)
class Account:
    """What a user holds; with several shards `cash_by_shard` says how much cash is on each."""

    user_id: str
    cash: Cash
    positions: tuple[Holding, ...]
    cash_by_shard: tuple[Cash, ...] = ()
