"""Trading by the page, in real windows of a real browser on a real exchange."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import attrs
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from pmengine.gateways.auth import Scope
from tests.page.exchange_process import Asking, ExchangeProcess
from tests.page.windows import window

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.crash]

EVENT = {
    "event_id": 7,
    "markets": {
        "1": {
            "token_ids": ["y7", "n7"],
            "fees": {"kind": "linear", "maker_ppm": 0, "taker_ppm": 20_000},
        },
    },
}


@attrs.define
class Market:
    """An exchange with market 7/1, an admin, and two users with money."""

    exchange: ExchangeProcess
    keys: dict[str, str]

    def asking(self, user: str) -> Asking:
        """Requests of *user* beside the page."""
        return Asking(self.exchange, self.keys[user])

    async def money(self, user: str) -> Decimal:
        """The cash that *user* has in the ledger, what is frozen left out."""
        account = await self.asking(user).done("GET", "/account")
        return Decimal(account["cash"]["available"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Market]:
    """The market that all of these tests trade in, one after the other."""
    exchange = ExchangeProcess(tmp_path_factory.mktemp("exchange"))
    keys = {"admin": await exchange.key("admin", Scope.ADMIN)}
    for user in ("alice", "bob"):
        keys[user] = await exchange.key(user, Scope.TRADE)
    market = Market(exchange, keys)
    try:
        await exchange.start()
        await market.asking("admin").done("POST", "/events", EVENT)
        for user in ("alice", "bob"):
            deposit = {"id": f"d-{user}", "user_id": user, "amount": "1000"}
            await market.asking("admin").done("POST", "/deposits", deposit)
        yield market
    finally:
        await exchange.end()


@pytest_asyncio.fixture(loop_scope="module")
async def market(opened: Market) -> Market:
    """The same with nothing in its book."""
    for user in ("alice", "bob"):
        if (await opened.asking(user).done("GET", "/orders?status=active"))["items"]:
            await opened.asking(user).done("DELETE", "/orders")
    return opened


async def test_an_order_is_seen_in_another_window_and_can_be_cancelled(
    browser: Browser, market: Market
) -> None:
    async with (
        window(browser, market.exchange, market.keys["alice"]) as mine,
        window(browser, market.exchange) as other,
    ):
        await expect(other.feed("Live")).to_be_visible()
        await mine.fill_ticket(Price="0.37", Shares="12")
        await mine.send()
        await expect(other.level("y7", "bid at 0.37")).to_contain_text("12")
        await expect(other.level("n7", "offered at 0.63")).to_contain_text("12")
        order = mine.orders.filter(has_text="Buy 12 Yes")
        await expect(order).to_contain_text("0.37")
        await order.get_by_role("button", name="Cancel").click()
        await expect(other.level("y7", "bid at 0.37")).to_have_count(0)
        await expect(mine.orders).to_have_count(0)


async def test_what_is_said_before_sending_is_what_the_ledger_says_after(
    browser: Browser, market: Market
) -> None:
    await market.asking("bob").orders(("buy", "n7", "0.55", "10"), ("buy", "y7", "0.4", "10"))
    async with window(browser, market.exchange, market.keys["alice"]) as mine:
        await expect(mine.level("y7", "offered at 0.45")).to_contain_text("10")
        before = await market.money("alice")
        await mine.fill_ticket(Price="0.46", Shares="10")
        cost = Decimal(await mine.told("You pay at most"))
        payout = Decimal(await mine.told("Payout if Yes"))
        assert cost == Decimal("4.5") + Decimal("0.09")
        await mine.send()
        await expect(mine.level("y7", "offered at 0.45")).to_have_count(0)
        assert before - await market.money("alice") == cost
        position = mine.page.get_by_test_id("position-y7")
        await expect(position).to_contain_text("10")
        account = await market.asking("alice").done("GET", "/account")
        [held] = [one for one in account["positions"] if one["token_id"] == "y7"]
        assert Decimal(held["available"]) == payout

        before = await market.money("alice")
        await mine.fill_ticket(Side="Sell", Type="Market", Shares="4")
        brings = Decimal(await mine.told("You receive at once"))
        assert brings == Decimal("1.6") - Decimal("0.032")
        await mine.send()
        await expect(mine.level("y7", "bid at 0.40")).to_contain_text("6")
        assert await market.money("alice") - before == brings


async def test_a_refusal_is_said_in_words_and_nothing_is_done(
    browser: Browser, market: Market
) -> None:
    async with window(browser, market.exchange) as mine:
        for wrong in ("pmk_0000000000000000_" + "x" * 43, market.keys["alice"] + "x", "pmk_ключ"):
            await mine.page.get_by_role("button", name="Sign in").click()
            dialog = mine.page.get_by_role("dialog")
            await dialog.get_by_label("API key").fill(wrong)
            await dialog.get_by_role("button", name="Sign in").click()
            await expect(dialog.get_by_role("alert")).to_contain_text("key")
            await dialog.get_by_role("button", name="Close").click()
            await expect(mine.page.locator("dialog input")).to_have_value("")
            await expect(mine.page.get_by_role("button", name="Sign out")).to_have_count(0)
        await mine.sign_in(market.keys["alice"])
        await mine.ticket.get_by_role("button", name="All").click()
        await expect(
            mine.ticket.get_by_role("alert").filter(has_text="price first")
        ).to_be_visible()
        await mine.fill_ticket(Price="0.5", Shares="100000")
        said = mine.ticket.get_by_role("alert").filter(has_text="cash")
        await expect(said).to_be_visible()
        async with mine.page.expect_response("**/api/v1/orders") as answered:
            await mine.send()
        assert (await answered.value).status == 422
        await expect(said).to_be_visible()
        assert (await market.asking("alice").done("GET", "/orders?status=active"))["items"] == []


async def test_a_lost_exchange_is_said_and_what_happened_meanwhile_is_shown(
    browser: Browser, market: Market
) -> None:
    await market.asking("alice").orders(("buy", "y7", "0.31", "3"), ("buy", "y7", "0.3", "4"))
    async with window(browser, market.exchange, market.keys["alice"]) as mine:
        await expect(mine.orders).to_have_count(2)
        await expect(mine.level("y7", "bid at 0.31")).to_be_visible()
        await market.exchange.kill()
        await expect(mine.feed("Reconnecting")).to_be_visible()
        await expect(mine.feed("stale since")).to_be_visible()
        await market.exchange.start()
        await market.asking("bob").orders(("buy", "n7", "0.69", "3"), ("buy", "n7", "0.2", "8"))
        await expect(mine.feed("Live")).to_be_visible()
        await expect(mine.level("y7", "offered at 0.80")).to_contain_text("8")
        await expect(mine.level("y7", "bid at 0.31")).to_have_count(0)
        await expect(mine.orders).to_have_count(1)
        await expect(mine.orders).to_contain_text("Buy 4 Yes")
        await mine.fill_ticket(Side="Buy", Type="Limit", Price="0.29", Shares="5")
        await mine.send()
        await expect(mine.level("y7", "bid at 0.29")).to_contain_text("5")


async def test_where_no_browser_reaches_the_user_feed_own_orders_are_asked_for(
    browser: Browser, market: Market
) -> None:
    told = {"auth": ["keys"], "user_feed": None}
    async with window(browser, market.exchange, market.keys["alice"], told=told) as mine:
        await market.asking("alice").orders(("buy", "y7", "0.25", "6"))
        await expect(mine.orders.filter(has_text="Buy 6 Yes")).to_be_visible()
        await market.asking("alice").done("DELETE", "/orders")
        await expect(mine.orders).to_have_count(0)


async def test_an_order_is_placed_without_a_mouse(browser: Browser, market: Market) -> None:
    async with window(browser, market.exchange) as mine:
        await mine.goto("#/")
        page, press = mine.page, mine.page.keyboard.press
        await mine.tab_to(page.get_by_role("button", name="Sign in"))
        await press("Enter")
        await page.keyboard.type(market.keys["alice"])
        await press("Enter")
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        await mine.tab_to(page.get_by_role("link", name="Event 7"))
        await press("Enter")
        await mine.tab_to(mine.ticket.get_by_label("Price", exact=True))
        await page.keyboard.type("0.22")
        await mine.tab_to(mine.ticket.get_by_label("Shares", exact=True))
        await page.keyboard.type("7")
        await press("Enter")
        await expect(mine.orders.filter(has_text="Buy 7 Yes")).to_contain_text("0.22")
        await mine.tab_to(mine.orders.get_by_role("button", name="Cancel"))
        await press("Enter")
        await expect(mine.orders).to_have_count(0)


async def test_what_goes_away_leaves_the_focus_where_it_was(
    browser: Browser, market: Market
) -> None:
    async with window(browser, market.exchange, market.keys["alice"]) as mine:
        page = mine.page
        await expect(page.get_by_role("group", name="Account")).to_be_focused()
        await mine.fill_ticket(Price="0.23", Shares="6")
        send = mine.ticket.locator("button[type=submit]")
        await send.press("Enter")
        order = mine.orders.filter(has_text="Buy 6 Yes")
        await expect(order).to_be_visible()
        await expect(send).to_be_focused()
        change = order.get_by_role("button", name="Change")
        await change.press("Enter")
        await page.get_by_label("New total of shares").fill("5")
        await page.get_by_role("button", name="Save the change").press("Enter")
        await expect(mine.orders.filter(has_text="Buy 5 Yes")).to_be_visible()
        await expect(mine.orders.get_by_role("button", name="Change: Buy 5")).to_be_focused()
        await mine.orders.get_by_role("button", name="Cancel").press("Enter")
        await expect(mine.orders).to_have_count(0)
        await expect(page.get_by_role("region", name="My open orders")).to_be_focused()


async def test_of_many_own_orders_the_newest_are_shown_until_all_are_asked_for(
    browser: Browser, market: Market
) -> None:
    place = {"event_id": 7, "market_id": 1, "token_id": "y7", "side": "buy", "type": "limit"}
    orders = [{**place, "price": "0.02", "quantity": "1"} for _ in range(102)]
    alice = market.asking("alice")
    await alice.done("POST", "/orders/batch", {"orders": orders[:2]})
    await alice.done("POST", "/orders/batch", {"orders": orders[2:]})
    async with window(browser, market.exchange, market.keys["alice"]) as mine:
        await expect(mine.orders).to_have_count(100)
        await mine.page.get_by_role("button", name="Show all 102 orders").click()
        await expect(mine.orders).to_have_count(102)
        await mine.page.get_by_role("button", name="Cancel all here").click()
        await expect(mine.orders).to_have_count(0)


async def test_what_is_put_right_among_the_options_stays_in_sight(
    browser: Browser, market: Market
) -> None:
    async with window(browser, market.exchange, market.keys["alice"]) as mine:
        await mine.ticket.get_by_text("Options").click()
        await mine.ticket.get_by_label("How long it counts").select_option("gtd")
        await mine.fill_ticket(Price="0.2", Shares="1", Until="2020-01-01T00:00")
        await mine.send()
        await expect(mine.ticket.get_by_text("This is in the past.")).to_be_visible()
        until = mine.ticket.get_by_label("Until", exact=True)
        await until.fill("2090-01-01T00:00")
        await expect(mine.ticket.get_by_text("This is in the past.")).to_have_count(0)
        await expect(until).to_be_visible()
        await expect(until).to_be_focused()


async def test_what_is_lost_on_the_way_is_not_said_to_be_undone(
    browser: Browser, market: Market
) -> None:
    await market.asking("alice").orders(("buy", "y7", "0.24", "6"))
    async with window(browser, market.exchange, market.keys["alice"]) as mine:
        page = mine.page
        await page.route("**/api/v1/orders/*", lambda route: route.abort())
        await mine.orders.get_by_role("button", name="Cancel").click()
        notices = page.get_by_role("region", name="Notices")
        await expect(notices.get_by_text("not known whether it was cancelled")).to_be_visible()
        await mine.goto("#/portfolio")
        await page.get_by_text("Withdraw money").click()
        amount = page.get_by_label("Amount")
        await amount.fill("3")
        before = await market.money("alice")
        await page.route("**/api/v1/withdrawals", lambda route: route.abort())
        await page.get_by_role("button", name="Withdraw").click()
        again = page.get_by_role("button", name="Ask again")
        await expect(again).to_be_visible()
        await page.unroute("**/api/v1/withdrawals")
        await again.click()
        await expect(notices.get_by_text("3 withdrawn")).to_be_visible()
        await expect(amount).to_have_value("")
        assert before - await market.money("alice") == 3


async def test_an_event_of_any_number_and_script_is_listed_and_shown(
    browser: Browser, market: Market
) -> None:
    title = "Будет ли дождь?"
    long = {"event_id": 9007199254740000, "markets": {"1": {"token_ids": ["y9", "n9"]}}}
    await market.asking("admin").done("POST", "/events", long)
    async with window(browser, market.exchange, market.keys["admin"]) as office:
        page = office.page
        await office.goto("#/admin")
        topics = page.get_by_role("region", name="Topics")
        await topics.get_by_label("New topic").fill("Погода")
        await topics.get_by_role("button", name="Add the topic").click()
        form = page.get_by_role("region", name="New event")
        await form.get_by_label("Title").fill(title)
        await form.get_by_label("Topic").select_option("Погода")
        await form.get_by_role("button", name="List the event").click()
        await page.get_by_role("listitem", name=title).get_by_role("link").click()
        await expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
        await expect(office.feed("Live")).to_be_visible()


async def test_a_long_form_leads_to_what_is_wrong_and_forgets_what_was(
    browser: Browser, market: Market
) -> None:
    await market.asking("admin").done("POST", "/topics", {"topic": "sport", "name": "Sport"})
    async with window(browser, market.exchange, market.keys["admin"]) as office:
        await office.goto("#/admin")
        form = office.page.get_by_role("region", name="New event")
        title, picture = form.get_by_label("Title"), form.get_by_label("Address of a picture")
        send = form.get_by_role("button", name="List the event")
        await send.click()
        await expect(title).to_be_focused()
        await title.fill("x" * 201)
        await form.get_by_label("Topic").select_option("Sport")
        await send.click()
        await expect(form.get_by_role("alert").filter(has_text="200")).to_be_visible()
        await expect(title).to_be_focused()
        await title.fill("Who wins?")
        await expect(form.get_by_role("alert").filter(has_text="200")).to_have_count(0)
        await form.get_by_text("Picture and fees").click()
        await picture.fill("http://example.org/cup.png")
        await form.get_by_text("Picture and fees").click()
        await expect(picture).to_be_hidden()
        await send.click()
        await expect(picture).to_be_focused()


async def test_an_admin_lists_an_event_and_says_its_answer_and_everybody_is_paid(
    browser: Browser, market: Market
) -> None:
    admin, title = market.asking("admin"), "Will it rain on Sunday?"
    await admin.done("POST", "/topics", {"topic": "weather", "name": "Weather"})
    async with (
        window(browser, market.exchange, market.keys["admin"]) as office,
        window(browser, market.exchange, market.keys["alice"]) as mine,
    ):
        page = office.page
        page.on("dialog", lambda dialog: dialog.accept())
        await office.goto("#/admin")
        form = page.get_by_role("region", name="New event")
        await form.get_by_label("Title").fill(title)
        await form.get_by_label("Topic").select_option("Weather")
        await form.get_by_role("button", name="List the event").click()
        listed = page.get_by_role("listitem", name=title)
        await expect(listed).to_be_visible()

        await mine.goto("#/")
        await mine.page.get_by_role("link", name=title, exact=True).click()
        await expect(mine.feed("Live")).to_be_visible()
        [event] = (await admin.done("GET", "/events?text=rain"))["items"]
        [told] = event["markets"].values()
        place = {"event_id": event["event_id"], "market_id": told["market_id"]}
        no = told["tokens"][1]["token_id"]
        terms = {"token_id": no, "side": "buy", "type": "limit", "price": "0.4", "quantity": "5"}
        await market.asking("bob").done("POST", "/orders", {**place, **terms})
        await mine.fill_ticket(Price="0.6", Shares="5")
        payout = Decimal(await mine.told("Payout if Yes"))
        await mine.send()
        await expect(mine.page.get_by_role("region", name="My position")).to_contain_text("Yes")
        before = await market.money("alice")

        await listed.get_by_role("combobox").select_option("Yes")
        await listed.get_by_role("button", name="Resolve").click()
        await expect(listed).to_have_count(0)
        await expect(mine.page.locator(".state.resolved")).to_be_visible()
        assert await market.money("alice") - before == payout == 5
