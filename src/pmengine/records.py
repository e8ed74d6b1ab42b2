"""All that the engine keeps, and how it is found."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from mypy_extensions import i64

from pmengine.entities import (
    NEVER_MS,
    Asset,
    Book,
    FillGroup,
    LeavingOrders,
    Memory,
    OpenOrder,
    Token,
    User,
)
from pmengine.matching import LadderContract
from pmstore import CASH, Event, GroupKey, Leaving, Market, MarketKey, SessionKey


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
        if order.group is not None:
            _join(user.in_group, order.group, order)
        if order.session is not None:
            _join(user.in_session, order.session, order)

    def _take_out(self, order: OpenOrder) -> None:
        user = order.user
        leaving = order.leaving
        if leaving is None:
            if order.group is not None:
                _part(user.in_group, order.group, order)
            if order.session is not None:
                _part(user.in_session, order.session, order)
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


def _join(members: dict[bytes, dict[OpenOrder, None]], name: bytes, order: OpenOrder) -> None:
    """Put *order* behind the others of that name."""
    known = members.get(name)
    if known is None:
        known = members[name] = {}
    known[order] = None


def _part(members: dict[bytes, dict[OpenOrder, None]], name: bytes, order: OpenOrder) -> None:
    """Take *order* from the others of that name, and the name with the last of them."""
    known = members[name]
    del known[order]
    if not known:
        del members[name]


def memory_key(memory: Memory) -> bytes:
    """Under which its user's outcomes know this one."""
    return key_of(memory.kind, memory.id)


def key_of(kind: str, id: bytes) -> bytes:
    """The key of an outcome: the quoted *id* of an order, behind its *kind* that of another."""
    return id if kind == "SubmitOrder" else kind.encode() + id
