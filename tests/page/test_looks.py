"""The page is quick and small, for everybody and every window, and asks nobody else anything."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from pmengine.gateways.auth import Scope
from tests.page.chromium import leave_out
from tests.page.exchange_process import Asking, ExchangeProcess
from tests.page.past import set_stage_in_the_past
from tests.page.stage import Stage, set_stage
from tests.page.windows import MARKET, Window, window

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.crash]

BYTES_MAX: Final = 300_000
AXE: Final = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES: Final = os.environ.get("PM_SCREENSHOTS", "")
"""The folder that pictures for the documentation are put into; without it they are let go."""
PLACES: Final = {
    "markets": "#/",
    "market": MARKET,
    "portfolio": "#/portfolio",
    "admin": "#/admin",
}
_DESKTOP: Final = {"viewport": {"width": 1280, "height": 1080}}
_PHONE: Final = {"viewport": {"width": 390, "height": 844}}
ALL_FORMS: Final[dict[str, dict[str, Any]]] = {
    "desktop-light": {**_DESKTOP, "color_scheme": "light"},
    "phone-dark": {**_PHONE, "color_scheme": "dark"},
    "desktop-dark": {**_DESKTOP, "color_scheme": "dark"},
    "phone-light": {**_PHONE, "color_scheme": "light"},
}
FORMS: Final = list(ALL_FORMS) if PICTURES else ["desktop-light", "phone-dark"]
"""These have each size and each colour; all of them are for pictures alone."""
SMALLEST: Final = 320

BARRIERS: Final = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await axe.run(document, { runOnly: tags });
  return found.violations.map(
    (one) => `${one.id}: ${one.help}; ${one.nodes.map((node) => node.target).join(", ")}`);
}"""
FITS: Final = "width => document.documentElement.scrollWidth <= width"
LOADED: Final = """() => {
  const [own] = performance.getEntriesByType("navigation");
  const all = [own, ...performance.getEntriesByType("resource")];
  return {
    bytes: all.reduce((sum, one) => sum + one.transferSize, 0),
    requests: all.length,
    content_ms: Math.round(own.domContentLoadedEventEnd),
  };
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """An exchange where something happens; for pictures it did so all day."""
    folder = tmp_path_factory.mktemp("exchange")
    exchange = ExchangeProcess(folder, auth="off")
    try:
        if PICTURES:
            yield await set_stage_in_the_past(exchange, folder)
        else:
            yield await set_stage(exchange)
    finally:
        await exchange.end()


@pytest.fixture(scope="module")
def axe() -> str:
    """What looks for barriers; it comes with what the page is built with."""
    if not AXE.exists():
        leave_out("no axe-core: make web-check brings it; the page is not searched for barriers")
    return AXE.read_text(encoding="utf-8")


async def settled(one: Window, name: str) -> None:
    """Go to a place of the page, and wait until everything there is shown."""
    await one.goto(PLACES[name])
    shown = one.page.get_by_role("main")
    await expect(shown.get_by_role("heading", level=1)).to_be_visible()
    if name == "market":
        await expect(one.feed("Live")).to_be_visible()
        await expect(one.orders).to_have_count(2)
        await expect(one.page.get_by_test_id("position-y7")).to_be_visible()
        await one.fill_ticket(Price="0.6", Shares="20")
        await one.told("Payout if Yes")
    elif name == "markets":
        await expect(shown.get_by_role("listitem").filter(has_text="Lisbon").first).to_be_visible()
    elif name == "portfolio":
        await expect(one.orders).to_have_count(3)
        await expect(one.page.get_by_test_id("position-y7")).to_be_visible()
    else:
        await expect(shown.get_by_text("cup final").first).to_be_visible()


async def picture(one: Window, name: str) -> None:
    """Take a picture for the documentation, if they are asked for."""
    if PICTURES:
        for notice in await one.page.get_by_role("button", name="Dismiss the notice").all():
            await notice.click()
        await one.page.mouse.move(0, 0)
        await one.page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        await one.page.screenshot(path=Path(PICTURES) / f"{name}.png")


async def barriers(one: Window, axe: str) -> list[str]:
    """What keeps somebody from using what is shown, as far as a program can tell."""
    await one.page.evaluate(axe)
    found: list[str] = await one.page.evaluate(BARRIERS)
    return found


async def test_it_comes_at_once_and_from_here_alone(browser: Browser, stage: Stage) -> None:
    async with window(browser, stage.exchange) as one:
        await expect(one.page.get_by_role("heading", level=1)).to_be_visible()
        loaded = await one.page.evaluate(LOADED)
    print(f"\nthe page: {loaded}")
    assert loaded["bytes"] < BYTES_MAX


@pytest.mark.parametrize("form", FORMS)
async def test_nothing_keeps_anybody_from_using_it_nor_is_wider_than_the_smallest_window(
    browser: Browser, stage: Stage, axe: str, form: str
) -> None:
    options = ALL_FORMS[form]
    found: dict[str, list[str]] = {}
    async with window(browser, stage.exchange, stage.key, **options) as one:
        for name in PLACES:
            await settled(one, name)
            await picture(one, f"{name}-{form}")
            found[name] = await barriers(one, axe)
            await one.page.set_viewport_size({"width": SMALLEST, "height": 640})
            await one.page.wait_for_function(FITS, arg=SMALLEST)
            await one.page.set_viewport_size(options["viewport"])
        await one.page.get_by_role("button", name="Sign out").click()
        await one.page.get_by_role("button", name="Sign in").click()
        found["sign in"] = await barriers(one, axe)
    assert found == {name: [] for name in (*PLACES, "sign in")}


async def test_who_comes_back_from_a_market_finds_what_was_looked_for(
    browser: Browser, stage: Stage
) -> None:
    async with window(browser, stage.exchange) as one:
        await one.goto("#/")
        page, events = one.page, one.page.get_by_role("heading", level=2)
        await page.get_by_label("Search").fill("rain")
        await page.get_by_label("Status").select_option("All")
        await expect(events).to_have_count(1)
        await events.get_by_role("link").click()
        await expect(one.feed("Live")).to_be_visible()
        await page.go_back()
        await expect(page.get_by_label("Search")).to_have_value("rain")
        await expect(page.get_by_label("Status")).to_have_value("")
        await expect(events).to_have_count(1)
        await page.get_by_role("link", name="Markets", exact=True).click()
        await expect(page.get_by_label("Search")).to_have_value("")
        await expect(events.nth(1)).to_be_visible()


async def test_words_of_any_length_and_direction_fit_into_the_smallest_window(
    browser: Browser, stage: Stage
) -> None:
    word = "Incomprehensibilities"
    outcomes = [word * 3, "نعم" * 80]
    market = {"token_ids": ["long-a", "long-b"], "outcomes": outcomes}
    texts = {"title": word * 9, "description": word * 90, "topic": "sport"}
    alice = Asking(stage.exchange, stage.key)
    listed = await alice.done(
        "POST", "/events", {"event_id": 70, **texts, "markets": {"1": market}}
    )
    order = {"event_id": 70, "market_id": 1, "token_id": "long-a", "side": "buy", "type": "limit"}
    await alice.done("POST", "/orders", {**order, "price": "0.4", "quantity": "5"})
    bob = Asking(stage.exchange, await stage.exchange.key("bob", Scope.TRADE))
    other = {**order, "token_id": "long-b", "price": "0.6", "quantity": "2"}
    await bob.done("POST", "/orders", other)
    size = {"width": SMALLEST, "height": 640}
    async with window(browser, stage.exchange, stage.key, viewport=size) as one:
        for place in ("#/", "#/events/70/markets/1", "#/portfolio", "#/admin"):
            await one.goto(place)
            named = one.page.get_by_role("main").get_by_text(listed["title"]).first
            await expect(named).to_be_visible()
            if place.startswith("#/events"):
                await one.fill_ticket(Price="0.5", Shares="2")
                await one.told("Payout if")
            if place in ("#/portfolio", "#/events/70/markets/1"):
                await expect(one.page.get_by_test_id("position-long-a")).to_be_visible()
            assert await one.page.evaluate("document.documentElement.scrollWidth") == SMALLEST
