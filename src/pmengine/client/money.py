"""The part of the client that moves money and shares."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from pmengine.client.accounts import Account, LedgerKind, LedgerLine, Position, PositionStatus
from pmengine.client.amounts import Amount, to_text
from pmengine.client.errors import Ids
from pmengine.client.orders import new_id
from pmengine.client.paging import PAGE_SIZE, Page, all_of
from pmengine.client.requests import Repeat, Request, said
from pmengine.client.transport import PREFIX, Transport


class Money:
    """
    Own money and shares, and deposits.

    Each movement has an *id*, which is made unless it is given; it is done once, however often
    it is sent. After `OutcomeUnknown` call again with its `id`. All answer the account.
    """

    _transport: Transport

    async def account(self) -> Account:
        """What the user holds."""
        return await self._transport.ask(
            Request(method="GET", path=f"{PREFIX}/account", answer=Account, repeat=Repeat.ASKS)
        )

    def positions(
        self,
        *,
        status: PositionStatus | None = None,
        event_id: int | None = None,
        market_id: int | None = None,
        limit: int | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Position]:
        """What is or was held of each token, with its profit, by event, market and token."""
        parameters = {"status": status, "event_id": event_id, "market_id": market_id}
        path = f"{PREFIX}/positions"
        return all_of(
            self._transport, path, Page[Position], parameters, limit=limit, page_size=page_size
        )

    def ledger(
        self,
        *,
        user_id: str | None = None,
        asset: str | None = None,
        kind: LedgerKind | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[LedgerLine]:
        """
        What moved own money and shares, newest first, from *start_ms* until before *end_ms*.

        That of another user with *user_id* (admin).
        """
        parameters = {"asset": asset, "kind": kind, "start_ms": start_ms, "end_ms": end_ms}
        path = f"{PREFIX}/ledger" if user_id is None else f"{PREFIX}/users/{user_id}/ledger"
        return all_of(
            self._transport, path, Page[LedgerLine], parameters, limit=limit, page_size=page_size
        )

    async def deposit(
        self, user_id: str, amount: Amount, *, id: str | None = None, shard: int | None = None
    ) -> Account:
        """Add money that came from outside to the account of *user_id* (admin)."""
        body = {"user_id": user_id, "amount": to_text(amount), "shard": shard}
        return await self._move("deposits", id, body)

    async def withdraw(
        self, amount: Amount, *, id: str | None = None, shard: int | None = None
    ) -> Account:
        """Take own money out; never more than is available."""
        return await self._move("withdrawals", id, {"amount": to_text(amount), "shard": shard})

    async def split(
        self, amount: Amount, *, event_id: int, market_id: int | None = None, id: str | None = None
    ) -> Account:
        """
        Turn own money into *amount* shares of both tokens of a market, 1 for a pair.

        Without *market_id*, of the first token of every market of an exclusive event.
        """
        body = {"event_id": event_id, "market_id": market_id, "amount": to_text(amount)}
        return await self._move("splits", id, body)

    async def merge(
        self, amount: Amount, *, event_id: int, market_id: int | None = None, id: str | None = None
    ) -> Account:
        """Turn such shares back into money."""
        body = {"event_id": event_id, "market_id": market_id, "amount": to_text(amount)}
        return await self._move("merges", id, body)

    async def convert(
        self, amount: Amount, *, event_id: int, market_ids: Sequence[int], id: str | None = None
    ) -> Account:
        """
        Turn shares of the second token of m markets of an exclusive event into m-1 of money
        each, and as many of the first token of its other markets.
        """
        body = {
            "event_id": event_id,
            "market_ids": list(market_ids),
            "amount": to_text(amount),
        }
        return await self._move("converts", id, body)

    async def _move(self, what: str, id: str | None, body: Mapping[str, Any]) -> Account:
        chosen = new_id() if id is None else id
        return await self._transport.ask(
            Request(
                method="POST",
                path=f"{PREFIX}/{what}",
                answer=Account,
                repeat=Repeat.SAME_ID,
                body=said({"id": chosen, **body}),
                ids=Ids(id=chosen),
            )
        )
