"""One shard as a gateway has it: the way in, its answers, its depth, and who works for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from pmengine.commands import EVENT_INPUT, ORDER_INPUT
from pmengine.ids import new_id
from pmengine.processes.deployment import Deployment
from pmengine.projections import PROCESSOR_STREAM, WEBSOCKET_STREAM
from pmengine.services.depth import DepthFeed
from pmengine.services.front import Front
from pmengine.services.log import Log
from pmengine.services.notes import Board
from pmengine.services.outages import persistently
from pmengine.services.room import Room
from pmengine.services.shown_history import ForeignHistory, HistoryStacks
from pmengine.shards import shard_of
from pmstore import START, MarketKey


class SeenShard:
    """
    Made by `open_shard`; follows its streams while the tasks of `following` run.

    Attributes:
        log: Its log, for who asks how far it is.
        recovered_number: The last entry of its log when it was opened.
    """

    def __init__(
        self,
        *,
        board: Board,
        front: Front,
        depth: DepthFeed,
        room: Room,
        log: Log,
        recovered_number: int,
    ) -> None:
        self.board = board
        self.log = log
        self.front = front
        self.depth = depth
        self.recovered_number = recovered_number
        self._room = room

    def following(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """What must run for it."""
        return [self.front.run, self.depth.run, self.board.run, self._room.run]

    def history(
        self,
        *,
        cached: HistoryStacks,
        truth: HistoryStacks,
        cache_max_age_s: float,
        further: Sequence[ForeignHistory] = (),
    ) -> ForeignHistory:
        """The stores as this shard's history fills them."""
        return ForeignHistory(
            self.board,
            cached=cached,
            truth=truth,
            cache_max_age_s=cache_max_age_s,
            now=asyncio.get_running_loop().time,
            further=further,
        )

    def readiness(self) -> tuple[bool, str]:
        """Ready while somebody takes orders and somebody tells what became of them."""
        if not any(note.role == "leader" for note in self.board.living("engine")):
            return False, "no engine leads: orders wait in the input"
        if lack := _lack(self.board, self._room):
            return False, lack
        for service, lack in (("relay", "answers"), ("history", "what stores show")):
            if not any(note.state == "running" for note in self.board.living(service)):
                return False, f"no {service} runs: {lack} must wait"
        return True, "orders are taken"


async def open_shard(deployment: Deployment, beside: DepthFeed | None = None) -> SeenShard:
    """
    One shard for a gateway, its depth known; over outages.

    Args:
        beside: The depth of the first shard, which is shown with that of this one.

    Raises:
        SettingsError: The data is of another number of shards.
        CannotStart, CorruptData: From the log and its snapshots.
    """
    settings, shard = deployment.settings, deployment.shard
    board = await deployment.board()
    inputs = await deployment.inputs()
    room = Room(inputs, settings.stream_bytes_max)
    processor = await deployment.stream(PROCESSOR_STREAM)
    bounds = await persistently(processor.bounds, "api")
    front = Front(
        order_input=inputs[ORDER_INPUT],
        event_input=inputs[EVENT_INPUT],
        processor=processor,
        after=START if bounds is None else bounds.last.id,
        new_id=new_id,
        lack=lambda: _lack(board, room),
    )

    def owns(key: MarketKey) -> bool:
        return shard_of(key[0], settings.shards) == shard

    websocket = await deployment.stream(WEBSOCKET_STREAM)
    depth = DepthFeed(websocket, START, {}, begin=deployment.depths, owns=owns, beside=beside)
    await depth.prepare()
    log = await deployment.log()
    return SeenShard(
        board=board,
        front=front,
        depth=depth,
        room=room,
        log=log,
        recovered_number=await persistently(log.head_number, "api"),
    )


def _lack(board: Board, room: Room) -> str:
    """Why nothing new is taken now, as the leader says it and as the inputs are."""
    leaders = (note for note in board.living("engine") if note.role == "leader" and note.lack)
    return next((note.lack for note in leaders), room.lack)
