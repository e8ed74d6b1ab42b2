"""Windows of a browser, each with nothing kept of another, that see what they must not do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
from playwright.async_api import Browser, Locator, Page, expect

from tests.page.exchange_process import ExchangeProcess

SEEN_MS_MAX: Final = 60_000
TABS_MAX: Final = 80
MARKET: Final = "#/events/7/markets/1"

expect.set_options(timeout=SEEN_MS_MAX)


@attrs.define
class Window:
    """One window, at the page of *exchange*; `wrong` is what it did that it must not do."""

    exchange: ExchangeProcess
    page: Page
    wrong: list[str] = attrs.field(factory=list)
    refused: list[str] = attrs.field(factory=list)

    async def goto(self, place: str = MARKET) -> None:
        """Go to *place* of the page."""
        await self.page.goto(f"{self.exchange.url}/{place}")

    async def sign_in(self, key: str) -> None:
        """Sign in as the user whose key it is."""
        await self.page.get_by_role("button", name="Sign in").click()
        dialog = self.page.get_by_role("dialog")
        named = "API key" if self.exchange.auth == "keys" else "User name"
        await dialog.get_by_label(named).fill(key)
        await dialog.get_by_role("button", name="Sign in").click()
        await expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()

    async def fill_ticket(self, **fields: str) -> None:
        """Choose and fill what the order ticket asks for, by the names of its fields."""
        for name, value in fields.items():
            if name in ("Side", "Outcome", "Type"):
                group = self.ticket.get_by_role("group", name=name)
                await group.get_by_role("radio", name=value, exact=True).check()
            else:
                await self.ticket.get_by_label(name.replace("_", " "), exact=True).fill(value)

    async def told(self, name: str) -> str:
        """What the ticket says of an order before it is sent: its *name* costs or brings that."""
        row = self.ticket.get_by_role("group", name="What it costs and pays").locator("dl > div")
        shown = row.filter(has=self.page.locator("dt", has_text=name)).locator("dd")
        await expect(shown).to_be_visible()
        return await shown.inner_text()

    async def send(self) -> None:
        """Send the order of the ticket."""
        await self.ticket.locator("button[type=submit]").click()

    @property
    def ticket(self) -> Locator:
        """Where orders are placed."""
        return self.page.get_by_role("region", name="Place an order")

    @property
    def orders(self) -> Locator:
        """The rows of the own open orders."""
        return self.page.get_by_role("region", name="My open orders").locator("tbody tr")

    def level(self, token: str, words: str) -> Locator:
        """The row of *token*'s ladder that says *words*, such as `bid at 0.37`."""
        rows = self.page.get_by_test_id(f"ladder-{token}").locator("tbody tr")
        return rows.filter(has=self.page.get_by_role("button", name=words))

    def feed(self, words: str) -> Locator:
        """What is said of the market's feed, if it has *words* in it."""
        return self.page.get_by_test_id("feed-state").filter(has_text=words)

    async def tab_to(self, wanted: Locator) -> None:
        """Press the tab key until *wanted* has the focus, as one does who has no mouse."""
        await expect(wanted).to_be_visible()
        for _ in range(TABS_MAX):
            await self.page.keyboard.press("Tab")
            if await wanted.evaluate("one => one === document.activeElement"):
                return
        raise AssertionError(f"the tab key does not lead to {wanted}")


@asynccontextmanager
async def window(
    browser: Browser,
    exchange: ExchangeProcess,
    key: str = "",
    *,
    told: dict[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[Window]:
    """
    A window at the market, signed in with *key*; the page must have behaved at the end.

    Nothing but the exchange may be asked for anything, and nothing may be wrong with the page.
    What a server refused, or did not answer, is told by the browser too: that is in `refused`.

    Args:
        told: What the page is told of its exchange, instead of what this one would say.
        options: Of the window, such as `viewport`.
    """
    context = await browser.new_context(**options)
    page = await context.new_page()
    page.set_default_timeout(SEEN_MS_MAX)
    one = Window(exchange, page)
    own = urlsplit(exchange.url).netloc

    def asked(url: str) -> None:
        if urlsplit(url).scheme != "data" and urlsplit(url).netloc != own:
            one.wrong.append(f"asked for {url}")

    def said(kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            is_network = "Failed to load resource" in text or "WebSocket connection to" in text
            (one.refused if is_network else one.wrong).append(text)

    page.on("request", lambda request: asked(request.url))
    page.on("websocket", lambda socket: asked(socket.url))
    page.on("console", lambda message: said(message.type, message.text))
    page.on("pageerror", lambda error: one.wrong.append(str(error)))
    if told is not None:
        await page.route("**/page.json", lambda route: route.fulfill(json=told))
    try:
        await one.goto()
        if key:
            await one.sign_in(key)
        yield one
        assert one.wrong == []
    finally:
        await context.close()
