"""The client of an exchange: its whole API, and its feeds."""

from __future__ import annotations

import ssl
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pmengine.client.administration import Administration
from pmengine.client.book import Book
from pmengine.client.credentials import Credentials
from pmengine.client.depth_feed import DepthFeed
from pmengine.client.exchange import Exchange
from pmengine.client.mine import Mine
from pmengine.client.money import Money
from pmengine.client.reconnecting import socket_url
from pmengine.client.trading import Trading
from pmengine.client.transport import Transport

CHANGES_MAX: Final = 10_000


class Client(Trading, Money, Exchange, Administration):
    """
    Speaks to an exchange as one user.

        async with Client("http://127.0.0.1:8080", user_id="u1") as client:
            order = NewOrder(event_id=1, market_id=1, token_id="y1", side="buy",
                             price="0.5", quantity="10")
            placed = await client.place(order)

    Prices, quantities and money are `Decimal`s; floats are refused. A call may be made from
    any number of tasks of one loop. Every call ends by its deadline, and says what is known.

    Args:
        url: `http://host:port` or `https://…`, without `/api/v1`.
        user_id: Who asks, of an exchange with AUTH=off.
        token: A JWT, instead.
        api_key: An API key, instead.
        deadline_s: How long a call may take, with all its repetitions.
        attempt_s: How long it waits for one answer before it asks again.
        silence_s_max: A feed whose server did not answer a ping for so long is stale, and is
            connected to again.
        ca_file: With `https://`, the certificates (PEM) of who vouches for the exchange's own;
            nobody else is believed. None believes whom the machine does.

    Raises:
        ValueError: *url* is none; of the three ways to say who asks there are several, or one
            that cannot be right.
        OSError: *ca_file* cannot be read, or holds no certificate.
    """

    def __init__(
        self,
        url: str,
        *,
        user_id: str | None = None,
        token: str | None = None,
        api_key: str | None = None,
        deadline_s: float = 30.0,
        attempt_s: float = 10.0,
        silence_s_max: float = 10.0,
        ca_file: Path | str | None = None,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"the url is {url!r}; it begins with http:// or https://")
        credentials = Credentials(user_id=user_id, token=token, api_key=api_key)
        trust = None if ca_file is None else ssl.create_default_context(cafile=ca_file)
        self._transport = Transport(
            url, credentials, deadline_s=deadline_s, attempt_s=attempt_s, trust=trust
        )
        self._url = url
        self._credentials = credentials
        self._silence_s_max = silence_s_max
        self._trust = trust
        self._depth_feed = DepthFeed(
            socket_url(url, "/depth"), silence_s_max=silence_s_max, trust=trust
        )

    async def __aenter__(self) -> Self:
        await self._transport.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._depth_feed.close()
        await self._transport.close()

    def book(self, event_id: int, market_id: int, *, changes_max: int = CHANGES_MAX) -> Book:
        """
        The book of a market, to be entered; many of them share one connection.

        Args:
            changes_max: Changes that wait to be taken; beyond it they are let go.
        """
        return Book(
            self._depth_feed,
            (event_id, market_id),
            lambda limit: self.trades(event_id=event_id, market_id=market_id, limit=limit),
            changes_max=changes_max,
            deadline_s=self._transport.deadline_s,
        )

    def mine(self, *, changes_max: int = CHANGES_MAX) -> Mine:
        """The own open orders and balances, to be entered; a connection of its own."""
        return Mine(
            socket_url(self._url, "/user"),
            self._credentials,
            changes_max=changes_max,
            deadline_s=self._transport.deadline_s,
            silence_s_max=self._silence_s_max,
            trust=self._trust,
        )
