"""What must hold after every command (section 8 of the domain's rules), said as checks; pure."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping

from pmengine.book import Book
from pmengine.engine import Engine
from pmstore import (
    ACTIVE_STATUSES,
    CASH,
    PAYOUT,
    PRICE_MAX,
    PRICE_MIN,
    Change,
    Market,
    MarketState,
    MatchType,
    Order,
    OrderCreated,
    OrderStatus,
    OrderType,
    OrderUpdated,
    Side,
    State,
    Trade,
    order_memory_key,
)


def engine_violations(engine: Engine) -> list[str]:
    """
    Every invariant that *engine* breaks: those of its state, and its ladders against it.

    Returns:
        One line a violation, naming the order, user or market; empty when all is well.

    Cost:
        O(state), with a copy of every ladder.
    """
    found = state_violations(engine.state, ledger=engine.ledger is not None)
    orders: dict[tuple[int, int], list[Order]] = {}
    for order in engine.state.orders.values():
        orders.setdefault((order.symbol.event_id, order.symbol.market_id), []).append(order)
    for event in engine.state.events.values():
        for market in event.markets.values():
            key = (event.event_id, market.market_id)
            books = [engine.books.get(token) for token in market.token_ids]
            if books[0] is None or books[0] is not books[1]:
                found.append(f"market {key}: its tokens do not share one book")
            else:
                found += _ladder(key, books[0], orders.get(key, []))
    listed = sum(2 * len(event.markets) for event in engine.state.events.values())
    if len(engine.books) != listed:
        found.append(f"{len(engine.books)} tokens have a book and {listed} are listed")
    return found


def state_violations(state: State, *, ledger: bool = True) -> list[str]:
    """
    Every invariant that *state* breaks, without its ladders.

    Args:
        ledger: Whether money and tokens are kept in it; else only orders are looked at.

    Returns:
        One line a violation; empty when all is well.

    Cost:
        O(state).
    """
    found = [*_orders(state), *_crossed(state), *_memories(state)]
    if ledger:
        found += [*_balances(state), *_collateral(state)]
    return found


def trade_violations(changes: Iterable[Change], orders: Mapping[str, Order]) -> list[str]:
    """
    Every trade among *changes* whose prices are wrong (invariant 7).

    Args:
        changes: The facts of one or more commands, in order.
        orders: The open orders before them, by id.

    Returns:
        One line a violation; empty when all is well.
    """
    found = []
    known: dict[str, Order] = {}
    for change in changes:
        if isinstance(change, OrderCreated | OrderUpdated):
            known[change.order.id] = change.order
        elif isinstance(change, Trade):
            taker = known.get(change.taker_order_id) or orders.get(change.taker_order_id)
            maker = known.get(change.maker_order_id) or orders.get(change.maker_order_id)
            found += [f"trade {change.trade_id}: {text}" for text in _trade(change, taker, maker)]
    return found


def _orders(state: State) -> Iterator[str]:
    """Invariants 2 and 3."""
    last = 0
    for key, order in state.orders.items():
        name = f"order {order.id}"
        if key != order.id:
            yield f"{name}: stands under {key}"
        if order.order_num <= last:
            yield f"{name}: number {order.order_num} comes after {last}"
        last = order.order_num
        if order.order_num > state.order_counter:
            yield f"{name}: number {order.order_num} is beyond the counter {state.order_counter}"
        if order.version > state.user_update_ids.get(order.user_id, 0):
            yield f"{name}: version {order.version} is beyond its user's"
        if order.remaining_quantity <= 0 or order.filled_quantity < 0:
            yield f"{name}: {order.filled_quantity} filled, {order.remaining_quantity} remaining"
        if order.filled_quantity + order.remaining_quantity != order.quantity:
            yield f"{name}: filled and remaining are not {order.quantity}"
        status = OrderStatus.PARTIALLY_FILLED if order.filled_quantity else OrderStatus.NEW
        if order.status not in ACTIVE_STATUSES or order.status is not status:
            yield f"{name}: is {order.status.value} with {order.filled_quantity} filled"
        market = _market(state, order)
        if market is None:
            yield f"{name}: its market is not listed"
        elif not PRICE_MIN <= order.price <= PRICE_MAX or order.price % market.tick_size:
            yield f"{name}: price {order.price}"
        if order.order_type is not OrderType.LIMIT:
            yield f"{name}: a market order rests"


def _crossed(state: State) -> Iterator[str]:
    """Invariant 1."""
    bids: dict[tuple[int, int], int] = {}
    asks: dict[tuple[int, int], int] = {}
    for order in state.orders.values():
        market = _market(state, order)
        if market is None:
            continue
        key = (order.symbol.event_id, order.symbol.market_id)
        first = order.symbol.token_id == market.token_ids[0]
        price = order.price if first else PAYOUT - order.price
        if (order.side is Side.BUY) == first:
            bids[key] = max(price, bids.get(key, 0))
        else:
            asks[key] = min(price, asks.get(key, PAYOUT))
    for key in bids.keys() & asks.keys():
        if bids[key] >= asks[key]:
            yield f"market {key}: best bid {bids[key]} meets best ask {asks[key]}"


def _memories(state: State) -> Iterator[str]:
    """Each outcome is remembered until its time is over, and no longer."""
    ended = [key for _, key in state.ended]
    times = [time_ms for time_ms, _ in state.ended]
    if times != sorted(times):
        yield "memories: their ends are out of order"
    if len(ended) != len(set(ended)):
        yield "memories: one ended twice"
    open_keys = {order_memory_key(order) for order in state.orders.values()}
    for key in ended:
        if key not in state.memories:
            yield f"memory {key}: ended and is not there"
    for key in state.memories.keys() - set(ended) - open_keys:
        yield f"memory {key}: its order is gone and it will stay for ever"
    for order_id in state.orders.keys() - state.order_ids:
        yield f"order {order_id}: open, and its id is free"


def _balances(state: State) -> Iterator[str]:
    """Invariant 6."""
    needed: dict[tuple[str, str], int] = {}
    for order in state.orders.values():
        buys = order.side is Side.BUY
        key = (order.user_id, CASH if buys else order.symbol.token_id)
        amount = order.remaining_quantity * (order.price if buys else 1)
        needed[key] = needed.get(key, 0) + amount
    for asset, rows in state.balances.items():
        for user_id, row in rows.items():
            name = f"{user_id}'s {asset}"
            if (row.user_id, row.asset) != (user_id, asset):
                yield f"{name}: the row is of {row.user_id}'s {row.asset}"
            if row.available < 0 or row.frozen < 0:
                yield f"{name}: {row.available} available, {row.frozen} frozen"
            if not row.available and not row.frozen:
                yield f"{name}: an empty row is kept"
            if row.frozen != needed.pop((user_id, asset), 0):
                yield f"{name}: {row.frozen} frozen is not what its orders need"
            if row.version > state.user_update_ids.get(user_id, 0):
                yield f"{name}: version {row.version} is beyond its user's"
    for (user_id, asset), amount in needed.items():
        yield f"{user_id}'s {asset}: nothing frozen and its orders need {amount}"


def _collateral(state: State) -> Iterator[str]:
    """Invariants 4 and 5."""
    total = _held(state, CASH)
    listed = {CASH}
    for event in state.events.values():
        for market in event.markets.values():
            listed.update(market.token_ids)
            first, second = [_held(state, token) for token in market.token_ids]
            name = f"market {(event.event_id, market.market_id)}"
            if market.state is MarketState.RESOLVED:
                if market.payouts is None:
                    yield f"{name}: resolved without payouts"
                    continue
                total += market.payouts[0] * first + market.payouts[1] * second
                working = (event.event_id, market.market_id) in state.work
                if (first or second) and not working:
                    yield f"{name}: resolved, and its holders are not being paid"
            else:
                total += PAYOUT * first
                if first != second:
                    yield f"{name}: {first} lots of one token and {second} of the other"
    for asset in state.balances.keys() - listed:
        if state.balances[asset]:
            yield f"asset {asset}: is held and not listed"
    if total != state.deposited:
        yield f"cash and collateral are {total} micros, and {state.deposited} came in"


def _held(state: State, asset: str) -> int:
    return sum(row.available + row.frozen for row in state.balances.get(asset, {}).values())


def _market(state: State, order: Order) -> Market | None:
    event = state.events.get(order.symbol.event_id)
    market = None if event is None else event.markets.get(order.symbol.market_id)
    return market if market and order.symbol.token_id in market.token_ids else None


def _ladder(key: tuple[int, int], book: Book, orders: list[Order]) -> Iterator[str]:
    """Whether a ladder is a picture of the open *orders* of its market, given in their order."""
    name = f"market {key}"
    if len(book.ladder) != len(orders) or len(book.resting) != len(orders):
        yield (
            f"{name}: {len(orders)} open orders, {len(book.ladder)} on the ladder, "
            f"{len(book.resting)} behind its handles"
        )
        return
    ladder = copy.deepcopy(book.ladder)
    for is_bid in (True, False):
        side = [order for order in orders if book.is_bid(order) == is_bid]
        side.sort(key=lambda o: (book.ladder_price(o.symbol.token_id, o.price)) * (1 - 2 * is_bid))
        totals: dict[int, int] = {}
        for order in side:
            price = book.ladder_price(order.symbol.token_id, order.price)
            totals[price] = totals.get(price, 0) + order.remaining_quantity
        if ladder.levels(is_bid, len(side) + 1) != list(totals.items()):
            yield f"{name}: its {'bids' if is_bid else 'asks'} are not {totals}"
        for order in side:
            handle = ladder.first(is_bid)
            if handle < 0 or book.resting.get(handle) is not order:
                yield f"{name}: order {order.id} is not where its number puts it"
                break
            if ladder.cancel(handle) != order.remaining_quantity:
                yield f"{name}: order {order.id} has another remainder on the ladder"


def _trade(trade: Trade, taker: Order | None, maker: Order | None) -> Iterator[str]:
    if taker is None or maker is None:
        yield "one of its orders is unknown"
        return
    sides = (trade.side, trade.maker_side)
    same_token = trade.symbol == trade.maker_symbol
    if trade.match_type is MatchType.NORMAL:
        right = same_token and set(sides) == {Side.BUY, Side.SELL}
        prices_fit = trade.price == trade.maker_price
    else:
        side = Side.BUY if trade.match_type is MatchType.MINT else Side.SELL
        right = not same_token and sides == (side, side)
        prices_fit = trade.price + trade.maker_price == PAYOUT
    if not right:
        yield f"{trade.match_type.value} of {sides[0].value} and {sides[1].value}"
    if not prices_fit:
        yield f"{trade.match_type.value} at {trade.price} and {trade.maker_price}"
    if trade.quantity < 1:
        yield f"{trade.quantity} lots"
    if trade.maker_price != maker.price:
        yield f"its maker trades at {trade.maker_price} and not at its limit {maker.price}"
    worse = trade.price > taker.price if trade.side is Side.BUY else trade.price < taker.price
    if worse:
        yield f"price {trade.price} is worse than the taker's limit {taker.price}"
