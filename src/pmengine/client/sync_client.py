"""The same client without `await`, for scripts, notebooks and threads."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from pmengine.client.blocking import blocking, iterating
from pmengine.client.client import CHANGES_MAX, Client
from pmengine.client.loop_thread import LoopThread
from pmengine.client.sync_feeds import SyncBook, SyncMine


class SyncClient:
    """
    Speaks to an exchange as one user; see `Client`, whose calls, answers and errors these are.

        with SyncClient("http://127.0.0.1:8080", user_id="u1") as client:
            print(client.account().cash.available)

    The calls are made on an event loop in a thread of its own while the calling thread waits.
    They may come from any number of threads. Ctrl-C ends the call that waits.
    """

    def __init__(
        self,
        url: str,
        *,
        user_id: str | None = None,
        token: str | None = None,
        api_key: str | None = None,
        deadline_s: float = 30.0,
        attempt_s: float = 10.0,
        silence_s_max: float = 10.0,
        ca_file: Path | str | None = None,
    ) -> None:
        self._thread = LoopThread()
        self._awaited = Client(
            url,
            user_id=user_id,
            token=token,
            api_key=api_key,
            deadline_s=deadline_s,
            attempt_s=attempt_s,
            silence_s_max=silence_s_max,
            ca_file=ca_file,
        )

    def __enter__(self) -> Self:
        self._thread.start()
        self._thread.run(self._awaited.__aenter__())
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._thread.run(self._awaited.__aexit__(exc_type, exc, traceback))
        finally:
            self._thread.stop()

    place = blocking(Client.place)
    place_many = blocking(Client.place_many)
    amend = blocking(Client.amend)
    cancel = blocking(Client.cancel)
    cancel_all = blocking(Client.cancel_all)
    order = blocking(Client.order)
    orders = iterating(Client.orders)
    fills = iterating(Client.fills)
    set_group = blocking(Client.set_group)
    beat = blocking(Client.beat)

    account = blocking(Client.account)
    positions = iterating(Client.positions)
    ledger = iterating(Client.ledger)
    deposit = blocking(Client.deposit)
    withdraw = blocking(Client.withdraw)
    split = blocking(Client.split)
    merge = blocking(Client.merge)
    convert = blocking(Client.convert)

    events = iterating(Client.events)
    event = blocking(Client.event)
    depth = blocking(Client.depth)
    tops = iterating(Client.tops)
    trades = iterating(Client.trades)
    candles = iterating(Client.candles)
    add_event = blocking(Client.add_event)
    close_event = blocking(Client.close_event)
    topics = blocking(Client.topics)
    add_topic = blocking(Client.add_topic)
    change_topic = blocking(Client.change_topic)
    resolve_market = blocking(Client.resolve_market)
    resolve_event = blocking(Client.resolve_event)
    pause_market = blocking(Client.pause_market)
    resume_market = blocking(Client.resume_market)
    pause = blocking(Client.pause)
    resume = blocking(Client.resume)
    caller = blocking(Client.caller)
    health = blocking(Client.health)
    ready = blocking(Client.ready)

    def book(self, event_id: int, market_id: int, *, changes_max: int = CHANGES_MAX) -> SyncBook:
        """The book of a market, to be entered with `with`."""
        book = self._awaited.book(event_id, market_id, changes_max=changes_max)
        return SyncBook(self._thread, book)

    def mine(self, *, changes_max: int = CHANGES_MAX) -> SyncMine:
        """The own open orders and balances, to be entered with `with`."""
        return SyncMine(self._thread, self._awaited.mine(changes_max=changes_max))
