"""A browser for each module of tests, and pages of it that must behave."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.page.chromium import ChromiumMissing, find_chromium, leave_out


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium; without one, tests are skipped or fail with the remedy."""
    try:
        program = find_chromium()
    except ChromiumMissing as missing:
        leave_out(str(missing))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program)
        yield browser
        await browser.close()
