"""The way in for gateways: a command goes to the engine's input, its outcome comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final

import attrs
import msgspec

from pmengine.command_answers import Answered, OrderEnded, OrderSubmitted, ProcessorDocument
from pmengine.commands import Command, encode_command
from pmengine.facts import Refusal
from pmengine.projections import PROCESSOR_STREAM, decode_batch_told, decode_processor_entry
from pmengine.services.outages import persistently
from pmstore import (
    ACCEPTED,
    Entry,
    Order,
    Position,
    StoreClosed,
    StoreUnavailable,
    Stream,
    Trade,
)
from pmstore.codec import decode_order

READ_ENTRIES_MAX: Final = 64
READ_WAIT_S: Final = 1.0
CORRELATION_CHARACTERS: Final = 17
"""Of an id, the random ones (62 bits) at its end."""


class OutcomeUnknown(Exception):
    """No outcome came in time: the command was neither accepted nor refused, as far as is known."""


class NotTaken(Exception):
    """Too many commands are under way: this one was not applied and may be sent again."""


class NotAccepting(NotTaken):
    """Nothing new is taken now; the message says why."""


@attrs.frozen
class Answer:
    """
    The outcome of one command, durable in the log at `number`.

    `order` and `trades` are there for a new order that was accepted, `ended` for orders
    that the command cancelled. `others` are those of further shards that it was for.
    """

    number: int
    answered: Answered
    order: Order | None = None
    trades: Sequence[Trade] = ()
    ended: Sequence[OrderEnded] = ()
    shard: int = 0
    others: Sequence[Answer] = ()

    @property
    def refusal(self) -> Refusal | None:
        """Why nothing was done, None if the command was accepted."""
        outcome = self.answered.outcome
        return None if outcome == ACCEPTED else Refusal[outcome]


class Front:
    """
    Sends commands and waits for what becomes of them.

    Args:
        order_input: Where commands about orders and money go.
        event_input: Where commands about events go.
        processor: Where outcomes are told, one entry for each batch of the log.
        after: Begin to listen after this entry.
        new_id: Makes an id, of which its correlation ids are made.
        waiting_max: Commands under way at most; more are refused with `NotTaken`.
        lack: Says why nothing new is taken now, empty otherwise.
    """

    def __init__(
        self,
        *,
        order_input: Stream,
        event_input: Stream,
        processor: Stream,
        after: Position,
        new_id: Callable[[], str],
        waiting_max: int = 50_000,
        lack: Callable[[], str] = lambda: "",
    ) -> None:
        self._lack = lack
        self._order_input = order_input
        self._event_input = event_input
        self._processor = processor
        self._after = after
        # Nobody else who listens to the same outcomes has the same end of such an id.
        self._name = new_id()[-CORRELATION_CHARACTERS:]
        self._names = count(1)
        self._waiting_max = waiting_max
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self.number = 0
        """The last batch that was told of, here or to anybody else who listens."""

    @property
    def waiting(self) -> int:
        """How many commands are under way."""
        return len(self._waiting)

    async def run(self) -> None:
        """Deliver outcomes until cancelled."""
        while True:
            for entry in await persistently(self._read, "front"):
                self._after = entry.id
                if self._waiting:
                    told, documents = decode_processor_entry(entry.payload)
                    self._deliver(documents)
                else:
                    told = decode_batch_told(entry.payload, f"{PROCESSOR_STREAM} {entry.id}")
                self.number = told.number

    async def _read(self) -> list[Entry]:
        return await self._processor.read(self._after, READ_ENTRIES_MAX, READ_WAIT_S)

    async def send(
        self,
        command: Command,
        timeout_s: float,
        *,
        listing: bool = False,
        shard: int | None = None,
    ) -> Answer:
        """
        The outcome of *command*, once it is durable.

        Args:
            command: Its `correlation_id` is given here.
            timeout_s: How long to wait for the outcome.
            listing: Whether it is about events and goes to their input.
            shard: 0, if it is given: there is one.

        Raises:
            OutcomeUnknown: None came in time.
            NotTaken, NotAccepting: It was not put on the input at all.
            StoreUnavailable: The input did not take it; `outcome` says whether it may have.
        """
        self._check_room(1)
        correlation_id, future, encoded = self._expect(command)
        try:
            stream = self._event_input if listing else self._order_input
            await stream.append([encoded])
            # A timer of its own: `asyncio.timeout` costs as much as to send the command.
            late = asyncio.get_running_loop().call_later(timeout_s, _give_up, future, timeout_s)
            try:
                return await future
            finally:
                late.cancel()
                del future  # it may hold an error that holds this frame
        finally:
            del self._waiting[correlation_id]

    async def send_all(
        self, commands: Sequence[Command], timeout_s: float
    ) -> list[Answer | Exception]:
        """
        The outcomes of commands about orders, which are taken in this order.

        Nobody else's command comes between two of these. Where there is no outcome stands
        what `send` would have raised.

        Args:
            commands: At most what the input takes in one step.
        """
        try:
            self._check_room(len(commands))
        except NotTaken as error:
            return [error] * len(commands)
        expected = [self._expect(command) for command in commands]
        try:
            await self._order_input.append([encoded for _, _, encoded in expected])
            futures = [future for _, future, _ in expected]
            await asyncio.wait(futures, timeout=timeout_s)
            late = OutcomeUnknown(f"no outcome within {timeout_s:g} s")
            return [future.result() if future.done() else late for future in futures]
        except (StoreClosed, StoreUnavailable) as error:
            return [error] * len(commands)
        finally:
            for correlation_id, _, _ in expected:
                del self._waiting[correlation_id]

    def _check_room(self, more: int) -> None:
        if lack := self._lack():
            raise NotAccepting(lack)
        if len(self._waiting) + more > self._waiting_max:
            raise NotTaken(f"{len(self._waiting)} commands are under way; try again later")

    def _expect(self, command: Command) -> tuple[str, asyncio.Future[Answer], bytes]:
        """A name for *command*, where its outcome will be, and its document under that name."""
        correlation_id = f"{self._name}-{next(self._names)}"
        named = msgspec.structs.replace(command, correlation_id=correlation_id)
        encoded = encode_command(named)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[correlation_id] = future
        return correlation_id, future, encoded

    def _deliver(self, documents: Sequence[ProcessorDocument]) -> None:
        order: OrderSubmitted | None = None
        ended: list[OrderEnded] = []
        for document in documents:
            if document.correlation_id not in self._waiting:
                continue
            if isinstance(document, OrderSubmitted):
                order = document
            elif isinstance(document, OrderEnded):
                ended.append(document)
            elif isinstance(document, Answered):
                future = self._waiting[document.correlation_id]
                if not future.done():
                    future.set_result(_answer(document, order, ended))
                order, ended = None, []


def _give_up(future: asyncio.Future[Answer], timeout_s: float) -> None:
    if not future.done():
        future.set_exception(OutcomeUnknown(f"no outcome within {timeout_s:g} s"))


def _answer(
    answered: Answered, submitted: OrderSubmitted | None, ended: Sequence[OrderEnded]
) -> Answer:
    if submitted is None:
        return Answer(answered.number, answered, ended=ended)
    order = decode_order(submitted.order, "processor_stream")
    return Answer(answered.number, answered, order, submitted.trades, ended)
