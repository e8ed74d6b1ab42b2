"""Accounts in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pmstore.backends.memory.channel import MemoryChannel
from pmstore.backends.memory.ordered_keys import OrderedKeys
from pmstore.backends.memory.outbox import MemoryOutbox
from pmstore.backends.memory.sources import Sources
from pmstore.models.balance import Balance
from pmstore.models.position import Position
from pmstore.models.query import BalanceQuery, Page
from pmstore.protocols.positioned import Applied
from pmstore.storage.batches import check_balances, version_conflict
from pmstore.storage.copies import copy_balance
from pmstore.storage.cursor import read_cursor
from pmstore.storage.lifetime import Lifetime
from pmstore.storage.pages import balance_place, page_of

_Key = tuple[str, str]


class MemoryAccountStore(Lifetime):
    """
    Keeps the newest version of each balance in this process; an `AccountStore`.

    Hands out copies and keeps copies; every verb is one step of the event loop. `apply` and
    `position` make it `Positioned` over balances, the outbox and its verbs `Noted`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._balances: dict[_Key, Balance] = {}
        self._all: OrderedKeys[_Key] = OrderedKeys()
        self._by_asset: dict[str, OrderedKeys[_Key]] = {}
        self._sources = Sources()
        self.outbox: MemoryOutbox[_Key] = MemoryOutbox()
        """Notes for the caches in front of this store."""
        self.channel = MemoryChannel()
        """Carries messages between the stacks that share this store."""

    async def save(self, balances: Sequence[Balance], /) -> None:
        """Keep the newest version of each balance; see `AccountStore.save`."""
        self.check_call(len(balances))
        self._put(self._validated(balances))

    async def save_noted(self, balances: Sequence[Balance], /) -> frozenset[_Key]:
        """As `save`; answers which keys hold what was sent, see `Noted.save_noted`."""
        await self.save(balances)
        return frozenset(
            key
            for balance in balances
            if self._balances[key := (balance.user_id, balance.asset)].version == balance.version
        )

    async def load(self, keys: Sequence[_Key], /) -> dict[_Key, Balance]:
        """The balances of these keys, see `Noted.load`."""
        return await self.get(keys)

    async def get(self, keys: Sequence[tuple[str, str]], /) -> dict[tuple[str, str], Balance]:
        """The balances of these (`user_id`, `asset`) pairs; see `AccountStore.get`."""
        self.check_call(len(keys))
        balances = self._balances
        return {key: copy_balance(balances[key]) for key in keys if key in balances}

    async def find(self, query: BalanceQuery, /) -> Page[Balance]:
        """
        The balances that *query* asks for; see `AccountStore.find`.

        Cost:
            Grows with the page, whatever else is held.
        """
        self.check_call()
        found: list[Balance] = []
        for key in self._candidates(query):
            if query.user_id is not None and key[0] != query.user_id:
                break
            found.append(copy_balance(self._balances[key]))
            if len(found) > query.limit:
                break
        return page_of(found, query.limit, balance_place)

    async def apply(
        self, changes: Sequence[Balance], /, *, source: str, position: Position
    ) -> Applied:
        """Save *changes* and move *source* to *position* in one step; see `Positioned`."""
        self.check_call(len(changes))
        if self._sources.has_had(source, position):
            return Applied.DUPLICATE
        self._put(self._validated(changes))
        self._sources.move(source, position)
        return Applied.APPLIED

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return self._sources.position(source)

    def _validated(self, balances: Sequence[Balance]) -> list[Balance]:
        """Those of *balances* that change something; raises before anything is changed."""
        check_balances(balances)
        fresh: list[Balance] = []
        for balance in balances:
            known = self._balances.get((balance.user_id, balance.asset))
            if known is None or balance.version > known.version:
                fresh.append(balance)
            elif balance.version == known.version and balance != known:
                what = f"the balance of {balance.user_id!r} in {balance.asset!r}"
                raise version_conflict(what, balance.version)
        return fresh

    def _put(self, balances: list[Balance]) -> None:
        for balance in balances:
            key = (balance.user_id, balance.asset)
            if key not in self._balances:
                self._all.add(key)
                self._by_asset.setdefault(balance.asset, OrderedKeys()).add(key)
            self._balances[key] = copy_balance(balance)
            self.outbox.write([(key, balance.version)])

    def _candidates(self, query: BalanceQuery) -> Iterator[_Key]:
        """Ascending keys from the cursor on, beginning at the user asked for."""
        after: _Key | None = None
        if query.user_id is not None:
            after = (query.user_id, "")
        if query.after is not None:
            user_id, asset = read_cursor(query.after, str, str)
            at = (str(user_id), str(asset))
            after = at if after is None else max(at, after)
        if query.asset is None:
            return self._all.above(after)
        keys = self._by_asset.get(query.asset)
        return iter(()) if keys is None else keys.above(after)
