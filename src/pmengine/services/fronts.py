"""The way in to a deployment of several shards: each command goes to those that it is for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import attrs

from pmengine.commands import AmendOrder, CancelOrder, Command, SubmitOrder
from pmengine.facts import Refusal
from pmengine.services.front import Answer, Front, NotTaken, OutcomeUnknown
from pmengine.services.purse import Purse
from pmengine.shards import shard_of, shards_of
from pmstore import Order, StoreClosed, StoreUnavailable


class Fronts:
    """
    One `Front` for each shard, used like one.

    What is for several shards is sent to all of them at once, and answered once all of them did:
    with the first refusal, if there is one, and every order that was cancelled anywhere.

    Args:
        fronts: By the number of their shard.
        order: Finds an order by its id as far as stores have it, to know whom a command about
            it is for; all shards are asked if they do not have it yet.
        purse: Brings cash to the shard that a command needs it on; unset, nobody does.
    """

    def __init__(
        self,
        fronts: Sequence[Front],
        order: Callable[[str], Awaitable[Order | None]],
        purse: Purse | None = None,
    ) -> None:
        self._fronts = fronts
        self._order = order
        self._purse = purse

    @property
    def waiting(self) -> int:
        """How many commands are under way."""
        return sum(front.waiting for front in self._fronts)

    async def send(
        self,
        command: Command,
        timeout_s: float,
        *,
        listing: bool = False,
        shard: int | None = None,
    ) -> Answer:
        """
        The outcome of *command*; arguments and errors as for `Front.send`.

        Of a command for several shards some may have done it when it raises: the same again
        changes nothing there.

        Args:
            shard: Whom it is for, if it does not say so itself.
        """
        shards = len(self._fronts)
        wanted = shards_of(command, shards) if shard is None else (shard,)
        if not wanted:
            assert isinstance(command, AmendOrder | CancelOrder)
            order = await self._order(command.order_id)
            if order is not None:
                wanted = (shard_of(order.symbol.event_id, shards),)
        asked = wanted or range(shards)
        if len(asked) == 1:
            # Who names a shard knows where the money is to be.
            moved = await self._cover([command], asked[0], timeout_s) if shard is None else []
            answer = await self._send(asked[0], command, timeout_s, listing)
            return attrs.evolve(answer, others=moved) if moved else answer
        answers = await asyncio.gather(
            *(self._send(one, command, timeout_s, listing) for one in asked)
        )
        return _joined(answers) if wanted else _known(answers)

    async def send_all(
        self, commands: Sequence[SubmitOrder], timeout_s: float
    ) -> list[Answer | Exception]:
        """
        The outcomes of new orders, as `Front.send_all` has them from each shard.

        Those for one shard are taken in this order; shards do not wait for each other.
        """
        shards = len(self._fronts)
        places: dict[int, list[int]] = {}
        for place, command in enumerate(commands):
            places.setdefault(shard_of(command.symbol.event_id, shards), []).append(place)
        found = await asyncio.gather(
            *(
                self._send_all(shard, [commands[place] for place in asked], timeout_s)
                for shard, asked in places.items()
            )
        )
        outcomes: dict[int, Answer | Exception] = {}
        for (shard, asked), answers in zip(places.items(), found, strict=True):
            for place, answer in zip(asked, answers, strict=True):
                if isinstance(answer, Answer):
                    answer = attrs.evolve(answer, shard=shard)
                outcomes[place] = answer
        return [outcomes[place] for place in range(len(commands))]

    async def _send_all(
        self, shard: int, commands: Sequence[SubmitOrder], timeout_s: float
    ) -> list[Answer | Exception]:
        try:
            moved = await self._cover(commands, shard, timeout_s)
        except (NotTaken, OutcomeUnknown, StoreClosed, StoreUnavailable) as error:
            return [error] * len(commands)
        outcomes = await self._fronts[shard].send_all(commands, timeout_s)
        return [
            attrs.evolve(one, others=moved) if isinstance(one, Answer) else one for one in outcomes
        ]

    async def _cover(
        self, commands: Sequence[Command], shard: int, timeout_s: float
    ) -> list[Answer]:
        if self._purse is None:
            return []
        return await self._purse.cover(commands, shard, timeout_s)

    async def _send(self, shard: int, command: Command, timeout_s: float, listing: bool) -> Answer:
        answer = await self._fronts[shard].send(command, timeout_s, listing=listing)
        return attrs.evolve(answer, shard=shard)


def _joined(answers: Sequence[Answer]) -> Answer:
    """What all of *answers* say together."""
    first = next((one for one in answers if one.refusal is not None), answers[0])
    ended = sorted((end for one in answers for end in one.ended), key=lambda end: end.timestamp)
    return attrs.evolve(first, ended=ended, others=[one for one in answers if one is not first])


def _known(answers: Sequence[Answer]) -> Answer:
    """That of the shard which knows the order, of any if none does."""
    known = [one for one in answers if one.refusal is not Refusal.UNKNOWN_ORDER]
    return (known or answers)[0]
