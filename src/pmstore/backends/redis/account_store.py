"""Accounts in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pmstore.backends.redis.channel import RedisChannel
from pmstore.backends.redis.config import RedisConfig
from pmstore.backends.redis.order_store import BATCH_MAX
from pmstore.backends.redis.outbox import RedisOutbox
from pmstore.backends.redis.place import RedisPlace
from pmstore.backends.redis.records import (
    Kind,
    Records,
    Row,
    header,
    held_of,
)
from pmstore.clock import Clock, system_clock
from pmstore.codec import decode_balance, encode_balance
from pmstore.models.balance import Balance
from pmstore.models.position import Position
from pmstore.models.query import BalanceQuery, Page
from pmstore.protocols.positioned import Applied
from pmstore.protocols.store import Limits
from pmstore.storage.batches import check_balances
from pmstore.storage.cursor import read_cursor
from pmstore.storage.pages import balance_place, page_of

BETWEEN: Final = "\x1f"
"""Stands between user and asset: below every letter of an id, and in none."""
_BEHIND: Final = "\x20"
"""The letter after it: begins what lies behind all assets of a user."""


def account_id(user_id: str, asset: str) -> str:
    """The id of a row, which sorts by user, then by asset."""
    return user_id + BETWEEN + asset


def account_key(id: str) -> tuple[str, str]:
    """The user and asset of a row's id."""
    user_id, _, asset = id.partition(BETWEEN)
    return user_id, asset


def _what(id: str) -> str:
    user_id, asset = account_key(id)
    return f"the balance of {user_id!r} in {asset!r}"


ACCOUNTS: Final = Kind(name="accounts", record="account:", what=_what)


class RedisAccountStore(RedisPlace):
    """
    Keeps the newest version of each balance in Redis; an `AccountStore`, `Positioned` and
    `Noted`.

    A row is its JSON at `account:{user}` + unit separator (0x1F) + `{asset}`.

    Args:
        config: Where.
        clock: The time now in epoch milliseconds.
    """

    def __init__(
        self,
        config: RedisConfig,
        *,
        clock: Clock = system_clock,
    ) -> None:
        super().__init__(config, limits=Limits(batch_size_max=BATCH_MAX))
        self._records = Records(ACCOUNTS, self, clock=clock)
        self.outbox: RedisOutbox[tuple[str, str]] = RedisOutbox(self, ACCOUNTS.name, account_key)
        """Notes of what changed here."""
        self.channel = RedisChannel(self, f"{ACCOUNTS.name}:channel")
        """Messages to everybody who opened this place."""

    async def save(self, balances: Sequence[Balance], /) -> None:
        """Keep the newest version of each balance; see `AccountStore.save`."""
        await self.save_noted(balances)

    async def save_noted(self, balances: Sequence[Balance], /) -> frozenset[tuple[str, str]]:
        """As `save`; answers which keys hold what was sent, see `Noted.save_noted`."""
        self.check_call(len(balances))
        held = await self._records.save(_rows(balances))
        return held_of([(balance.user_id, balance.asset) for balance in balances], held)

    async def load(self, keys: Sequence[tuple[str, str]], /) -> dict[tuple[str, str], Balance]:
        """As `get`; see `Noted.load`."""
        return await self.get(keys)

    async def get(self, keys: Sequence[tuple[str, str]], /) -> dict[tuple[str, str], Balance]:
        """The balances of these (`user_id`, `asset`) pairs; see `AccountStore.get`."""
        self.check_call(len(keys))
        ids = [account_id(*key) for key in keys]
        documents = await self._records.get(ids)
        return {
            key: decode_balance(document, self._records.key(id))
            for key, id, document in zip(keys, ids, documents, strict=True)
            if document is not None
        }

    async def find(self, query: BalanceQuery, /) -> Page[Balance]:
        """
        The balances that *query* asks for; see `AccountStore.find`.

        Cost:
            One round trip; grows with the page, whatever else is held.
        """
        self.check_call()
        user_id, asset = query.user_id, query.asset
        begin, end = "-", "+"
        if user_id is not None:
            begin, end = f"[{user_id}{BETWEEN}", f"({user_id}{_BEHIND}"
        if user_id is not None and asset is not None:
            begin = end = f"[{account_id(user_id, asset)}"
        if query.after is not None:
            after_user, after_asset = read_cursor(query.after, str, str)
            after = f"({account_id(str(after_user), str(after_asset))}"
            begin = after if begin == "-" or begin[1:] <= after[1:] else begin
        documents = await self._records.find(
            query.limit + 1,
            indexes=() if asset is None else (f"asset_accounts:{asset}",),
            begin=begin,
            end=end,
        )
        found = [decode_balance(document, key) for key, document in documents]
        return page_of(found, query.limit, balance_place)

    async def apply(
        self, changes: Sequence[Balance], /, *, source: str, position: Position
    ) -> Applied:
        """Save *changes* and move *source* to *position* in one step; see `Positioned`."""
        self.check_call(len(changes))
        return await self._records.apply(_rows(changes), source=source, position=position)

    async def position(self, source: str, /) -> Position | None:
        """How far *source* was consumed, None if never."""
        self.check_call()
        return await self._records.position(source)


def _rows(balances: Sequence[Balance]) -> list[Row]:
    """The balances as they are stored; raises before anything is sent."""
    check_balances(balances)
    return [_row(balance) for balance in balances]


def _row(balance: Balance) -> Row:
    id = account_id(balance.user_id, balance.asset)
    head = header(balance.version, 0, "Held", id, f"asset_accounts:{balance.asset}\n")
    return Row(id, head, encode_balance(balance))
