"""One client of the depth feed: what it asks for, and what is sent to it."""

from __future__ import annotations

from typing import Final

from starlette.types import Receive, Send

from pmengine.gateways.http.freshness import Freshness
from pmengine.gateways.http.lookup import find_market
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.websocket.channels import Channel, Channels
from pmengine.gateways.websocket.conversation import AtOnce, Conversation
from pmengine.gateways.websocket.messages import (
    Action,
    AskSnapshot,
    Connected,
    Error,
    Ping,
    Pong,
    Said,
    Subscribe,
    Subscribed,
    SubscribeError,
    Unsubscribed,
    UnsubscribeError,
    decode_action,
    encode,
)
from pmengine.gateways.websocket.subscription import Subscription
from pmengine.services.shown_history import ShownHistory
from pmstore import MarketKey, StoreClosed, StoreUnavailable

SUBSCRIPTIONS_MAX: Final = 100


class Connection:
    """
    Follows the markets that a client asks for.

    What it is owed is bounded: one message for each of at most `SUBSCRIPTIONS_MAX` markets.
    """

    def __init__(
        self,
        *,
        history: ShownHistory,
        freshness: Freshness,
        channels: Channels,
        receive: Receive,
        send: Send,
        at_once: AtOnce,
    ) -> None:
        self._history = history
        self._freshness = freshness
        self._channels = channels
        self._followed: dict[MarketKey, tuple[Subscription, Channel]] = {}
        self._keys: dict[Subscription, MarketKey] = {}
        self._due: dict[Subscription, None] = {}
        self._conversation = Conversation(
            receive, send, at_once=at_once, hear=self._hear, owed=self._owed
        )

    async def run(self) -> None:
        """Serve the client until it leaves."""
        self._reply(Connected())
        try:
            await self._conversation.run()
        finally:
            for key, (subscription, _) in self._followed.items():
                self._channels.leave(key, subscription)

    async def _hear(self, text: str | bytes) -> None:
        asked = decode_action(text)
        if isinstance(asked, Action):
            await self._do(asked)
        else:
            self._reply(asked)

    async def _do(self, asked: Action) -> None:
        if isinstance(asked, Ping):
            self._reply(Pong())
            return
        key = (asked.event_id, asked.market_id)
        followed = self._followed.get(key)
        if isinstance(asked, Subscribe):
            await self._subscribe(key)
        elif isinstance(asked, AskSnapshot):
            if followed is None:
                self._reply(Error("NOT_SUBSCRIBED", f"market {key} is not followed; subscribe"))
            else:
                followed[0].ask_snapshot()
        elif followed is None:
            detail = "the market is not followed"
            self._reply(UnsubscribeError("NOT_SUBSCRIBED", detail, *key))
        else:
            subscription, _ = self._followed.pop(key)
            self._channels.leave(key, subscription)
            self._due.pop(subscription, None)
            del self._keys[subscription]
            self._reply(Unsubscribed(*key))

    async def _subscribe(self, key: MarketKey) -> None:
        if key in self._followed:
            detail = "the market is followed already; ask for a snapshot"
            self._reply(SubscribeError("ALREADY_SUBSCRIBED", detail, *key))
            return
        if len(self._followed) >= SUBSCRIPTIONS_MAX:
            detail = f"a connection follows at most {SUBSCRIPTIONS_MAX} markets; open another"
            self._reply(SubscribeError("TOO_MANY_SUBSCRIPTIONS", detail, *key))
            return
        try:
            market = await find_market(self._history, self._freshness, *key)
        except Problem as problem:
            self._reply(SubscribeError(problem.code, problem.detail, *key))
            return
        except (StoreClosed, StoreUnavailable):
            detail = "a store did not answer; ask again"
            self._reply(SubscribeError("STORE_UNAVAILABLE", detail, *key))
            return
        subscription = Subscription(self._is_due)
        channel = self._channels.join(key, market.token_ids, subscription)
        self._followed[key] = (subscription, channel)
        self._keys[subscription] = key
        self._reply(Subscribed(*key))
        subscription.ask_snapshot()

    def _reply(self, message: Said) -> None:
        self._conversation.reply(encode(message))

    def _is_due(self, subscription: Subscription) -> None:
        self._due[subscription] = None
        self._conversation.wake()

    def _owed(self) -> str | None:
        while self._due:
            subscription = next(iter(self._due))
            del self._due[subscription]
            text = subscription.take(self._followed[self._keys[subscription]][1])
            if text is not None:
                return text
        return None
