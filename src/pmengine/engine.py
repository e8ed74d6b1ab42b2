"""The engine: all markets as one deterministic state machine; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from mypy_extensions import i64

from pmengine.cash import Cashier
from pmengine.commands import (
    AddOneEvent,
    AddOneMarket,
    AmendOrder,
    CancelAll,
    CancelOrder,
    Command,
    Convert,
    Deposit,
    Heartbeat,
    Merge,
    MergeEvent,
    OrderGroup,
    PauseMarket,
    PostOnly,
    RemoveOneEvent,
    RemoveOneMarket,
    Resolve,
    ResolveEvent,
    ResumeAllEvents,
    ResumeMarket,
    Split,
    SplitEvent,
    StopAllEvents,
    SubmitOrder,
    Tick,
    Withdraw,
)
from pmengine.depths import Depths
from pmengine.ending import Ending
from pmengine.entities import Book, Memory, User, quoted
from pmengine.facts import Outcome, Refusal
from pmengine.following import Following
from pmengine.formatted_journal import FormattedJournal
from pmengine.grouping import Grouping
from pmengine.identity import content_of, is_name, quoted_id
from pmengine.journal import INTERPRETED, Journal
from pmengine.leaving import Leavings
from pmengine.ledger import Ledger
from pmengine.listing import EVENT_MARKETS_MAX, Listing
from pmengine.matching import Ladder, LadderContract
from pmengine.orders import OpenOrders
from pmengine.pausing import Pausing
from pmengine.picture import order_of, restore, snapshot_of, unquoted
from pmengine.records import Records, key_of
from pmengine.resolution import Resolution
from pmengine.sets import Sets
from pmengine.taking import Taking
from pmengine.terms import Terms
from pmengine.trading import Trading
from pmstore import (
    ACCEPTED,
    SUBMIT_ORDER,
    Change,
    Counters,
    Order,
    Remembered,
    SelfTrade,
    Snapshot,
    State,
    is_id,
    snapshot_digest,
)

STEP_MAX: Final = 1000
ID_MEMORY_S: Final = 86_400
OPEN_ORDERS_MAX: Final = 1_000_000
GROUPS_MAX: Final = 10_000
SESSIONS_MAX: Final = 10_000
FEE_ACCOUNT: Final = "fees"

Move = Deposit | Withdraw | Split | Merge | SplitEvent | MergeEvent | Convert
"""What a user does with cash and tokens outside of orders."""

FASTER_JOURNAL: Final[type[Journal]] = FormattedJournal if INTERPRETED else Journal
"""The journal that is the faster one as the engine runs: interpreted, or compiled."""

_NOBODY: Final = b'""'


class Engine:
    """
    Takes commands, gives facts. One task owns it; nothing in it waits, reads or writes.

    Times are epoch milliseconds and come with the command; engine time never goes back.

    Args:
        shard: 0..1023, the low part of every order number and trade id.
        ledger: Whether money and tokens are kept here; without, only matching happens.
        id_memory_s: How long an outcome is remembered after its order or command ended.
        step_max: How many orders or holders one step of left-over work concerns.
        self_trade: The self-trade mode of orders that name none.
        open_orders_max: How many orders a user may have open.
        groups_max: How many order groups a user may have.
        sessions_max: How many sessions a user may have.
        fee_account: The user to whom fees are credited.
        new_ladder: Makes the ladder of a market.
        new_journal: Makes what writes the facts; both kinds write the same.
        snapshot: What to begin with; nothing if None.
    """

    def __init__(
        self,
        *,
        shard: int = 0,
        ledger: bool = True,
        id_memory_s: int = ID_MEMORY_S,
        step_max: int = STEP_MAX,
        self_trade: SelfTrade = SelfTrade.CANCEL_TAKER,
        open_orders_max: int = OPEN_ORDERS_MAX,
        groups_max: int = GROUPS_MAX,
        sessions_max: int = SESSIONS_MAX,
        fee_account: str = FEE_ACCOUNT,
        new_ladder: Callable[[], LadderContract] = Ladder,
        new_journal: Callable[[], Journal] = FASTER_JOURNAL,
        snapshot: Snapshot | None = None,
    ) -> None:
        self.has_ledger: bool = ledger
        self._records = Records(id_memory_s * 1000, new_ladder)
        self.books: Mapping[str, Book] = self._records.books
        """The book of each token; both tokens of a market have the same one."""
        self._journal = new_journal()
        self._ledger = Ledger(self._records, self._journal) if ledger else None
        self._orders = OpenOrders(self._records, self._journal, self._ledger, shard)
        self._depths = Depths(self._journal)
        leavings = Leavings(self._records, self._journal, self._depths, self._orders)
        self._listing = Listing(
            self._records,
            self._journal,
            self._depths,
            self._orders,
            leavings,
            self._ledger,
            step_max,
        )
        grouping = Grouping(self._records, self._journal, leavings, self._listing, step_max)
        self._ending = Ending(
            self._records,
            self._journal,
            self._orders,
            leavings,
            self._listing,
            grouping,
            step_max,
            groups_max,
            sessions_max,
        )
        taking = Taking(
            self._records,
            self._journal,
            self._depths,
            self._orders,
            self._ledger,
            grouping,
            fee_account,
        )
        self._trading = Trading(
            self._records,
            self._journal,
            self._depths,
            self._orders,
            taking,
            self._ledger,
            self_trade,
            open_orders_max,
        )
        self._cashier = Cashier(self._records, self._journal, self._ledger, self._listing)
        self._sets = Sets(self._records, self._ledger, self._listing)
        self._resolution = Resolution(self._records, self._listing)
        self._pausing = Pausing(self._records, self._journal, self._listing)
        sessions = self._ending.sessions
        self._following = Following(self._records, self._orders, leavings, sessions, self._listing)
        if snapshot is not None:
            for event in snapshot.events.values():
                self._listing.index(event)
            restore(self._records, self._orders, leavings, snapshot)
            for key, deadline_ms in snapshot.sessions.items():
                sessions.set(key, deadline_ms)

    @classmethod
    def restore(cls, snapshot: Snapshot, **options: Any) -> Engine:
        """The engine that *snapshot* is a picture of, with the *options* of the constructor."""
        return cls(snapshot=snapshot, **options)

    # -- commands ------------------------------------------------------------------------

    def handle(self, command: Command, time_ms: int) -> Outcome:
        """
        Do what is due by *time_ms*, then *command*.

        Never raises for what a command says: a refusal is part of the outcome.
        """
        refusal = self.do(command, time_ms)
        return Outcome(self._journal.take(), refusal)

    def handle_batch(self, commands: Iterable[Command], time_ms: int) -> bytes:
        """The facts of *commands*, taken one after the other at one time, as a JSON array."""
        for command in commands:
            self.do(command, time_ms)
        return self._journal.take()

    def take_facts(self) -> bytes:
        """The facts of all that was done since the last time, as a JSON array."""
        return self._journal.take()

    def add_fact(self, fact: Change) -> None:
        """Put a fact that is not the engine's own among the others."""
        self._journal.add(fact)

    def do(self, command: Command, time_ms: int) -> Refusal | None:
        """As `handle`, with the facts left for `take_facts`: for batches over many entries."""
        records = self._records
        now_ms: i64 = time_ms
        if now_ms > records.time_ms:
            records.time_ms = now_ms
        else:
            now_ms = records.time_ms
        if now_ms >= records.next_forget_ms:
            records.forget(now_ms)
            self._journal.add(Counters(now_ms, records.deposited))
        if records.work or now_ms >= records.next_due_ms:
            self._ending.happen(now_ms)
        if isinstance(command, SubmitOrder):
            return self._submit(command, now_ms)
        if isinstance(command, (CancelOrder, AmendOrder)):
            return self._change(command, now_ms)
        if isinstance(command, Tick):
            self._depths.tell(now_ms)
            return None
        if isinstance(command, Move):
            return self._move(command, now_ms)
        if isinstance(command, CancelAll | OrderGroup | Heartbeat):
            return self._end_many(command, now_ms)
        return self._administrate(command, now_ms)

    def _submit(self, command: SubmitOrder, now_ms: i64) -> Refusal | None:
        records = self._records
        terms = Terms(command)
        order_text = quoted_id(terms.order_id)
        id = order_text if terms.client_order_id is None else quoted_id(terms.client_order_id)
        user = records.users.get(terms.user_id)
        if not order_text or not id or (user is None and not quoted_id(terms.user_id)):
            return self._invalid_id(command, now_ms)
        if user is None:
            user = records.user(terms.user_id)
        if not (is_name(terms.group) and is_name(terms.session)):
            return self._invalid_id(command, now_ms)
        symbol = terms.symbol
        token = records.tokens.get(symbol.token_id)
        if token is not None and not token.is_of(symbol.event_id, symbol.market_id):
            token = None
        content = terms.content(token)
        known = user.memories.get(id)
        if known is not None:
            return self._repeat(known, content, terms.correlation_id, now_ms)
        memory = Memory(user, SUBMIT_ORDER, id, order_text)
        memory.content = content
        refusal = self._too_late(terms.valid_until_ms, now_ms)
        if refusal is None:
            refusal = self._trading.submit(terms, token, memory, now_ms)
        if refusal is None and memory.order is None:
            records.orders[order_text] = memory
        self._remember(memory, id, b"SubmitOrder", refusal, terms.correlation_id, now_ms)
        return refusal

    def _change(self, command: CancelOrder | AmendOrder, now_ms: i64) -> Refusal | None:
        """A change of an order has no id of its own: saying it again finds it done."""
        user_id = command.user_id
        user = self._records.users.get(user_id)
        user_text = quoted_id(user_id) if user is None else user.text
        order_text = quoted_id(command.order_id)
        if not order_text or not user_text:
            return self._invalid_id(command, now_ms)
        refusal = self._too_late(command.valid_until_ms, now_ms)
        kind = b"CancelOrder"
        if isinstance(command, CancelOrder):
            if refusal is None:
                refusal = self._trading.cancel(command, order_text, now_ms)
        else:
            kind = b"AmendOrder"
            if refusal is None:
                refusal = self._trading.amend(command, order_text, now_ms)
        self._answer(user_text, kind, refusal, order_text, command.correlation_id, now_ms)
        return refusal

    def _end_many(self, command: CancelAll | OrderGroup | Heartbeat, now_ms: i64) -> Refusal | None:
        """What ends many orders has no id of its own: saying it again finds it done."""
        user_id = command.user_id
        group = None if isinstance(command, Heartbeat) else command.group
        session = None if isinstance(command, OrderGroup) else command.session
        if not (is_id(user_id) and is_name(group) and is_name(session)):
            return self._invalid_id(command, now_ms)
        refusal = self._too_late(command.valid_until_ms, now_ms)
        if refusal is None:
            if isinstance(command, CancelAll):
                self._ending.cancel_all(command, now_ms)
            elif isinstance(command, OrderGroup):
                refusal = self._ending.set_group(command, now_ms)
            else:
                refusal = self._ending.beat(command, now_ms)
        kind = type(command).__name__.encode()
        self._answer(quoted(user_id), kind, refusal, _NOBODY, command.correlation_id, now_ms)
        return refusal

    def _move(self, command: Move, now_ms: i64) -> Refusal | None:
        """Cash and tokens that come and go are remembered under their id."""
        if not (is_id(command.id) and is_id(command.user_id)):
            return self._invalid_id(command, now_ms)
        content = _move_content(command)
        user = self._records.user(command.user_id)
        kind = type(command).__name__
        id = quoted(command.id)
        key = key_of(kind, id)
        known = user.memories.get(key)
        if known is not None:
            return self._repeat(known, content, command.correlation_id, now_ms)
        memory = Memory(user, kind, id, _NOBODY)
        memory.content = content
        refusal = self._too_late(command.valid_until_ms, now_ms)
        if refusal is None:
            refusal = self._do_move(command, user, now_ms)
        self._remember(memory, key, kind.encode(), refusal, command.correlation_id, now_ms)
        return refusal

    def _do_move(self, command: Move, user: User, now_ms: i64) -> Refusal | None:
        if isinstance(command, Deposit):
            return self._cashier.deposit(command, user, now_ms)
        if isinstance(command, Withdraw):
            return self._cashier.withdraw(command, user, now_ms)
        if isinstance(command, Split):
            return self._cashier.split(command, user, now_ms)
        if isinstance(command, Merge):
            return self._cashier.merge(command, user, now_ms)
        if isinstance(command, SplitEvent):
            return self._sets.split(command, user)
        if isinstance(command, MergeEvent):
            return self._sets.merge(command, user)
        return self._sets.convert(command, user)

    def _administrate(self, command: Command, now_ms: i64) -> Refusal | None:
        """A command without a user and an id of its own: nothing is kept but its answer."""
        refusal = self._too_late(command.valid_until_ms, now_ms)
        if refusal is None:
            if isinstance(command, AddOneEvent):
                refusal = self._listing.add_event(command, now_ms)
            elif isinstance(command, AddOneMarket):
                refusal = self._listing.add_market(command, now_ms)
            elif isinstance(command, RemoveOneEvent):
                refusal = self._listing.remove_event(command, now_ms)
            elif isinstance(command, RemoveOneMarket):
                refusal = self._listing.remove_market(command, now_ms)
            elif isinstance(command, Resolve):
                refusal = self._resolution.resolve(command, now_ms)
            elif isinstance(command, ResolveEvent):
                refusal = self._resolution.resolve_event(command, now_ms)
            elif isinstance(command, StopAllEvents):
                self._pausing.stop_all()
            elif isinstance(command, ResumeAllEvents):
                refusal = self._pausing.resume_all(command, now_ms)
            elif isinstance(command, PostOnly):
                refusal = self._pausing.post_only(command, now_ms)
            elif isinstance(command, PauseMarket | ResumeMarket):
                refusal = self._pausing.set_market(command, isinstance(command, PauseMarket))
            else:
                refusal = Refusal.MALFORMED
        kind = type(command).__name__.encode()
        self._answer(_NOBODY, kind, refusal, _NOBODY, command.correlation_id, now_ms)
        return refusal

    # -- answers -------------------------------------------------------------------------

    def _remember(
        self,
        memory: Memory,
        key: bytes,
        kind: bytes,
        refusal: Refusal | None,
        correlation_id: str,
        now_ms: i64,
    ) -> None:
        self._depths.tell(now_ms)
        memory.outcome = ACCEPTED if refusal is None else refusal.name
        memory.time_ms = now_ms
        self._journal.remembered(
            memory.user.text,
            kind,
            memory.id,
            memory.outcome,
            memory.order_id,
            memory.content,
            correlation_id,
            now_ms,
        )
        self._records.remember(memory, key)

    def _answer(
        self,
        user: bytes,
        kind: bytes,
        refusal: Refusal | None,
        order_id: bytes,
        correlation_id: str,
        now_ms: i64,
    ) -> None:
        """Say an outcome of which nothing is kept."""
        self._depths.tell(now_ms)
        outcome = ACCEPTED if refusal is None else refusal.name
        self._journal.remembered(
            user, kind, _NOBODY, outcome, order_id, b"", correlation_id, now_ms
        )

    def _invalid_id(self, command: Command, now_ms: i64) -> Refusal:
        self._depths.tell(now_ms)
        kind = type(command).__name__
        self._journal.add(
            Remembered("", kind, "", "INVALID_ID", "", now_ms, (), command.correlation_id, True)
        )
        return Refusal.INVALID_ID

    def _repeat(
        self, known: Memory, content: bytes, correlation_id: str, now_ms: i64
    ) -> Refusal | None:
        """Answer an id that was used before; nothing is done."""
        self._depths.tell(now_ms)
        same = known.content == content
        outcome = known.outcome if same else Refusal.ID_REUSED.name
        self._journal.add(
            Remembered(
                known.user.id,
                known.kind,
                unquoted(known.id),
                outcome,
                unquoted(known.order_id) if same else "",
                now_ms,
                (),
                correlation_id,
                True,
            )
        )
        return None if outcome == ACCEPTED else Refusal[outcome]

    def _too_late(self, valid_until_ms: int | None, now_ms: i64) -> Refusal | None:
        if valid_until_ms is None:
            return None
        if now_ms > valid_until_ms:
            return Refusal.TOO_LATE
        if valid_until_ms >= now_ms + self._records.id_memory_ms:
            return Refusal.INVALID_EXPIRY  # its id would be forgotten before it is too late
        return None

    # -- reading and following -----------------------------------------------------------

    @property
    def time_ms(self) -> int:
        """Engine time: that of the latest command."""
        return self._records.time_ms

    def open_orders(self) -> int:
        """How many orders are open."""
        return self._records.open_orders

    def find_order(self, order_id: str) -> Order | None:
        """An open order as it is now, None if there is none of this id."""
        order = self._records.find_order(quoted(order_id))
        return None if order is None else order_of(order)

    def due_ms(self) -> int:
        """
        When something is due next; in the past while work is left over.

        While it is not in the future, the leader appends a `Tick` to its own input.
        """
        return 0 if self._records.work else self._ending.next_ms()

    def apply(self, facts: Iterable[Change]) -> None:
        """Follow *facts* that another engine made, as a standby does."""
        for fact in facts:
            self._following.apply(fact)

    def stand_at(self, time_ms: int) -> None:
        """Engine time, as the log that is followed says it."""
        self._records.time_ms = max(self._records.time_ms, time_ms)

    @property
    def state(self) -> State:
        """A copy of the state, as a fold of the facts has it; costs as much as a snapshot."""
        id_memory_s = int(self._records.id_memory_ms) // 1000
        return State.restore(self.snapshot(0), id_memory_s=id_memory_s)

    def snapshot(self, timestamp: int) -> Snapshot:
        """A picture of the state, taken at *timestamp*; positions of the log are not in it."""
        return snapshot_of(self._records, timestamp)

    def state_digest(self) -> str:
        """SHA-256 in hex of everything that can change a later answer."""
        return snapshot_digest(self.snapshot(0))


def _move_content(command: Move) -> bytes:
    """What a repeat of *command* must say again."""
    if isinstance(command, Deposit | Withdraw):
        return content_of(command.amount)
    if isinstance(command, Split | Merge):
        return content_of(command.event_id, command.market_id, command.quantity)
    if isinstance(command, Convert):
        # Beyond so many markets it is refused whatever they are: no memory grows with them.
        named = sorted(command.market_ids)[: EVENT_MARKETS_MAX + 1]
        return content_of(command.event_id, command.quantity, *named)
    return content_of(command.event_id, command.quantity)
