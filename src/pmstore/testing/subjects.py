"""Each contract as a store of numbered records, for the laws that all contracts share."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import attrs

from pmstore.models.balance import Balance
from pmstore.models.position import START
from pmstore.models.query import BalanceQuery, EventQuery, JournalQuery, OrderQuery, TradeQuery
from pmstore.protocols.account_store import AccountStore
from pmstore.protocols.event_store import EventStore
from pmstore.protocols.ledger_store import LedgerStore
from pmstore.protocols.order_store import OrderStore
from pmstore.protocols.snapshot_store import SnapshotStore
from pmstore.protocols.store import Store
from pmstore.protocols.stream import Stream
from pmstore.protocols.trade_store import TradeStore
from pmstore.testing.samples import START_MS, balance, entry, event, order, snapshot, trade

S = TypeVar("S", bound=Store)

_ALL: Final = 1000


@attrs.frozen
class Question(Generic[S]):
    """A call whose right answer is known."""

    what: str
    ask: Callable[[S], Awaitable[object]]
    wanted: object


@attrs.frozen(kw_only=True)
class Subject(Generic[S]):
    """
    A store of records with the numbers 0 to 999.

    Attributes:
        contract: Its name.
        write: Writes new records, all in one call.
        held: The numbers of all records held, ascending; each as often as it is there.
        questions: Calls about these records, which are all that is held, and their answers.
        batch_max: Records that one call writes at most.
        save: For a store of versions: saves (number, version) pairs with a mark in all of
            them, in one call.
        marks: For a store of versions: number -> (version, mark) of all that is held.
    """

    contract: str
    write: Callable[[S, Sequence[int]], Awaitable[object]]
    held: Callable[[S], Awaitable[list[int]]]
    questions: Callable[[S, Sequence[int]], Awaitable[list[Question[S]]]]
    batch_max: int = 100
    save: Callable[[S, Sequence[tuple[int, int]], int], Awaitable[None]] | None = None
    marks: Callable[[S], Awaitable[dict[int, tuple[int, int]]]] | None = None


async def _orders_held(store: OrderStore) -> list[int]:
    return [one.order_num for one in (await store.find(OrderQuery(limit=_ALL))).items]


async def _order_questions(store: OrderStore, numbers: Sequence[int]) -> list[Question[OrderStore]]:
    found: list[Question[OrderStore]] = []
    for n in numbers:
        id = f"order_{n}"
        found.append(Question(f"get of {id}", lambda s, id=id: s.get([id]), {id: order(n)}))  # type: ignore[misc]
        query = OrderQuery(start_ms=START_MS + n, end_ms=START_MS + n + 1)
        found.append(Question(f"find of {id}", lambda s, q=query: _items(s.find(q)), [order(n)]))  # type: ignore[misc]
    return found


async def _items(call: Awaitable[Any]) -> list[Any]:
    return list((await call).items)


async def _order_marks(store: OrderStore) -> dict[int, tuple[int, int]]:
    found = (await store.find(OrderQuery(limit=_ALL))).items
    return {one.order_num: (one.version, one.price) for one in found}


orders: Final[Subject[OrderStore]] = Subject(
    contract="order_store",
    write=lambda store, numbers: store.save([order(n) for n in numbers]),
    held=_orders_held,
    questions=_order_questions,
    save=lambda store, pairs, mark: store.save(
        [order(n, version=version, price=mark) for n, version in pairs]
    ),
    marks=_order_marks,
)


async def _trades_held(store: TradeStore) -> list[int]:
    return sorted(one.trade_id for one in (await store.find(TradeQuery(limit=_ALL))).items)


async def _trade_questions(store: TradeStore, numbers: Sequence[int]) -> list[Question[TradeStore]]:
    found: list[Question[TradeStore]] = []
    for n in numbers:
        query = TradeQuery(start_ms=START_MS + n, end_ms=START_MS + n + 1)
        found.append(Question(f"find of {n}", lambda s, q=query: _items(s.find(q)), [trade(n)]))  # type: ignore[misc]
    return found


trades: Final[Subject[TradeStore]] = Subject(
    contract="trade_store",
    write=lambda store, numbers: store.append([trade(n) for n in numbers]),
    held=_trades_held,
    questions=_trade_questions,
)


def _user(number: int) -> str:
    return f"user_{number:03}"


def numbered_balance(number: int) -> Balance:
    """The row of a number."""
    return balance(_user(number), "cash")


async def _balances(store: AccountStore) -> list[Any]:
    return await _items(store.find(BalanceQuery(limit=_ALL)))


async def _accounts_held(store: AccountStore) -> list[int]:
    return [int(one.user_id[-3:]) for one in await _balances(store)]


async def _account_questions(
    store: AccountStore, numbers: Sequence[int]
) -> list[Question[AccountStore]]:
    found: list[Question[AccountStore]] = []
    for n in numbers:
        key, wanted = (_user(n), "cash"), numbered_balance(n)
        found.append(Question(f"get of {n}", lambda s, k=key: s.get([k]), {key: wanted}))  # type: ignore[misc]
        query = BalanceQuery(user_id=_user(n))
        found.append(Question(f"find of {n}", lambda s, q=query: _items(s.find(q)), [wanted]))  # type: ignore[misc]
    return found


async def _account_marks(store: AccountStore) -> dict[int, tuple[int, int]]:
    return {int(one.user_id[-3:]): (one.version, one.available) for one in await _balances(store)}


accounts: Final[Subject[AccountStore]] = Subject(
    contract="account_store",
    write=lambda store, numbers: store.save([numbered_balance(n) for n in numbers]),
    held=_accounts_held,
    questions=_account_questions,
    save=lambda store, pairs, mark: store.save(
        [balance(_user(n), "cash", version, mark) for n, version in pairs]
    ),
    marks=_account_marks,
)


async def _entries_held(store: LedgerStore) -> list[int]:
    query = JournalQuery(source="log", limit=_ALL)
    return [one.number for one in await _items(store.journal(query))]


async def _entry_questions(
    store: LedgerStore, numbers: Sequence[int]
) -> list[Question[LedgerStore]]:
    found: list[Question[LedgerStore]] = []
    for n in numbers:
        query = JournalQuery(source="log", from_number=n, limit=1)
        found.append(Question(f"line {n}", lambda s, q=query: _items(s.journal(q)), [entry(n)]))  # type: ignore[misc]
    return found


entries: Final[Subject[LedgerStore]] = Subject(
    contract="ledger_store",
    write=lambda store, numbers: store.append([entry(n) for n in numbers]),
    held=_entries_held,
    questions=_entry_questions,
)


async def _events_held(store: EventStore) -> list[int]:
    return [one.event_id for one in await _items(store.find(EventQuery(limit=_ALL)))]


async def _event_questions(store: EventStore, numbers: Sequence[int]) -> list[Question[EventStore]]:
    found: list[Question[EventStore]] = []
    for n in numbers:
        found.append(Question(f"get of {n}", lambda s, n=n: s.get([n]), {n: event(n)}))  # type: ignore[misc]
        query = EventQuery(ids=[n])
        found.append(Question(f"find of {n}", lambda s, q=query: _items(s.find(q)), [event(n)]))  # type: ignore[misc]
    return found


async def _event_marks(store: EventStore) -> dict[int, tuple[int, int]]:
    # An event does not carry its version: it stands in its date, above the mark.
    return {
        one.event_id: divmod(one.end_date_ms or 0, 1000)
        for one in await _items(store.find(EventQuery(limit=_ALL)))
    }


events: Final[Subject[EventStore]] = Subject(
    contract="event_store",
    write=lambda store, numbers: store.save([(event(n), 1) for n in numbers]),
    held=_events_held,
    questions=_event_questions,
    save=lambda store, pairs, mark: store.save(
        [(event(n, end_date_ms=1000 * version + mark), version) for n, version in pairs]
    ),
    marks=_event_marks,
)


async def _snapshots_held(store: SnapshotStore) -> list[int]:
    return sorted(info.number for info in await store.list())


async def _save_snapshots(store: SnapshotStore, numbers: Sequence[int]) -> None:
    (number,) = numbers
    await store.save(snapshot(number))


async def _snapshot_questions(
    store: SnapshotStore, numbers: Sequence[int]
) -> list[Question[SnapshotStore]]:
    return [
        Question(f"get of {info.name}", lambda s, name=info.name: _number(s, name), info.number)  # type: ignore[misc]
        for info in await store.list()
    ]


async def _number(store: SnapshotStore, name: str) -> int | None:
    found = await store.get(name)
    return None if found is None else found.number


snapshots: Final[Subject[SnapshotStore]] = Subject(
    contract="snapshot_store",
    write=_save_snapshots,
    held=_snapshots_held,
    questions=_snapshot_questions,
    batch_max=1,
)


async def _stream_held(store: Stream) -> list[int]:
    return sorted(int(entry.payload) for entry in await store.read(START, 10_000))


async def _stream_questions(store: Stream, numbers: Sequence[int]) -> list[Question[Stream]]:
    entries = await store.read(START, 10_000)
    return [
        Question(f"read of {entry}", lambda s, at=at.id: s.read(at, 1), [entry])  # type: ignore[misc]
        for at, entry in itertools.pairwise(entries)
    ]


stream: Final[Subject[Stream]] = Subject(
    contract="stream",
    write=lambda store, numbers: store.append([b"%d" % n for n in numbers]),
    held=_stream_held,
    questions=_stream_questions,
)


async def write_each(subject: Subject[S], store: S, numbers: Sequence[int]) -> None:
    """Write *numbers* in as few calls as the contract allows, at the same time."""
    size = subject.batch_max
    await asyncio.gather(
        *(subject.write(store, numbers[at : at + size]) for at in range(0, len(numbers), size))
    )
