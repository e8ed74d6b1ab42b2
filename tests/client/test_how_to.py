"""The code of the how-to page runs against an exchange."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.docs.test_code_blocks import OF_AN_EXCHANGE, blocks, run
from tests.gateways.exchange import Running

WRITTEN = "http://127.0.0.1:8080"


@pytest.mark.docs
@pytest.mark.parametrize("page", sorted(OF_AN_EXCHANGE), ids=lambda page: page.stem)
async def test_the_code_of_the_page_runs(page: Path, running: Running, tmp_path: Path) -> None:
    assert len(blocks(page)) > 5
    text = page.read_text(encoding="utf-8")
    assert text.count(WRITTEN) == 1
    here = tmp_path / page.name
    here.write_text(text.replace(WRITTEN, running.url), encoding="utf-8")
    await asyncio.to_thread(run, here)
