"""A whole exchange with AUTH on, and what its callers show."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from websockets.asyncio.client import ClientConnection

from pmengine.assembly import open_exchange
from pmengine.exchange import Exchange
from pmengine.gateways.auth import Scope
from pmengine.gateways.http import create_app, serving
from pmengine.processes.entrance import open_entrance
from pmengine.processes.key_desk import create_key
from pmengine.settings import Settings
from tests.gateways.exchange import EVENT, settings, venue_of

HEARD_S_MAX = 60.0
ISSUER = "https://issuer.test"
AUDIENCE = "exchange"
ALL = tuple(Scope)


@attrs.define
class Issuer:
    """Who signs tokens: with its private key (ES256)."""

    private: ec.EllipticCurvePrivateKey = attrs.field(
        factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def public_pem(self) -> bytes:
        """What a gateway is given."""
        return self.private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )

    def private_pem(self) -> bytes:
        """What nobody is given."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def token(self, user: str, scopes: Sequence[str] = ALL, **claims: Any) -> str:
        """A good token, but for *claims*; None leaves one out."""
        return jwt.encode(told(user, scopes, **claims), self.private, algorithm="ES256")


def told(user: str, scopes: Sequence[str] = ALL, **claims: Any) -> dict[str, Any]:
    """The claims of a good token, but for *claims*."""
    now = int(time.time())
    good = {
        "sub": user,
        "scope": " ".join(scopes),
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        **claims,
    }
    return {name: value for name, value in good.items() if value is not None}


def bearer(token: str) -> dict[str, str]:
    """The header that shows *token*."""
    return {"Authorization": f"Bearer {token}"}


@attrs.define
class Guarded:
    """An exchange that asks who asks, and a client that shows nothing by itself."""

    exchange: Exchange
    settings: Settings
    url: str
    client: httpx.AsyncClient
    issuer: Issuer

    async def ask(
        self, method: str, path: str, shown: Mapping[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        """One request under the API's prefix, with the headers *shown*."""
        return await self.client.request(method, f"/api/v1{path}", headers=shown, **options)

    async def as_user(
        self, user: str, method: str, path: str, *, scopes: Sequence[str] = ALL, **options: Any
    ) -> httpx.Response:
        """The same with a good token of *user*."""
        return await self.ask(method, path, bearer(self.issuer.token(user, scopes)), **options)

    async def key(self, user: str, *scopes: Scope) -> tuple[str, str]:
        """A new API key of *user*: its id and its text."""
        key, text = await create_key(self.settings, user, scopes or ALL)
        return key.id, text

    async def open_market(self, *users: str) -> None:
        """Event 1, and money for *users*."""
        response = await self.as_user("admin", "POST", "/events", json=EVENT)
        assert response.status_code in (200, 201), response.text
        for user in users:
            body = {"id": f"d-{user}", "user_id": user, "amount": "1000"}
            response = await self.as_user("admin", "POST", "/deposits", json=body)
            assert response.status_code == 200, response.text


@asynccontextmanager
async def guarded_exchange(folder: Path, **told: str) -> AsyncIterator[Guarded]:
    """An exchange over *folder* with AUTH=jwt,keys; *told* are further settings."""
    issuer = Issuer()
    pem = folder / "public.pem"
    pem.write_bytes(issuer.public_pem())
    chosen = settings(
        folder,
        **{
            "AUTH": "jwt,keys",
            "JWT_PUBLIC_KEY": str(pem),
            "JWT_ISSUER": ISSUER,
            "JWT_AUDIENCE": AUDIENCE,
            "JWT_LEEWAY_SECONDS": "0",
            **told,
        },
    )
    async with (
        open_entrance(chosen) as entrance,
        open_exchange(chosen) as exchange,
        serving(
            create_app(
                venue_of(
                    exchange,
                    door=entrance.door,
                    limits=entrance.limits,
                    answer_timeout_s=HEARD_S_MAX,
                )
            ),
            "127.0.0.1",
            0,
        ) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client,
    ):
        yield Guarded(exchange, chosen, url, client, issuer)


def problem(response: httpx.Response) -> tuple[int, str]:
    """Status and code of an answer that is a problem."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["code"]


def user_feed(guarded: Guarded) -> str:
    """Where its user feed is."""
    return guarded.url.replace("http", "ws") + "/user"


async def until_closed(socket: ClientConnection) -> None:
    """Read until the other side closes, which raises."""
    async with asyncio.timeout(HEARD_S_MAX):
        while True:
            await socket.recv()


async def becomes(guarded: Guarded, shown: Mapping[str, str], status: int) -> None:
    """Wait until the account is answered with *status*, as keys are heard of."""
    async with asyncio.timeout(HEARD_S_MAX):
        while (await guarded.ask("GET", "/account", shown)).status_code != status:
            await asyncio.sleep(0.02)
