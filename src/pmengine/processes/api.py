"""Gateways as processes: commands go to the inputs, answers come from the projections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import msgspec
import structlog

from pmengine.gateways.certificate import Certificate
from pmengine.gateways.http import Venue, create_app, create_depth_app, serving
from pmengine.gateways.page import WebPage, own_files
from pmengine.gateways.venue import FurtherShard
from pmengine.ids import new_id
from pmengine.processes.deployment import Deployment
from pmengine.processes.entrance import open_entrance
from pmengine.processes.event_desk import open_catalogue, open_desk
from pmengine.processes.seen_shard import SeenShard, open_shard
from pmengine.processes.service import end, first_of
from pmengine.processes.sharing import require_shared_stores
from pmengine.processes.status_page import StatusPage, look_beside
from pmengine.processes.websocket_user import open_user_feeds
from pmengine.services.front import Front
from pmengine.services.fronts import Fronts
from pmengine.services.notes import Note
from pmengine.services.purse import Purse
from pmengine.services.shown_history import ForeignHistory, HistoryStacks
from pmengine.services.store_metrics import meter_of
from pmengine.shards import cash_of
from pmstore import (
    Fees,
    LayerOptions,
    Order,
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
    settings = deployment.settings

    def serve(venue: Venue) -> AbstractAsyncContextManager[str]:
        return serving(
            create_app(venue), settings.host, settings.port, certificate=venue.certificate
        )

    return GatewayProcess(deployment, "api", serve, listening=listening, with_users=with_users)


def websocket_depth(deployment: Deployment) -> GatewayProcess:
    """The depth feed alone."""
    settings = deployment.settings

    def serve(venue: Venue) -> AbstractAsyncContextManager[str]:
        return serving(
            create_depth_app(venue),
            settings.host,
            settings.websocket_depth_port,
            certificate=venue.certificate,
        )

    return GatewayProcess(deployment, "websocket-depth", serve)


class GatewayProcess:
    """
    One of any number of gateways; it keeps nothing that another could not make again.

    Args:
        serve: Serves while its block lasts, and gives where.
        listening: Told where it is, once it listens.
        with_users: Whether it has the user feed.
        counted: What else is worth counting, by names of metrics.
    """

    def __init__(
        self,
        deployment: Deployment,
        name: str,
        serve: Callable[[Venue], AbstractAsyncContextManager[str]],
        *,
        listening: Callable[[str], None] = lambda url: None,
        with_users: bool = False,
        counted: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        self.name = name
        self._with_users = with_users
        self._serve = serve
        self._counted = counted
        self._listening = listening
        self._deployment = deployment
        self._settings = deployment.settings
        self._shards: list[SeenShard] = []
        self._is_serving = False
        self._certificate: Certificate | None = None

    def note(self) -> Note:
        """How far the depth is that it shows."""
        note = self._deployment.note(self.name)
        place = self._shards[self._deployment.shard].depth.place if self._is_serving else None
        if place is None:
            return note
        return msgspec.structs.replace(
            note, state="running", number=place.number, position=str(place.position)
        )

    def readiness(self) -> tuple[bool, str]:
        """Ready while every shard takes orders and tells what became of them."""
        readiness = self._takes_orders()
        return readiness if self._certificate is None else self._certificate.beside(readiness)

    def _takes_orders(self) -> tuple[bool, str]:
        if not self._is_serving:
            return False, "it starts"
        for number, shard in enumerate(self._shards):
            is_ready, reason = shard.readiness()
            if not is_ready:
                return False, reason if len(self._shards) == 1 else f"shard {number}: {reason}"
        return True, "orders are taken"

    def numbers(self) -> Mapping[str, float]:
        """Commands that wait for their outcome, and what else is counted."""
        name = f"{self.name.replace('-', '_')}_commands_waiting"
        waiting = sum(shard.front.waiting for shard in self._shards)
        return {name: waiting, **self._counted()}

    async def run(self, stopping: asyncio.Event) -> None:
        """
        Serve until *stopping*.

        Raises:
            SettingsError: The stores live in the memory of one process.
            OSError: The address cannot be had.
        """
        require_shared_stores(self._settings.storage)
        deployment, settings = self._deployment, self._settings
        shards = self._shards
        for number in range(settings.shards):
            beside = shards[0].depth if shards else None
            shards.append(await open_shard(deployment.of_shard(number), beside))
        history, further = await self._histories(shards)
        desk, kept = await open_desk(await open_catalogue(deployment), history.events)
        users = await open_user_feeds(deployment) if self._with_users else []
        entrance = await deployment.entered(open_entrance(settings))
        self._certificate = entrance.certificate
        venue = Venue(
            front=_front(shards, history, settings.ledger),
            history=history,
            depth=shards[0].depth,
            events=desk,
            users=users,
            clock=system_clock,
            new_id=new_id,
            readiness=self._takes_orders,
            heads=self._heads,
            answer_timeout_s=settings.order_timeout_s,
            elsewhere_number=_told(shards[0]),
            recovered_number=shards[0].recovered_number,
            further=[
                FurtherShard(one, shard.recovered_number, _told(shard))
                for one, shard in zip(further, shards[1:], strict=True)
            ],
            door=entrance.door,
            limits=entrance.limits,
            certificate=entrance.certificate,
            status_page=StatusPage(settings, system_clock, look_beside()).answer,
            web_page=WebPage(
                files=own_files(),
                auth=settings.auth.split(","),
                user_feed="/user" if users else settings.page_user_feed,
            ),
        )
        runs = [run for shard in shards for run in shard.following()]
        following = [asyncio.create_task(_run(run)) for run in (*runs, kept.run)]
        following += [asyncio.create_task(one.run()) for one in users]
        async with AsyncExitStack() as closing:
            # Requests under way are answered before those who bring the answers end.
            closing.push_async_callback(end, following)
            url = await closing.enter_async_context(self._serve(venue))
            self._is_serving = True
            _logger.info("gateway_listens", service=self.name, url=url)
            self._listening(url)
            try:
                await first_of(stopping, following)
            finally:
                self._is_serving = False

    async def _heads(self) -> Sequence[int]:
        return await asyncio.gather(*(shard.log.head_number() for shard in self._shards))

    async def _histories(
        self, shards: Sequence[SeenShard]
    ) -> tuple[ForeignHistory, list[ForeignHistory]]:
        """What the stores show, and how far the histories of further shards are."""
        cached, truth = await self._stacks(cached=True), await self._stacks(cached=False)
        age_s = self._settings.storage.cache_max_age_s
        further = [
            shard.history(cached=cached, truth=truth, cache_max_age_s=age_s) for shard in shards[1:]
        ]
        shown = shards[0].history(
            cached=cached, truth=truth, cache_max_age_s=age_s, further=further
        )
        return shown, further

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
            orders=await entered(
                open_order_store(orders, pins=pins, options=options, meter=meter_of("orders"))
            ),
            trades=await entered(
                open_trade_store(trades, pins=pins, options=options, meter=meter_of("trades"))
            ),
            accounts=await entered(
                open_account_store(orders, pins=pins, options=options, meter=meter_of("accounts"))
            ),
            events=await entered(
                open_event_store(orders, pins=pins, options=options, meter=meter_of("events"))
            ),
            ledger=None if cached else await self._deployment.entered_ledger(),
        )


def _front(shards: Sequence[SeenShard], history: ForeignHistory, ledger: bool) -> Front | Fronts:
    if len(shards) == 1:
        return shards[0].front

    async def order(order_id: str) -> Order | None:
        return (await history.orders.get([order_id])).get(order_id)

    async def available(user_id: str) -> list[int]:
        keys = [(user_id, cash_of(shard)) for shard in range(len(shards))]
        rows = await history.accounts.get(keys)
        return [rows[key].available if key in rows else 0 for key in keys]

    async def fees(event_id: int, market_id: int) -> Fees | None:
        event = (await history.events.get([event_id])).get(event_id)
        market = None if event is None else event.markets.get(market_id)
        return None if market is None else market.fees

    fronts = [shard.front for shard in shards]
    purse = Purse(fronts, available=available, fees=fees, new_id=new_id, clock=system_clock)
    return Fronts(fronts, order, purse if ledger else None)


def _told(shard: SeenShard) -> Callable[[], int]:
    return lambda: shard.front.number


async def _run(run: Callable[[], Awaitable[None]]) -> None:
    await run()
