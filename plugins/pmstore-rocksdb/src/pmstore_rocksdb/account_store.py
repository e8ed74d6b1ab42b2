"""Accounts in RocksDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pmstore import (
    Applied,
    Balance,
    BalanceQuery,
    CorruptData,
    InvalidQuery,
    Page,
    Position,
    is_id,
)
from pmstore.codec import decode_balance, encode_balance
from pmstore.storage import (
    balance_place,
    check_balances,
    page_of,
    read_cursor,
    version_conflict,
)
from pmstore_rocksdb import positions
from pmstore_rocksdb.draft import Draft
from pmstore_rocksdb.keys import NUMBER_BYTES, number, plain, sought, text
from pmstore_rocksdb.residence import Residence
from pmstore_rocksdb.view import Reading

_FAMILY: Final = "balances"
_LISTS: Final = "balance_lists"
_SEPARATOR: Final = b"\x00"
"""Between user and asset: below every byte of an id, so that keys sort as pairs."""

_Key = tuple[str, str]


class RocksAccountStore(Residence):
    """
    Keeps the newest version of each balance in a RocksDB; a `Positioned` `AccountStore`.

    What was answered is on the disk.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, contract="accounts")

    async def save(self, balances: Sequence[Balance], /) -> None:
        """Keep the newest version of each balance; see `AccountStore.save`."""
        self.check_call(len(balances))
        given = _checked(balances)
        if given:
            await self.database.write(lambda draft: self._save(draft, given))

    async def get(self, keys: Sequence[_Key], /) -> dict[_Key, Balance]:
        """The balances of these (`user_id`, `asset`) pairs; see `AccountStore.get`."""
        self.check_call(len(keys))
        wanted = dict.fromkeys(keys)

        def question(view: Reading) -> dict[_Key, Balance]:
            found = {}
            for pair in wanted:
                value = view.get(_FAMILY, _key(*pair))
                if value is not None:
                    found[pair] = self._read(pair, value)
            return found

        return await self.database.read(question)

    async def find(self, query: BalanceQuery, /) -> Page[Balance]:
        """
        The balances that *query* asks for; see `AccountStore.find`.

        Cost:
            Grows with the page, whatever else is held.
        """
        self.check_call()
        return await self.database.read(lambda view: self._find(view, query))

    async def apply(
        self, changes: Sequence[Balance], /, *, source: str, position: Position
    ) -> Applied:
        """Save *changes* and move *source* to *position* in one step; see `Positioned`."""
        self.check_call(len(changes))
        given = _checked(changes)

        def change(draft: Draft) -> Applied:
            if positions.has_had(draft, _FAMILY, source, position):
                return Applied.DUPLICATE
            self._save(draft, given)
            positions.move(draft, _FAMILY, source, position)
            return Applied.APPLIED

        return await self.database.write(change)

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return await self.database.read(lambda view: positions.position_of(view, _FAMILY, source))

    def _save(self, draft: Draft, given: Sequence[tuple[Balance, bytes]]) -> None:
        """Raises before anything is changed."""
        fresh: list[tuple[Balance, bytes]] = []
        for balance, value in given:
            pair = (balance.user_id, balance.asset)
            known = draft.get(_FAMILY, _key(*pair))
            if known is None or value[:NUMBER_BYTES] > known[:NUMBER_BYTES]:
                fresh.append((balance, value))
            elif value[:NUMBER_BYTES] == known[:NUMBER_BYTES] and (
                balance != self._read(pair, known)
            ):
                what = f"the balance of {balance.user_id!r} in {balance.asset!r}"
                raise version_conflict(what, balance.version)
        for balance, value in fresh:
            key = _key(balance.user_id, balance.asset)
            draft.put(_FAMILY, key, value)
            draft.put(_LISTS, text(balance.asset) + key)

    def _find(self, view: Reading, query: BalanceQuery) -> Page[Balance]:
        found: list[Balance] = []
        for pair in _candidates(view, query):
            if query.user_id is not None and pair[0] != query.user_id:
                break
            if len(found) > query.limit:
                break
            value = view.get(_FAMILY, _key(*pair))
            if value is None:
                raise CorruptData(f"{pair} stands in a list alone", where=str(self._path))
            found.append(self._read(pair, value))
        return page_of(found, query.limit, balance_place)

    def _read(self, pair: _Key, value: bytes) -> Balance:
        where = f"{self._path}: balance of {pair[0]!r} in {pair[1]!r}"
        return decode_balance(value[NUMBER_BYTES:], where)


def _key(user_id: str, asset: str) -> bytes:
    return plain(user_id) + _SEPARATOR + plain(asset)


def _candidates(view: Reading, query: BalanceQuery) -> Iterator[_Key]:
    """Ascending pairs from the cursor on, beginning at the user asked for."""
    after = b""
    if query.user_id is not None:
        if not is_id(query.user_id):
            return
        after = plain(query.user_id) + _SEPARATOR
    if query.after is not None:
        user_id, asset = map(str, read_cursor(query.after, str, str))
        if not (is_id(user_id) and is_id(asset)):
            raise InvalidQuery(f"{query.after!r} is not a cursor of this store")
        after = max(after, _key(user_id, asset))
    if query.asset is None:
        keys = view.ascending(_FAMILY, b"", after)
    else:
        asset_part = sought(query.asset)
        keys = iter(()) if asset_part is None else view.ascending(_LISTS, asset_part, after)
    for key in keys:
        user, _, asset_bytes = key.partition(_SEPARATOR)
        yield user.decode(), asset_bytes.decode()


def _checked(balances: Sequence[Balance]) -> list[tuple[Balance, bytes]]:
    """
    Each balance with its value.

    Raises:
        InvalidRecord: A value that no store may hold, or a row twice.
    """
    check_balances(balances)
    return [(one, number(one.version) + encode_balance(one)) for one in balances]
