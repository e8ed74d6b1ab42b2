"""Follows the ladders by facts: priority, crossed books, published depth; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pmengine.invariants.laws import Law, Violation, market_name
from pmengine.invariants.needs import ladder_place, market_of
from pmengine.invariants.shadow import Place, Shadow
from pmengine.invariants.single import TRADABLE
from pmstore import (
    EventAdded,
    EventRemoved,
    Market,
    MarketAdded,
    MarketKey,
    MarketRemoved,
    MarketUpdateId,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrdersLeaving,
    OrderUpdated,
    State,
    Trade,
)

Handler = Callable[[Any], None]


class Queues:
    """
    Who stands where, from the facts alone.

    Each handler sees its fact before the state folds it. A trade takes from the ladder at
    once, what a command leaves on it is put there when the command is over.
    """

    def __init__(self, state: State, found: list[Violation]) -> None:
        self._state = state
        self._found = found
        self._shadows: dict[MarketKey, Shadow] = {}
        self._places: dict[str, Place] = {}
        self._changed: dict[str, None] = {}
        self._markets: dict[MarketKey, None] = {}
        for event in state.events.values():
            for market in event.markets.values():
                self._list(event.event_id, market)
        for order in state.orders.values():
            found.extend(self._settle_order(order.id))
        for shadow in self._shadows.values():
            for is_bid in (True, False):
                for price, level in shadow.side(is_bid).levels.items():
                    shadow.publish(is_bid, price, level.lots)
            shadow.touched.clear()
        self._markets.clear()
        self.handlers: Mapping[type, Handler] = {
            OrderCreated: self._created,
            OrderUpdated: self._updated,
            OrderFilled: self._ended,
            OrderCancelled: self._ended,
            OrdersLeaving: self._left,
            Trade: self._traded,
            MarketUpdateId: self._published,
            EventAdded: self._event_added,
            EventRemoved: self._event_removed,
            MarketAdded: self._market_added,
            MarketRemoved: self._market_removed,
        }

    def settle(self) -> Iterator[Violation]:
        """What is wrong with the ladders that a command touched, now that it is over."""
        for order_id in self._changed:
            yield from self._settle_order(order_id)
        self._changed.clear()
        for key in self._markets:
            shadow = self._shadows.get(key)
            if shadow is not None:
                yield from self._settle_market(key, shadow)
        self._markets.clear()

    def _settle_order(self, order_id: str) -> Iterator[Violation]:
        order = self._state.orders.get(order_id)
        market = None if order is None else market_of(self._state, order)
        if order is None or market is None or self._state.leaving_of(order):
            self._drop(order_id)
            return
        key = (order.symbol.event_id, order.symbol.market_id)
        is_bid, price = ladder_place(order, market)
        place = (key, is_bid, price)
        known = self._places.get(order_id)
        if known is not None and known != place:
            self._drop(order_id)
        side = self._shadows[key].side(is_bid)
        if known != place and price in side.levels:
            last = next(reversed(side.levels[price].queue))
            before = self._state.orders.get(last)
            if before is not None and before.order_num > order.order_num:
                text = f"queues behind order {last}, which came later"
                yield Violation(Law.QUEUE, f"order {order_id}", text)
        side.put(order_id, price, order.remaining_quantity)
        self._places[order_id] = place
        self._touch(place)

    def _settle_market(self, key: MarketKey, shadow: Shadow) -> Iterator[Violation]:
        touched, shadow.touched = shadow.touched, set()
        event = self._state.events.get(key[0])
        market = None if event is None else event.markets.get(key[1])
        if market is None or market.state not in TRADABLE:
            return
        name = market_name(*key)
        bid, ask = shadow.bids.best(), shadow.asks.best()
        if bid is not None and ask is not None and bid >= ask:
            yield Violation(Law.CROSSED, name, f"best bid {bid} meets best ask {ask}")
        for is_bid, price in touched:
            lots, told = shadow.side(is_bid).lots(price), shadow.told(is_bid, price)
            if lots != told:
                side = "bid" if is_bid else "ask"
                text = f"{told} lots are published at {side} {price}, and its orders have {lots}"
                yield Violation(Law.DEPTH, name, text)

    def _created(self, fact: OrderCreated) -> None:
        self._changed[fact.order.id] = None

    def _updated(self, fact: OrderUpdated) -> None:
        order = fact.order
        known = self._state.orders.get(order.id)
        if known is not None and known.order_num != order.order_num:
            self._drop(order.id)
        self._changed[order.id] = None

    def _ended(self, fact: OrderFilled | OrderCancelled) -> None:
        self._drop(fact.order_id)
        self._changed.pop(fact.order_id, None)

    def _left(self, fact: OrdersLeaving) -> None:
        if fact.working:
            for order_id in list(self._places):
                order = self._state.orders.get(order_id)
                if order is not None and fact.leaving.concerns(order):
                    self._drop(order_id)

    def _traded(self, trade: Trade) -> None:
        name = f"trade {trade.trade_id}"
        maker_id = trade.maker_order_id
        place = self._places.get(maker_id)
        if place is None:
            text = f"its maker, order {maker_id}, does not stand on a ladder"
            self._found.append(Violation(Law.PRIORITY, name, text))
            return
        key, is_bid, price = place
        shadow = self._shadows[key]
        side = shadow.side(is_bid)
        best = side.best()
        if best != price:
            text = f"its maker stands at {price} while {best} is better"
            self._found.append(Violation(Law.PRIORITY, name, text))
        elif (first := side.first(price)) != maker_id:
            text = f"order {first} came before its maker, order {maker_id}, at {price}"
            self._found.append(Violation(Law.PRIORITY, name, text))
        if trade.taker_is_bid == is_bid:
            text = "taker and maker stand on the same side of the ladder"
            self._found.append(Violation(Law.TRADE_PARTIES, name, text))
        had = side.take(maker_id, price, trade.quantity)
        if had <= trade.quantity:
            del self._places[maker_id]
        if had < trade.quantity:
            text = f"{trade.quantity} lots, and its maker has {had}"
            self._found.append(Violation(Law.FILLS, name, text))
        shadow.last_price = price
        self._touch(place)

    def _published(self, fact: MarketUpdateId) -> None:
        key = (fact.event_id, fact.market_id)
        shadow = self._shadows.get(key)
        name = market_name(*key)
        if shadow is None:
            text = "its ladder is told and it is not listed"
            self._found.append(Violation(Law.DEPTH, name, text))
            return
        if fact.update_id != shadow.update_id + 1:
            text = f"update {fact.update_id} follows {shadow.update_id}"
            self._found.append(Violation(Law.DEPTH, name, text))
        if fact.last_price != shadow.last_price:
            text = f"last price {fact.last_price} is told, and it was {shadow.last_price}"
            self._found.append(Violation(Law.DEPTH, name, text))
        shadow.update_id, shadow.last_price = fact.update_id, fact.last_price
        if fact.cleared:
            for levels, is_bid in zip(shadow.published, (True, False), strict=True):
                shadow.touched.update((is_bid, price) for price in levels)
                levels.clear()
        for is_bid, told in ((True, fact.bids), (False, fact.asks)):
            for price, lots in told:
                shadow.publish(is_bid, price, lots)
        self._markets[key] = None

    def _event_added(self, fact: EventAdded) -> None:
        for market in fact.event.markets.values():
            self._list(fact.event.event_id, market)

    def _event_removed(self, fact: EventRemoved) -> None:
        for key in [key for key in self._shadows if key[0] == fact.event_id]:
            self._unlist(key)

    def _market_added(self, fact: MarketAdded) -> None:
        self._list(fact.event_id, fact.market)

    def _market_removed(self, fact: MarketRemoved) -> None:
        self._unlist((fact.event_id, fact.market_id))

    def _list(self, event_id: int, market: Market) -> None:
        key = (event_id, market.market_id)
        if key not in self._shadows:
            shown = self._state.open_market(*key) or market
            self._shadows[key] = Shadow(shown.update_id, shown.last_price)

    def _unlist(self, key: MarketKey) -> None:
        shadow = self._shadows.pop(key, None)
        if shadow is None:
            return
        for is_bid in (True, False):
            for level in shadow.side(is_bid).levels.values():
                for order_id in level.queue:
                    del self._places[order_id]
                    text = f"stands in {market_name(*key)}, which is removed"
                    self._found.append(Violation(Law.LIFE, f"order {order_id}", text))

    def _drop(self, order_id: str) -> None:
        place = self._places.pop(order_id, None)
        if place is not None:
            key, is_bid, price = place
            self._shadows[key].side(is_bid).take(order_id, price)
            self._touch(place)

    def _touch(self, place: Place) -> None:
        key, is_bid, price = place
        self._shadows[key].touched.add((is_bid, price))
        self._markets[key] = None
