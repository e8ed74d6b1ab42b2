"""Brings a user's cash to the shard where it is about to be needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import attrs

from pmengine.commands import Command, Deposit, Split, SplitEvent, SubmitOrder, Withdraw
from pmengine.invariants.needs import exact_fee, paid_fee
from pmengine.services.front import Answer, Front
from pmengine.services.moving import move_id
from pmstore import PAYOUT, Fees, OrderType, Side
from pmstore.clock import Clock

VALID_FOR_MS: Final = 60_000
"""For how long the withdrawal of a move may still be taken."""


class Purse:
    """
    Moves what a command lacks on its shard from where the user has it.

    By what the stores say now: they may be behind, and an order may then be refused though
    there is enough in all, or money may be moved that was there. A move whose gateway dies in
    the middle is finished by the relay of the shard that it left.

    Args:
        fronts: The way in to each shard, by its number.
        available: What a user has available on each shard, in micros.
        fees: Those of a market, None if it has none or is not known.
        new_id: Makes names of moves.
        clock: The inputs' time.
    """

    def __init__(
        self,
        fronts: Sequence[Front],
        *,
        available: Callable[[str], Awaitable[Sequence[int]]],
        fees: Callable[[int, int], Awaitable[Fees | None]],
        new_id: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._fronts = fronts
        self._available = available
        self._fees = fees
        self._new_id = new_id
        self._clock = clock

    async def cover(
        self, commands: Sequence[Command], shard: int, timeout_s: float
    ) -> list[Answer]:
        """
        See that *shard* has what *commands*, all of one user, need together, as far as there is.

        Returns:
            What the shards answered, for who must not be shown less than that.

        Raises:
            OutcomeUnknown, NotTaken, StoreUnavailable: A move may be under way; none of
                *commands* was sent.
        """
        needs = [await self._need(command) for command in commands]
        total = sum(needs)
        if not total:
            return []
        user_id = next(one.user_id for one in commands if isinstance(one, _SPENDING))
        available = await self._available(user_id)
        lacking = total - available[shard]
        if lacking <= 0 or sum(available) < min(filter(None, needs)):
            return []
        told: list[Answer] = []
        others = [one for one in range(len(available)) if one != shard and available[one] > 0]
        for other in sorted(others, key=lambda one: -available[one]):
            amount = min(lacking, available[other])
            if amount > 0:
                answers = await self._move(user_id, other, shard, amount, timeout_s)
                told += answers
                lacking -= 0 if any(one.refusal for one in answers) else amount
        return told

    async def _move(
        self, user_id: str, from_shard: int, to_shard: int, amount: int, timeout_s: float
    ) -> list[Answer]:
        """Move *amount* micros, if they are still there."""
        id = move_id(to_shard, amount, self._new_id())
        until_ms = self._clock() + VALID_FOR_MS
        withdraw = Withdraw(id=id, user_id=user_id, amount=amount, valid_until_ms=until_ms)
        left = await self._fronts[from_shard].send(withdraw, timeout_s)
        told = [attrs.evolve(left, shard=from_shard)]
        if left.refusal is not None:
            return told
        # Without a time: refused as too late it would be remembered so, and nobody could do it.
        deposit = Deposit(id=id, user_id=user_id, amount=amount)
        come = await self._fronts[to_shard].send(deposit, timeout_s)
        return [*told, attrs.evolve(come, shard=to_shard)]

    async def _need(self, command: Command) -> int:
        """What a command takes of the user's cash at most, in micros."""
        if isinstance(command, Split | SplitEvent):
            return PAYOUT * max(0, command.quantity)
        if isinstance(command, Withdraw):
            return max(0, command.amount)
        if not isinstance(command, SubmitOrder) or command.side is not Side.BUY:
            return 0
        if command.order_type is OrderType.MARKET:
            return max(0, command.volume)
        price, lots = command.price or 0, command.quantity
        if price <= 0 or lots <= 0:
            return 0
        fees = await self._fees(command.symbol.event_id, command.symbol.market_id)
        if fees is None:
            return price * lots
        rate = max(fees.maker_ppm, fees.taker_ppm)
        return price * lots + paid_fee(exact_fee(fees, rate, price, lots))


_SPENDING: Final = (SubmitOrder, Split, SplitEvent, Withdraw)
