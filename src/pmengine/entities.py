"""Orders, users, books and what else the engine keeps: compiled, a command touches nothing else."""

from __future__ import annotations

from typing import Final

import msgspec
from mypy_extensions import i64

from pmengine.matching import LadderContract
from pmstore import (
    CASH,
    PAYOUT,
    Group,
    Leaving,
    Market,
    MarketKey,
    MarketState,
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
        self.groups: i64 = 0
        self.sessions: i64 = 0
        """How many of each it has."""
        self.first_order: OpenOrder | None = None
        self.last_order: OpenOrder | None = None
        self.in_group: dict[bytes, dict[OpenOrder, None]] = {}
        self.in_session: dict[bytes, dict[OpenOrder, None]] = {}
        """Its open orders by the quoted name of their group or session, by their number."""
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
        self.event_id = event_id
        self.market_id = market_id
        self.text: bytes = quoted(id)
        self.symbol: bytes = _encode({"event_id": event_id, "market_id": market_id, "token_id": id})
        self.asset = asset
        self.book = book
        self.content: bytes = b"[%d,%d,%b" % (event_id, market_id, self.text)
        """How the content of its orders begins."""
        self.is_first: bool = id == book.market.token_ids[0]

    def is_of(self, event_id: int, market_id: int) -> bool:
        """Whether it is a token of this market; the numbers may be of any size."""
        return self.market_id == market_id and self.event_id == event_id


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
