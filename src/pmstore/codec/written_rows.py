"""Orders and remembered outcomes as they are written, read when somebody asks what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import attrgetter, lt
from typing import Any, Final, Generic, SupportsIndex, TypeVar, overload

import msgspec

from pmstore.codec.changes_in import WireRemembered, to_remembered
from pmstore.codec.changes_out import remembered_text
from pmstore.codec.json_text import READ_ERRORS, corrupt, symbol_text, utf8
from pmstore.codec.orders import WireOrder, order_text, to_order, to_symbol
from pmstore.codec.row_pieces import NEXT_MEMORY, NEXT_ORDER, pieces
from pmstore.errors import CorruptData
from pmstore.models.changes import Remembered
from pmstore.models.order import Order

T = TypeVar("T")
ROWS_TOGETHER: Final = 500
"""So many are read at once: what is made of them fits a cache."""
# What every order and outcome that we write begins with, and what is found in no text of one,
# where a quote stands behind a backslash.
_ORDER_BEGINS: Final = b'{"id":"'
_SYMBOL: Final = b',"symbol":'
_AFTER_SYMBOL: Final = b'},"side":"'
_MEMORY_BEGINS: Final = b'{"user_id":"'
_CORRELATION: Final = b',"correlation_id":"'
_CORRELATION_SIZE: Final = len(_CORRELATION) + len(b'"}')


class AboutOrder(msgspec.Struct, gc=False):
    """What a fold asks of the row of an order."""

    id: str
    user_id: str
    order_num: int
    version: int = 0
    client_order_id: str | None = None


class AboutMemory(msgspec.Struct, gc=False):
    """What a fold asks of the row of an outcome."""

    user_id: str
    kind: str
    id: str
    outcome: str
    order_id: str


_number: Final[Callable[[Order], int]] = attrgetter("order_num")
_queue_place: Final[Callable[[Order], tuple[int, str]]] = attrgetter("order_num", "id")
_order: Final = msgspec.json.Decoder(WireOrder).decode
_orders_decoder: Final = msgspec.json.Decoder(list[WireOrder])
_memories_decoder: Final = msgspec.json.Decoder(list[WireRemembered])
_raw_decoder: Final = msgspec.json.Decoder(list[msgspec.Raw])
_abouts_orders: Final = msgspec.json.Decoder(list[AboutOrder])
_abouts_memories: Final = msgspec.json.Decoder(list[AboutMemory])
about_order: Final = msgspec.json.Decoder(AboutOrder).decode
"""What a fold asks of the row of an order; raises what msgspec does."""
about_memory: Final = msgspec.json.Decoder(AboutMemory).decode
"""What a fold asks of the row of an outcome; raises what msgspec does."""


class WrittenRows(Sequence[T], Generic[T]):
    """
    Rows as they are written: no model is made of them until somebody asks what they say.

    What was made is kept. Equal to every list of the same models.

    Args:
        rows: Each as we write it.
        arrays: JSON arrays of such rows, when they are not apart yet.
        where: Where they are from, for errors.

    Raises:
        CorruptData: From everything but `rows`: a row is not what its writer writes.

    Cost:
        Nothing at first; about a microsecond a row when they are asked for.
    """

    def __init__(
        self,
        rows: Sequence[bytes] = (),
        *,
        arrays: Sequence[msgspec.Raw] = (),
        where: str = "rows in memory",
    ) -> None:
        self._rows = rows
        self._arrays = arrays
        self._where = where
        self._models: list[T] | None = None

    def rows(self) -> Iterator[bytes]:
        """Each row as it is written, in the order in which they are kept."""
        yield from self._rows
        for piece in self._array_pieces():
            yield from rows_of(piece)

    def arrays(self) -> Iterator[bytes]:
        """The rows in JSON arrays, some hundreds in each, in the order in which they are kept."""
        rows = iter(self._rows)
        while some := list(islice(rows, ROWS_TOGETHER)):
            yield b"[%b]" % b",".join(some)
        yield from self._array_pieces()

    def _array_pieces(self) -> Iterator[bytes]:
        raise NotImplementedError

    def _read(self) -> list[T]:
        raise NotImplementedError

    def _all(self) -> list[T]:
        if self._models is None:
            try:
                self._models = self._read()
            except READ_ERRORS as error:
                raise self.corrupt(error) from error
        return self._models

    def corrupt(self, error: Exception) -> CorruptData:
        """The error that says that a row cannot be read, where, and why."""
        return corrupt(error, "a snapshot", self._where)

    def __iter__(self) -> Iterator[T]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> T: ...
    @overload
    def __getitem__(self, index: slice, /) -> list[T]: ...
    def __getitem__(self, index: Any, /) -> Any:
        return self._all()[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return self._all() == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        # In another process, or a copy, as what they say.
        return list, (self._all(),)


class WrittenOrders(WrittenRows[Order]):
    """Open orders; read, they are sorted by (`order_num`, `id`)."""

    def _array_pieces(self) -> Iterator[bytes]:
        for array in self._arrays:
            yield from pieces(array, NEXT_ORDER)

    def _read(self) -> list[Order]:
        orders: list[Order] = []
        for array in self.arrays():
            orders.extend(map(to_order, _orders_decoder.decode(array)))
        sort_by_place(orders)
        return orders


class WrittenMemories(WrittenRows[Remembered]):
    """Remembered outcomes, as they came."""

    def _array_pieces(self) -> Iterator[bytes]:
        for array in self._arrays:
            yield from pieces(array, NEXT_MEMORY)

    def _read(self) -> list[Remembered]:
        memories: list[Remembered] = []
        for array in self.arrays():
            memories.extend(map(to_remembered, _memories_decoder.decode(array)))
        return memories


def rows_of(array: bytes) -> Iterator[bytes]:
    """The rows of a JSON array."""
    return map(bytes, _raw_decoder.decode(array))


def rows_of_orders(orders: Sequence[Order]) -> Iterator[tuple[list[AboutOrder], Iterator[bytes]]]:
    """
    What a fold asks of *orders*, which are models or written, and their rows, some at a time.

    Raises:
        CorruptData: One of them cannot be read.
    """
    if not isinstance(orders, WrittenOrders):
        orders = WrittenOrders([utf8(order_text(order)) for order in orders])
    try:
        for array in orders.arrays():
            yield _abouts_orders.decode(array), rows_of(array)
    except READ_ERRORS as error:
        raise orders.corrupt(error) from error


def rows_of_memories(
    memories: Sequence[Remembered],
) -> Iterator[tuple[list[AboutMemory], Iterator[bytes]]]:
    """As `rows_of_orders`, of outcomes."""
    if not isinstance(memories, WrittenMemories):
        memories = WrittenMemories([utf8(remembered_text(memory)) for memory in memories])
    try:
        for array in memories.arrays():
            yield _abouts_memories.decode(array), rows_of(array)
    except READ_ERRORS as error:
        raise memories.corrupt(error) from error


def symbol_of(row: bytes) -> bytes:
    """The symbol of an order's row, as it is written."""
    start = row.find(_SYMBOL) + len(_SYMBOL)
    end = row.find(_AFTER_SYMBOL, start) + 1
    if start < len(_SYMBOL) or not end:  # another release wrote it
        return utf8(symbol_text(to_symbol(_order(row).symbol)))
    return row[start:end]


def order_row(written: bytes, wire: WireOrder) -> bytes:
    """The row of an order in a snapshot: *written*, from a log, which says *wire*."""
    return written if written.startswith(_ORDER_BEGINS) else utf8(order_text(to_order(wire)))


def memory_row(written: bytes, wire: WireRemembered) -> bytes:
    """The row of an outcome, as `order_row`: without what its answer alone needs."""
    if wire.correlation_id:
        end = len(written) - len(wire.correlation_id) - _CORRELATION_SIZE
        if written.startswith(_CORRELATION, end) and written.startswith(_MEMORY_BEGINS):
            return written[:end] + b"}"
    elif written.startswith(_MEMORY_BEGINS):
        return written
    memory = to_remembered(wire)
    memory.correlation_id = ""
    return utf8(remembered_text(memory))


def sort_by_place(orders: list[Order]) -> None:
    """Sort by (`order_num`, `id`): by the number alone, unless one is there twice."""
    numbers = sorted(map(_number, orders))
    are_unique = all(map(lt, numbers, islice(numbers, 1, None)))
    orders.sort(key=_number if are_unique else _queue_place)
