"""Gateways as processes: commands go to the inputs, answers come from the projections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

import msgspec
import structlog
from starlette.types import ASGIApp

from pmengine.assembly import new_id
from pmengine.commands import EVENT_INPUT, ORDER_INPUT
from pmengine.gateways.http import Venue, create_app, create_depth_app, serving
from pmengine.processes.deployment import Deployment
from pmengine.processes.entrance import open_entrance
from pmengine.processes.service import end, first_of
from pmengine.processes.sharing import require_shared_stores
from pmengine.processes.websocket_user import open_user_feed
from pmengine.projections import PROCESSOR_STREAM, WEBSOCKET_STREAM
from pmengine.services.depth import DepthFeed
from pmengine.services.front import Front
from pmengine.services.notes import Board, Note
from pmengine.services.outages import persistently
from pmengine.services.room import Room
from pmengine.services.shown_history import ForeignHistory, HistoryStacks
from pmstore import (
    START,
    LayerOptions,
    Stack,
    open_account_store,
    open_event_store,
    open_order_store,
    open_trade_store,
)
from pmstore.clock import system_clock

_logger = structlog.get_logger("pmengine.api")


def api(
    deployment: Deployment,
    *,
    listening: Callable[[str], None] = lambda url: None,
    with_users: bool = False,
) -> GatewayProcess:
    """
    HTTP with the depth feed.

    Args:
        listening: Told where, once it listens.
        with_users: Whether it has the user feed too, and with it what every user has.
    """
    port = deployment.settings.port
    return GatewayProcess(
        deployment, "api", create_app, port, listening=listening, with_users=with_users
    )


def websocket_depth(deployment: Deployment) -> GatewayProcess:
    """The depth feed alone."""
    port = deployment.settings.websocket_depth_port
    return GatewayProcess(deployment, "websocket-depth", create_depth_app, port)


class GatewayProcess:
    """
    One of any number of gateways; it keeps nothing that another could not make again.

    Args:
        make: Makes the application that it serves.
        listening: Told where it is, once it listens.
        with_users: Whether it has the user feed.
    """

    def __init__(
        self,
        deployment: Deployment,
        name: str,
        make: Callable[[Venue], ASGIApp],
        port: int,
        *,
        listening: Callable[[str], None] = lambda url: None,
        with_users: bool = False,
    ) -> None:
        self.name = name
        self._with_users = with_users
        self._make = make
        self._port = port
        self._listening = listening
        self._deployment = deployment
        self._settings = deployment.settings
        self._board: Board | None = None
        self._front: Front | None = None
        self._depth: DepthFeed | None = None
        self._room: Room | None = None
        self._is_serving = False

    def note(self) -> Note:
        """How far the depth is that it shows."""
        note = self._deployment.note(self.name)
        place = None if self._depth is None else self._depth.place
        if place is None or not self._is_serving:
            return note
        return msgspec.structs.replace(
            note, state="running", number=place.number, position=str(place.position)
        )

    def readiness(self) -> tuple[bool, str]:
        """Ready while somebody takes orders and somebody tells what became of them."""
        if self._board is None or not self._is_serving:
            return False, "it starts"
        if not any(note.role == "leader" for note in self._board.living("engine")):
            return False, "no engine leads: orders wait in the input"
        if lack := self._lack():
            return False, lack
        for service, lack in (("relay", "answers"), ("history", "what stores show")):
            if not any(note.state == "running" for note in self._board.living(service)):
                return False, f"no {service} runs: {lack} must wait"
        return True, "orders are taken"

    def _lack(self) -> str:
        """Why nothing new is taken now, as the leader says it and as the inputs are."""
        leaders = [] if self._board is None else self._board.living("engine")
        said = [note.lack for note in leaders if note.role == "leader" and note.lack]
        return said[0] if said else "" if self._room is None else self._room.lack

    def numbers(self) -> Mapping[str, float]:
        """Commands that wait for their outcome."""
        name = f"{self.name.replace('-', '_')}_commands_waiting"
        return {} if self._front is None else {name: self._front.waiting}

    async def run(self, stopping: asyncio.Event) -> None:
        """
        Serve until *stopping*.

        Raises:
            SettingsError: The stores live in the memory of one process.
            OSError: The address cannot be had.
        """
        require_shared_stores(self._settings.storage)
        deployment, settings = self._deployment, self._settings
        board = self._board = await deployment.board()
        history = ForeignHistory(
            board,
            cached=await self._stacks(cached=True),
            truth=await self._stacks(cached=False),
            cache_max_age_s=settings.storage.cache_max_age_s,
            now=asyncio.get_running_loop().time,
        )
        processor = await deployment.stream(PROCESSOR_STREAM)
        bounds = await persistently(processor.bounds, "api")
        inputs = await deployment.inputs()
        room = self._room = Room(inputs, settings.stream_bytes_max)
        front = self._front = Front(
            order_input=inputs[ORDER_INPUT],
            event_input=inputs[EVENT_INPUT],
            processor=processor,
            after=START if bounds is None else bounds.last.id,
            new_id=new_id,
            lack=self._lack,
        )
        depth = self._depth = DepthFeed(
            await deployment.stream(WEBSOCKET_STREAM), START, {}, begin=deployment.depths
        )
        await depth.prepare()
        users = await open_user_feed(deployment) if self._with_users else None
        ends = await persistently((await deployment.log()).ends, "api")
        entrance = await deployment.entered(open_entrance(settings))
        venue = Venue(
            front=front,
            history=history,
            depth=depth,
            users=users,
            clock=system_clock,
            new_id=new_id,
            readiness=self.readiness,
            answer_timeout_s=settings.order_timeout_s,
            elsewhere_number=lambda: front.number,
            recovered_number=0 if ends is None else ends[1][1].number,
            door=entrance.door,
            limits=entrance.limits,
        )
        following = [asyncio.create_task(one.run()) for one in (front, depth, board, room)]
        if users is not None:
            following.append(asyncio.create_task(users.run()))
        async with AsyncExitStack() as closing:
            # Requests under way are answered before those who bring the answers end.
            closing.push_async_callback(end, following)
            app = self._make(venue)
            url = await closing.enter_async_context(serving(app, settings.host, self._port))
            self._is_serving = True
            _logger.info("gateway_listens", service=self.name, url=url)
            self._listening(url)
            try:
                await first_of(stopping, following)
            finally:
                self._is_serving = False

    async def _stacks(self, *, cached: bool) -> HistoryStacks:
        storage = self._settings.storage
        pins = storage.pins
        orders = storage.orders if cached else Stack(layers=(storage.orders.truth,))
        # The audit log beside the trades is for who writes them.
        layers = storage.trades.layers if cached else (storage.trades.truth,)
        trades = Stack(layers=layers)
        options = LayerOptions(cache_max_age_s=storage.cache_max_age_s)
        entered = self._deployment.entered
        return HistoryStacks(
            orders=await entered(open_order_store(orders, pins=pins, options=options)),
            trades=await entered(open_trade_store(trades, pins=pins, options=options)),
            accounts=await entered(open_account_store(orders, pins=pins, options=options)),
            events=await entered(open_event_store(orders, pins=pins, options=options)),
        )
