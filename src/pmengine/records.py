"""What the engine keeps, as records of its own: compiled, a command touches nothing else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec
from mypy_extensions import i64

from pmengine.matching import LadderContract
from pmstore import (
    CASH,
    PAYOUT,
    Event,
    Group,
    GroupKey,
    Leaving,
    Market,
    MarketKey,
    MarketState,
    SessionKey,
)

GTC: Final[i64] = 0
GTD: Final[i64] = 1
IOC: Final[i64] = 2
FOK: Final[i64] = 3

CANCEL_TAKER: Final[i64] = 0
CANCEL_MAKER: Final[i64] = 1
CANCEL_BOTH: Final[i64] = 2
SELF_TRADE_ALLOWED: Final[i64] = 3

NO_HANDLE: Final[i64] = -1
NEVER_MS: Final[i64] = 2**63 - 1


SPARE: Final[i64] = 64
"""So much may be kept for nothing, before it is worth while to tidy up."""

_encode: Final = msgspec.json.Encoder().encode


def quoted(text: str) -> bytes:
    """*text* as a JSON string: inside the engine an id is what it is on the log."""
    return _encode(text)


class Asset:
    """Cash or a token: the rows of those who hold some, in the order in which they came."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text: bytes = quoted(name)
        self.is_cash: bool = name == CASH
        self.rows: dict[str, Holding] = {}

    def row(self, user: User) -> Holding | None:
        """What *user* holds of it, None if that is nothing."""
        if self.is_cash:
            return user.cash
        return self.rows.get(user.id)

    def add_row(self, user: User) -> Holding:
        """An empty row for *user*, who had none."""
        row = Holding(user, self)
        self.rows[user.id] = row
        if self.is_cash:
            user.cash = row
        return row

    def drop_row(self, user: User) -> None:
        """Forget the row of *user*, if there is one."""
        self.rows.pop(user.id, None)
        if self.is_cash:
            user.cash = None


class User:
    """A user: the number of its last change, its open orders, and what it is remembered for."""

    def __init__(self, id: str, number: i64) -> None:
        self.id = id
        self.text: bytes = quoted(id)
        self.number: i64 = number
        """Under which the ladders know it; of this process alone."""
        self.update_id: i64 = 0
        self.open_orders: i64 = 0
        self.first_order: OpenOrder | None = None
        self.last_order: OpenOrder | None = None
        self.cash: Holding | None = None
        """Its row of cash, while it is not empty: asked for by nearly every command."""
        self.memories: dict[bytes, Memory] = {}
        """Outcomes by their key: the quoted id, after the kind where that is not an order."""


class FillGroup:
    """How many lots of a user's orders of one group may be filled within a while."""

    def __init__(self, user_id: str, name: str) -> None:
        self.user_id = user_id
        self.name = name
        self.quantity_max: i64 = 0
        self.window_ms: i64 = 0
        self.triggered: bool = False
        self._times: list[int] = []
        self._lots: list[int] = []
        """By the millisecond of their fill."""
        self._kept: i64 = 0
        """What is before it is forgotten."""
        self._counting: i64 = 0
        """What is before it is older than the window."""
        self._counted: i64 = 0

    def show(self) -> Group:
        """The group as others know it."""
        begin = self._kept
        return Group(
            quantity_max=self.quantity_max,
            window_ms=self.window_ms,
            triggered=self.triggered,
            fills=tuple(zip(self._times[begin:], self._lots[begin:], strict=True)),
        )

    def take_up(self, fills: tuple[tuple[int, int], ...]) -> None:
        """Begin with what was filled before."""
        self._times = [time_ms for time_ms, _ in fills]
        self._lots = [lots for _, lots in fills]

    def bind(self, quantity_max: i64, window_ms: i64) -> None:
        """Set how many lots may be filled, and within how long."""
        self.quantity_max = quantity_max
        self.window_ms = window_ms
        self._count_anew()

    def room(self, now_ms: i64) -> i64:
        """How many lots may still be filled now."""
        self._roll(now_ms)
        return max(0, self.quantity_max - self._counted)

    def fill(self, lots: i64, now_ms: i64) -> None:
        """Count *lots* that are filled now."""
        if self._times and self._times[-1] == now_ms:
            self._lots[-1] += lots
        else:
            self._times.append(now_ms)
            self._lots.append(lots)
        self._counted += lots

    def tell(self, now_ms: i64) -> i64:
        """Forget what is older than the window; the lots that were filled now."""
        self._roll(now_ms)
        self._kept = self._counting
        if self._kept > SPARE and 2 * self._kept > len(self._times):
            del self._times[: self._kept]
            del self._lots[: self._kept]
            self._kept = 0
            self._counting = 0
        return self._lots[-1]

    def follow(self, lots: i64, now_ms: i64) -> None:
        """Let all lots that were filled in one millisecond be *lots*."""
        if self._times and self._times[-1] == now_ms:
            lots -= self._lots[-1]
        self.fill(lots, now_ms)
        self.tell(now_ms)

    def _count_anew(self) -> None:
        self._counting = self._kept
        self._counted = sum(self._lots[self._kept :])

    def _roll(self, now_ms: i64) -> None:
        oldest_ms = now_ms - self.window_ms
        times = self._times
        while self._counting < len(times) and times[self._counting] <= oldest_ms:
            self._counted -= self._lots[self._counting]
            self._counting += 1


class LeavingOrders:
    """Orders that left their ladders together, in the order in which they are to end."""

    def __init__(self, leaving: Leaving) -> None:
        self.leaving = leaving
        self.reason: bytes = quoted(leaving.reason)
        self.first_order: OpenOrder | None = None
        self.last_order: OpenOrder | None = None
        self.count: i64 = 0


class Holding:
    """A row of an account: micros of cash, or lots of a token."""

    def __init__(self, user: User, asset: Asset) -> None:
        self.user = user
        self.asset = asset
        self.available: i64 = 0
        self.frozen: i64 = 0
        self.version: i64 = 0


class Memory:
    """The outcome of one command, under its id."""

    def __init__(self, user: User, kind: str, id: bytes, order_id: bytes) -> None:
        self.user = user
        self.kind = kind
        self.id = id
        """Quoted, as is the order's."""
        self.order_id = order_id
        self.is_foreign: bool = False
        """Of an order that came from another system: it is forgotten with its end."""
        self.outcome: str = ""
        self.time_ms: i64 = 0
        self.content: bytes = b""
        """What makes another command the same one, as a JSON array; empty for nothing."""
        self.number: i64 = 0
        """Grows with every memory; 0 until it is one."""
        self.ended_ms: i64 = 0
        self.order: OpenOrder | None = None
        """The order that it made, while that is open."""


class Token:
    """One outcome of a market."""

    def __init__(self, event_id: int, market_id: int, id: str, asset: Asset, book: Book) -> None:
        self.id = id
        self.text: bytes = quoted(id)
        self.symbol: bytes = _encode({"event_id": event_id, "market_id": market_id, "token_id": id})
        self.asset = asset
        self.book = book
        self.content: bytes = b"[%d,%d,%b" % (event_id, market_id, self.text)
        """How the content of its orders begins."""
        self.is_first: bool = id == book.market.token_ids[0]

    def is_of(self, event_id: int, market_id: int) -> bool:
        """Whether it is a token of this market; the numbers may be of any size."""
        return self.book.market_id == market_id and self.book.event_id == event_id


class Book:
    """
    A market: its ladder, and the order behind each handle.

    The ladder is kept in terms of the first token: buying the second at p stands where
    selling the first at 10000-p stands.
    """

    def __init__(self, event_id: int, market: Market, ladder: LadderContract) -> None:
        self.event_id: i64 = event_id
        self.market_id: i64 = market.market_id
        self.key: MarketKey = (event_id, market.market_id)
        self.ladder = ladder
        self.resting: list[OpenOrder | None] = []
        """By handle."""
        self.open_orders: i64 = 0
        self.grouped: i64 = 0
        """How many orders on the ladder are of a group."""
        self.update_id: i64 = market.update_id
        self.last_price: i64 = market.last_price
        self.tick_size: i64 = market.tick_size
        self.set_market(market)

    def set_market(self, market: Market) -> None:
        """Show the market as it is now."""
        self.market = market
        state = market.state
        self.is_open: bool = state is MarketState.OPEN
        self.is_shown: bool = self.is_open or state is MarketState.PAUSED
        """Whether its orders make up a depth; else they are only to be worked off."""
        fees = market.fees
        self.has_fees: bool = fees is not None
        self.quadratic: bool = fees is not None and fees.kind == "quadratic"
        self.maker_ppm: i64 = 0 if fees is None else fees.maker_ppm
        self.taker_ppm: i64 = 0 if fees is None else fees.taker_ppm

    def crosses(self, is_bid: bool, ladder_price: i64) -> bool:
        """Whether a taker at *ladder_price* would meet the best of the other side."""
        best = self.ladder.best(not is_bid)
        if best == 0:
            return False
        return best <= ladder_price if is_bid else best >= ladder_price

    def place(self, handle: i64, order: OpenOrder | None) -> None:
        """Say who stands behind *handle*."""
        if handle == len(self.resting):
            self.resting.append(order)
        else:
            self.resting[handle] = order

    def at(self, handle: i64) -> OpenOrder:
        """Who stands behind *handle*."""
        order = self.resting[handle]
        assert order is not None
        return order


class OpenOrder:
    """An order from its acceptance to its end; price in ticks, lots, micros, milliseconds."""

    def __init__(self, memory: Memory, token: Token, is_buy: bool, is_limit: bool) -> None:
        self.memory = memory
        self.token = token
        self.user: User = memory.user
        self.id: bytes = memory.order_id
        self.client_order_id: bytes | None = None
        self.is_buy = is_buy
        self.is_limit = is_limit
        self.post_only: bool = False
        self.time_in_force: i64 = GTC
        self.self_trade: i64 = CANCEL_TAKER
        self.quantity: i64 = 0
        self.filled: i64 = 0
        self.price: i64 = 0
        self.time_ms: i64 = 0
        self.order_num: i64 = 0
        self.version: i64 = 0
        self.expires_at_ms: i64 = 0
        """0 if it does not expire."""
        self.volume: i64 = 0
        self.fee_exact: int = 0
        """In 10^-10 micros: beyond 64 bits for large orders."""
        self.fee_paid: i64 = 0
        self.frozen: i64 = 0
        self.group: bytes | None = None
        """Quoted, as is the session."""
        self.counts_for: FillGroup | None = None
        """What is filled of it counts for this group."""
        self.session: bytes | None = None
        self.handle: i64 = NO_HANDLE
        self.leaving: LeavingOrders | None = None
        """Those with which it left its ladder, to be ended."""
        self.before: OpenOrder | None = None
        self.after: OpenOrder | None = None
        """Its neighbours among its user's, or among those that leave with it."""

    @property
    def remaining(self) -> i64:
        """Lots that are not filled."""
        return self.quantity - self.filled

    @property
    def is_bid(self) -> bool:
        """The side of the ladder on which it stands."""
        return self.is_buy == self.token.is_first

    @property
    def ladder_price(self) -> i64:
        """Its price in terms of the first token."""
        return self.price if self.token.is_first else PAYOUT - self.price


class Records:
    """
    Everything that can change a later answer.

    Args:
        id_memory_ms: How long an outcome is remembered after its order or command ended.
        new_ladder: Makes the ladder of a market.
    """

    def __init__(self, id_memory_ms: int, new_ladder: Callable[[], LadderContract]) -> None:
        self.new_ladder = new_ladder
        self.users: dict[str, User] = {}
        self.assets: dict[str, Asset] = {CASH: Asset(CASH)}
        self.cash: Asset = self.assets[CASH]
        self.events: dict[int, Event] = {}
        self.tokens: dict[str, Token] = {}
        self.books: dict[str, Book] = {}
        """By token; both tokens of a market have the same one."""
        self.orders: dict[bytes, Memory] = {}
        """By quoted id: the orders that are open or remembered."""
        self.open_orders: i64 = 0
        self.ended: deque[Memory] = deque()
        """Memories whose time runs, in the order in which it ends."""
        self.next_forget_ms: i64 = NEVER_MS
        """When the first of them is to be forgotten."""
        self.memories: i64 = 0
        """How many were ever made."""
        self.work: dict[MarketKey | Leaving, LeavingOrders | None] = {}
        """
        What is being worked off, in that order: orders or holders of markets, and orders that
        left.
        """
        self.groups: dict[GroupKey, FillGroup] = {}
        self.sessions: dict[SessionKey, int] = {}
        """Until when each session lives."""
        self.next_due_ms: i64 = NEVER_MS
        """Nothing is due before."""
        self.order_counter: i64 = 0
        self.trade_counter: i64 = 0
        self.deposited: i64 = 0
        """Cash (micros) that came from outside less what left."""
        self.paused: bool = False
        self.post_only_until_ms: i64 = 0
        """Before it only post-only orders are taken."""
        self.time_ms: i64 = 0
        self.id_memory_ms: i64 = id_memory_ms

    def user(self, id: str) -> User:
        """The user, known from now on."""
        user = self.users.get(id)
        if user is None:
            user = self.users[id] = User(id, len(self.users) + 1)
        return user

    def find_order(self, id: bytes) -> OpenOrder | None:
        """The open order with this quoted id."""
        memory = self.orders.get(id)
        return None if memory is None else memory.order

    def find_book(self, event_id: int, market_id: int) -> Book | None:
        """The book of a market, None if it is not listed."""
        event = self.events.get(event_id)
        market = None if event is None else event.markets.get(market_id)
        return None if market is None else self.tokens[market.token_ids[0]].book

    def asset(self, name: str) -> Asset:
        """The rows of an asset, empty if nobody holds any."""
        asset = self.assets.get(name)
        if asset is None:
            asset = self.assets[name] = Asset(name)
        return asset

    def open_book(self, event_id: int, market: Market) -> None:
        """Give a market that is listed its book."""
        book = Book(event_id, market, self.new_ladder())
        for token in market.token_ids:
            self.tokens[token] = Token(event_id, market.market_id, token, self.asset(token), book)
            self.books[token] = book

    def drop_book(self, market: Market) -> None:
        """Forget the book of a market that left."""
        for token in market.token_ids:
            self.tokens.pop(token, None)
            self.books.pop(token, None)
            self.assets.pop(token, None)

    def is_due(self, time_ms: i64) -> None:
        """Something is due at *time_ms*."""
        if time_ms < self.next_due_ms:
            self.next_due_ms = time_ms

    def link(self, order: OpenOrder) -> None:
        """Let an accepted order be open, as the last of its user's."""
        user = order.user
        self._put_last(order)
        user.open_orders += 1
        order.token.book.open_orders += 1
        self.open_orders += 1
        order.memory.order = order
        self.orders[order.id] = order.memory

    def unlink(self, order: OpenOrder) -> None:
        """Let an order be open no more; its id stays taken."""
        self._take_out(order)
        if order.leaving is None:
            order.user.open_orders -= 1
        order.token.book.open_orders -= 1
        self.open_orders -= 1
        order.memory.order = None

    def let_leave(self, order: OpenOrder, leaving: LeavingOrders) -> None:
        """Let an open order count no more for its user; it will end as the last of *leaving*."""
        self._take_out(order)
        order.user.open_orders -= 1
        order.leaving = leaving
        leaving.count += 1
        last = leaving.last_order
        order.before = last
        if last is None:
            leaving.first_order = order
        else:
            last.after = order
        leaving.last_order = order

    def move_last(self, order: OpenOrder) -> None:
        """Let an open order, that queues again, be the last of its user's."""
        self._take_out(order)
        self._put_last(order)

    def _put_last(self, order: OpenOrder) -> None:
        user = order.user
        last = user.last_order
        order.before = last
        if last is None:
            user.first_order = order
        else:
            last.after = order
        user.last_order = order

    def _take_out(self, order: OpenOrder) -> None:
        user = order.user
        leaving = order.leaving
        before = order.before
        after = order.after
        if before is not None:
            before.after = after
        elif leaving is None:
            user.first_order = after
        else:
            leaving.first_order = after
        if after is not None:
            after.before = before
        elif leaving is None:
            user.last_order = before
        else:
            leaving.last_order = before
        order.before = None
        order.after = None

    def remember(self, memory: Memory, key: bytes) -> None:
        """Let an outcome be answered again; its time runs once its order has ended."""
        self.memories += 1
        memory.number = self.memories
        memory.user.memories[key] = memory
        if memory.order is None:
            self.begin_to_forget(memory, memory.time_ms)

    def begin_to_forget(self, memory: Memory, time_ms: i64) -> None:
        """Let the time of *memory* run from *time_ms* on."""
        memory.ended_ms = time_ms
        if not self.ended:
            self.next_forget_ms = time_ms + self.id_memory_ms
        self.ended.append(memory)

    def forget(self, now_ms: i64) -> None:
        """Drop the memories whose time is over."""
        due_ms = now_ms - self.id_memory_ms
        ended = self.ended
        while ended and ended[0].ended_ms <= due_ms:
            memory = ended.popleft()
            del memory.user.memories[memory_key(memory)]
            known = self.orders.get(memory.order_id)
            if known is memory:
                del self.orders[memory.order_id]
        self.next_forget_ms = ended[0].ended_ms + self.id_memory_ms if ended else NEVER_MS


def memory_key(memory: Memory) -> bytes:
    """Under which its user's outcomes know this one."""
    return key_of(memory.kind, memory.id)


def key_of(kind: str, id: bytes) -> bytes:
    """The key of an outcome: the quoted *id* of an order, behind its *kind* that of another."""
    return id if kind == "SubmitOrder" else kind.encode() + id
