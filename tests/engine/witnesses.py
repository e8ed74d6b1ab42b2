"""Several engines and a plain fold that see the same commands or facts, compared after each one."""

from __future__ import annotations

from typing import Any

from pmengine.commands import Command, Tick
from pmengine.engine import FEE_ACCOUNT, ID_MEMORY_S, Engine
from pmengine.facts import Outcome
from pmengine.formatted_journal import FormattedJournal
from pmengine.invariants import Watch, engine_violations, state_violations, trade_violations
from pmengine.journal import Journal
from pmengine.matching import Ladder, NaiveLadder
from pmstore import (
    ACCEPTED,
    Balance,
    Change,
    Counters,
    MarketRemoved,
    MarketUpdateId,
    Order,
    OrderCancelled,
    OrderCreated,
    OrderFilled,
    OrderUpdated,
    Remembered,
    Snapshot,
    State,
)
from pmstore.codec import (
    GENESIS_HASH,
    decode_batch,
    decode_snapshot,
    encode_batch,
    encode_changes,
    encode_snapshot,
)

OrderFact = OrderCreated | OrderUpdated | OrderFilled | OrderCancelled


class Depth:
    """The ladders as a client draws them, from the published updates alone."""

    def __init__(self) -> None:
        self.sides: dict[tuple[int, int], tuple[dict[int, int], dict[int, int]]] = {}
        self.update_ids: dict[tuple[int, int], int] = {}
        self.last_prices: dict[tuple[int, int], int] = {}

    def follow(self, change: MarketUpdateId | MarketRemoved) -> None:
        key = (change.event_id, change.market_id)
        if isinstance(change, MarketRemoved):
            for known in (self.sides, self.update_ids, self.last_prices):
                known.pop(key, None)
            return
        assert change.update_id == self.update_ids.get(key, 0) + 1, "an update is missing"
        self.update_ids[key] = change.update_id
        self.last_prices[key] = change.last_price
        if change.cleared:
            self.sides[key] = ({}, {})
        sides = self.sides.setdefault(key, ({}, {}))
        for side, levels in zip(sides, (change.bids, change.asks), strict=True):
            assert len(levels) == len({price for price, _ in levels}), "a level is there twice"
            for price, lots in levels:
                side[price] = lots
                if not lots:
                    del side[price]

    def check(self, engine: Engine) -> None:
        for book in engine.books.values():
            assert self.update_ids.get(book.key, 0) == book.update_id
            assert self.last_prices.get(book.key, 0) == book.last_price
            bids, asks = self.sides.get(book.key, ({}, {}))
            if not book.is_shown:  # what is still to be worked off is not shown
                assert (bids, asks) == ({}, {})
                continue
            assert sorted(bids.items(), reverse=True) == book.ladder.levels(True, 10_000)
            assert sorted(asks.items()) == book.ladder.levels(False, 10_000)


class Histories:
    """Every order from its first fact to its last, as a history store would keep it."""

    def __init__(self) -> None:
        self.versions: dict[str, int] = {}
        self.open: dict[str, Order] = {}
        self.known: set[str] = set()

    def follow(self, change: Change) -> None:
        user_id = version = None
        if isinstance(change, OrderCreated | OrderUpdated):
            order = change.order
            user_id, version = order.user_id, order.version
            if isinstance(change, OrderCreated):
                assert order.id not in self.known, "an id was given to a second order"
                assert order.filled_quantity == 0
            else:
                assert order.id in self.open
                assert order.version > self.open[order.id].version
            self.known.add(order.id)
            self.open[order.id] = order
            assert order.filled_quantity + order.remaining_quantity == order.quantity
        elif isinstance(change, OrderFilled | OrderCancelled):
            user_id, version = change.user_id, change.version
            order = self.open.pop(change.order_id)
            assert version > order.version
            self._check_end(order, change)
        elif isinstance(change, Balance):
            user_id, version = change.user_id, change.version
        if user_id is not None:
            assert version == self.versions.get(user_id, 0) + 1, "a user's update is missing"
            self.versions[user_id] = version

    def forget(self, order_ids: set[str]) -> None:
        """Ids that the engine no longer remembers may come again."""
        self.known &= order_ids

    @staticmethod
    def _check_end(order: Order, change: OrderFilled | OrderCancelled) -> None:
        buys_by_volume = bool(order.volume)
        if isinstance(change, OrderFilled):
            assert change.filled_quantity > 0
            assert change.remaining_quantity == 0
            assert buys_by_volume or change.filled_quantity == order.quantity
        else:
            assert change.remaining_quantity > 0 or buys_by_volume
            assert change.filled_quantity + change.remaining_quantity == order.quantity
        assert change.spent <= order.volume


def through_the_file(snapshot: Snapshot) -> Snapshot:
    """*snapshot* written and read again."""
    return decode_snapshot(b"".join(encode_snapshot(snapshot)), "a snapshot in a test")


class Witnesses:
    """
    Two engines that handle every command, one on each ladder; a standby that follows the
    facts as the log carries them; and a plain fold of the same facts.

    The leader and the standby change places with every command, and every few commands all
    of them begin again from a snapshot: so each law also shows in how the engine goes on.
    """

    def __init__(self, *, restart_every: int = 5, **options: Any) -> None:
        self.options = options
        self.id_memory_s: int = options.get("id_memory_s", ID_MEMORY_S)
        self.leader = Engine(new_ladder=Ladder, new_journal=Journal, **options)
        self.standby = Engine(new_ladder=Ladder, new_journal=Journal, **options)
        self.naive = Engine(new_ladder=NaiveLadder, new_journal=FormattedJournal, **options)
        self.fold = State(id_memory_s=self.id_memory_s)
        self.watch = self._watching(self.fold)
        self.depth = Depth()
        self.histories = Histories()
        self.restart_every = restart_every
        self.commands = 0
        self.time_ms = 0

    @property
    def state(self) -> State:
        return self.leader.state

    def handle(self, command: Command, time_ms: int) -> Outcome:
        """Let everyone take *command*, and compare them."""
        self.time_ms = max(self.time_ms, time_ms)
        state = self.state
        before = through_the_file(state.freeze(0))
        orders_before = dict(state.orders)
        digest_before = state.digest()
        outcome = self.leader.handle(command, time_ms)
        facts = list(outcome.facts)
        assert encode_changes(facts) == outcome.encoded, "the log would say it otherwise"
        again = self.naive.handle(command, time_ms)
        assert again.encoded == outcome.encoded
        assert again.refusal is outcome.refusal
        assert trade_violations(facts, orders_before) == []
        self._follow(facts)
        self._check_answer(command, outcome, before)
        if not facts:
            assert self.leader.state_digest() == digest_before, (
                "something changed and no fact says so"
            )
        self.check()
        self.leader, self.standby = self.standby, self.leader
        self.commands += 1
        if self.restart_every and self.commands % self.restart_every == 0:
            self.restart()
        return outcome

    def check(self) -> None:
        """Every law that can be seen in the state as it is now."""
        digest = self.leader.state_digest()
        assert self.fold.digest() == digest, "the facts are not complete"
        assert self.standby.state_digest() == digest, "the standby went another way"
        assert self.naive.state_digest() == digest, "the ladders differ"
        ledger = self.leader.has_ledger
        for engine in (self.leader, self.standby, self.naive):
            assert engine_violations(engine, ledger=ledger) == []
            self.depth.check(engine)
        assert self.leader.state.order_ids == self.fold.order_ids
        assert state_violations(self.fold, ledger=ledger) == []

    def restart(self) -> None:
        """Everyone begins again from a snapshot of their own, written and read."""
        self.leader = self._restored(self.leader, Ladder)
        self.standby = self._restored(self.standby, NaiveLadder)
        self.naive = self._restored(self.naive, NaiveLadder)
        snapshot = through_the_file(self.fold.freeze(1))
        self.fold = State.restore(snapshot, id_memory_s=self.id_memory_s)
        self.standby = self._restored(self.standby, Ladder)
        self.watch = self._watching(State.restore(snapshot, id_memory_s=self.id_memory_s))
        self.check()

    def _watching(self, state: State) -> Watch:
        """What `pmengine verify` does with each fact, on a state of its own."""
        own = State.restore(state.freeze(0), id_memory_s=self.id_memory_s)
        fee_account = self.options.get("fee_account", FEE_ACCOUNT)
        return Watch(own, ledger=self.options.get("ledger", True), fee_account=fee_account)

    def _restored(self, engine: Engine, new_ladder: Any) -> Engine:
        snapshot = through_the_file(engine.snapshot(1))
        new_journal = FormattedJournal if new_ladder is NaiveLadder else Journal
        return Engine.restore(
            snapshot, new_ladder=new_ladder, new_journal=new_journal, **self.options
        )

    def _follow(self, facts: list[Change]) -> None:
        payload, _ = encode_batch(
            1, 1, self.leader.time_ms, GENESIS_HASH, {}, encode_changes(facts)
        )
        read = decode_batch(payload, "an entry in a test").changes
        assert read == facts
        self.standby.apply(read)
        self.standby.stand_at(self.leader.time_ms)
        self.fold.time_ms = self.leader.time_ms
        told = [(fact.event_id, fact.market_id) for fact in read if type(fact) is MarketUpdateId]
        assert len(told) == len(set(told)), "a command told of a market twice"
        for fact in read:
            self.fold.apply(fact)
            self.fold.apply(fact)  # a fact says a thing as it is: twice is once
            if isinstance(fact, MarketUpdateId | MarketRemoved):
                self.depth.follow(fact)
            elif isinstance(fact, Counters):
                self.histories.forget(self.fold.order_ids)
            self.histories.follow(fact)
            self.watch.fold(fact)
        assert list(self.watch.settle()) == [], "what verifies logs says that a law is broken"
        self.watch.state.time_ms = self.state.time_ms
        assert list(self.watch.overdue()) == []

    def _check_answer(self, command: Command, outcome: Outcome, before: Snapshot) -> None:
        """One answer to every command; one that was refused, or a repeat, did nothing else."""
        facts = list(outcome.facts)
        answers = [fact for fact in facts if isinstance(fact, Remembered)]
        if isinstance(command, Tick):
            assert not answers
            assert outcome.refusal is None
            return
        assert answers == facts[-1:]
        (answer,) = answers
        assert answer.outcome == (ACCEPTED if outcome.refusal is None else outcome.refusal.name)
        assert answer.correlation_id == command.correlation_id
        if outcome.refusal is not None or answer.repeat:
            idle = Engine.restore(before, **self.options)
            due = idle.handle(Tick(), self.time_ms)
            assert list(due.facts) == facts[:-1], "more happened than what was due"
