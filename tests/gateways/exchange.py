"""A whole exchange with its gateway on a free port of this machine, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx

from pmengine.assembly import open_exchange
from pmengine.exchange import Exchange
from pmengine.gateways.http import Venue, create_app, serving
from pmengine.ids import new_id
from pmengine.settings import Settings
from pmstore.clock import system_clock
from pmstore.settings import read_settings

EVENT = {
    "event_id": 1,
    "markets": {"1": {"token_ids": ["y1", "n1"]}, "2": {"token_ids": ["y2", "n2"]}},
}


@attrs.define
class Running:
    """An exchange that serves, a client of it, and everybody's words for orders."""

    exchange: Exchange
    url: str
    client: httpx.AsyncClient

    def digest(self) -> str:
        """The engine's state as one text."""
        return self.exchange.engine.engine.state_digest()

    async def ask(
        self, method: str, path: str, *, user: str | None = "u1", **options: Any
    ) -> httpx.Response:
        """One request under the API's prefix."""
        headers = dict(options.pop("headers", {}))
        if user is not None:
            headers["X-User-Id"] = user
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **options)

    async def done(self, method: str, path: str, **options: Any) -> Any:
        """The body of a request that must be done."""
        response = await self.ask(method, path, **options)
        assert response.status_code in (200, 201), response.text
        return response.json()

    async def refused(self, status: int, code: str, method: str, path: str, **options: Any) -> Any:
        """The problem of a request that must not be done."""
        response = await self.ask(method, path, **options)
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json"
        assert (response.status_code, problem["code"]) == (status, code), response.text
        assert problem["status"] == status
        assert problem["detail"]
        return problem

    async def open_market(self) -> None:
        """Event 1 with markets 1 and 2; u1 and u2 have money and pairs of market 1."""
        await self.done("POST", "/events", json=EVENT)
        for user in ("u1", "u2"):
            body = {"id": f"d-{user}", "user_id": user, "amount": "10000"}
            await self.done("POST", "/deposits", json=body)
            pairs = {"id": f"s-{user}", "event_id": 1, "market_id": 1, "amount": "1000"}
            await self.done("POST", "/splits", user=user, json=pairs)


def order(**fields: Any) -> dict[str, Any]:
    """A limit order to buy one y1 at 0.5, but for *fields*; None leaves one out."""
    body: dict[str, Any] = {
        "event_id": 1,
        "market_id": 1,
        "token_id": "y1",
        "side": "buy",
        "type": "limit",
        "price": "0.5",
        "quantity": "1",
        **fields,
    }
    return {name: value for name, value in body.items() if value is not None}


def settings(folder: Path, **more: str) -> Settings:
    """An exchange whose files are in *folder*; *more* settings by their names."""
    return read_settings(
        Settings,
        environ={
            "PMSTORE_STREAMS_URL": f"file:{folder}/streams",
            "PMSTORE_SNAPSHOTS_URL": f"file:{folder}/snapshots",
            "PMSTORE_ORDERS_URL": "memory://",
            "PMSTORE_TRADES_URL": "memory://",
            **more,
        },
    )


def venue_of(exchange: Exchange, **options: Any) -> Venue:
    """What a gateway needs of *exchange*, also beside another one."""
    options.setdefault("elsewhere_number", lambda: exchange.front.number)
    return Venue(
        front=exchange.front,
        history=exchange.history,
        depth=exchange.depth,
        events=exchange.events,
        users=[exchange.users],
        clock=system_clock,
        new_id=new_id,
        readiness=exchange.readiness,
        numbers=exchange.engine.numbers,
        heads=exchange.heads,
        recovered_number=exchange.recovered.place.number,
        **options,
    )


@asynccontextmanager
async def running_exchange(
    folder: Path, *, told: Mapping[str, str] | None = None, **options: Any
) -> AsyncIterator[Running]:
    """An exchange over *folder* that serves; *told* are further settings."""
    async with (
        open_exchange(settings(folder, **(told or {}))) as exchange,
        serving(create_app(venue_of(exchange, **options)), "127.0.0.1", 0) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
    ):
        yield Running(exchange, url, client)
