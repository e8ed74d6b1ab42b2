"""An exchange for every test, alone in its folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateways.exchange import Running, running_exchange


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_exchange(tmp_path) as running:
        await running.open_market()
        yield running
