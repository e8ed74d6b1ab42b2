"""The clauses of every contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from pmstore.protocols.account_store import AccountStore
from pmstore.protocols.event_store import EventStore
from pmstore.protocols.lease import Lease
from pmstore.protocols.ledger_store import LedgerStore
from pmstore.protocols.order_store import OrderStore
from pmstore.protocols.snapshot_store import SnapshotStore
from pmstore.protocols.store import Store
from pmstore.protocols.stream import Stream
from pmstore.protocols.trade_store import TradeStore
from pmstore.testing import (
    account_laws,
    answer_laws,
    consumers_laws,
    event_laws,
    kill_laws,
    lease_laws,
    ledger_laws,
    order_atomicity_laws,
    order_find_laws,
    order_save_laws,
    outage_laws,
    record_machines,
    shared_laws,
    shared_races,
    snapshot_laws,
    stream_append_laws,
    stream_machine,
    stream_read_laws,
    subjects,
    trade_laws,
)
from pmstore.testing.answer_laws import Prepared
from pmstore.testing.clause import Clauses, Lawbook
from pmstore.testing.consumers_laws import ConsumedStream
from pmstore.testing.lifetime_laws import Verbs
from pmstore.testing.samples import entry, order, trade
from pmstore.testing.subjects import Subject

S = TypeVar("S", bound=Store)


def for_calls(contract: str, verbs: Verbs[S], prepared: Prepared[S]) -> list[Lawbook[S]]:
    """The laws that every contract has of its calls, beside its own."""
    return [
        answer_laws.answer_laws(contract, prepared),
        outage_laws.outage_laws(contract, verbs, prepared),
    ]


def for_records(
    subject: Subject[S], verbs: Verbs[S], record: Callable[[int], object] | None = None
) -> list[Lawbook[S]]:
    """The laws that every store of records has, beside its own; *record* if it is positioned."""
    books = [
        *for_calls(subject.contract, verbs, answer_laws.questions_of(subject)),
        shared_laws.shared_laws(subject),
        kill_laws.kill_laws(subject),
        outage_laws.lost_write_laws(subject),
    ]
    if record is not None:
        books.append(shared_races.shared_positions(subject, record))
        books.append(kill_laws.killed_positions(subject, record))
    return books


order_store_clauses: Final[Clauses[OrderStore]] = order_save_laws.book.clauses(
    order_find_laws.book,
    order_atomicity_laws.book,
    order_atomicity_laws.positioned,
    order_atomicity_laws.lifetime,
    record_machines.order_book,
    shared_races.order_book,
    *for_records(subjects.orders, order_atomicity_laws.verbs, record=order),
)
trade_store_clauses: Final[Clauses[TradeStore]] = trade_laws.book.clauses(
    trade_laws.positioned,
    trade_laws.lifetime,
    record_machines.trade_book,
    shared_races.trade_book,
    *for_records(subjects.trades, trade_laws.verbs, record=trade),
)
account_store_clauses: Final[Clauses[AccountStore]] = account_laws.book.clauses(
    account_laws.positioned,
    account_laws.lifetime,
    record_machines.account_book,
    *for_records(subjects.accounts, account_laws.verbs, record=subjects.numbered_balance),
)
ledger_store_clauses: Final[Clauses[LedgerStore]] = ledger_laws.book.clauses(
    ledger_laws.positioned,
    ledger_laws.lifetime,
    *for_records(subjects.entries, ledger_laws.verbs, record=entry),
)
event_store_clauses: Final[Clauses[EventStore]] = event_laws.book.clauses(
    event_laws.lifetime, record_machines.event_book, *for_records(subjects.events, event_laws.verbs)
)
snapshot_store_clauses: Final[Clauses[SnapshotStore]] = snapshot_laws.book.clauses(
    snapshot_laws.lifetime,
    shared_races.snapshot_book,
    *for_records(subjects.snapshots, snapshot_laws.verbs),
)
stream_clauses: Final[Clauses[Stream]] = stream_append_laws.book.clauses(
    stream_read_laws.book,
    stream_read_laws.lifetime,
    stream_machine.stream_book,
    shared_races.stream_book,
    outage_laws.stream_book,
    *for_records(subjects.stream, stream_read_laws.verbs),
)
lease_clauses: Final[Clauses[Lease]] = lease_laws.book.clauses(
    lease_laws.lifetime,
    shared_races.lease_book,
    *for_calls("lease", lease_laws.verbs, answer_laws.lease_questions),
)
consumers_clauses: Final[Clauses[ConsumedStream]] = consumers_laws.book.clauses(
    consumers_laws.lifetime,
    shared_races.consumers_book,
    *for_calls("consumers", consumers_laws.verbs, answer_laws.consumers_questions),
)
