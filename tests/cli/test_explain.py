"""`pmengine explain` on data of a real exchange, with its whole log and with a trimmed one."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pmengine.cli.application import application
from pmengine.cli.exits import Exit
from pmstore import Batch, OrderCreated, Trade
from pmstore.codec import decode_batch
from tests.services.rewriting import entries_of, trade_into, verified, write_log


def ran(work: Coroutine[Any, Any, Any]) -> Any:
    """What *work* comes to, in a loop of its own thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work)).result()


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an exchange that ran twice and stopped."""
    folder = tmp_path_factory.mktemp("traded") / "data"
    ran(trade_into(folder))
    return folder


@pytest.fixture
def trimmed(traded: Path, tmp_path: Path) -> Path:
    """A copy whose log begins behind the first snapshot."""
    data = Path(shutil.copytree(traded, tmp_path / "data"))
    number = ran(verified(data, at="oldest")).began_after
    entries = ran(entries_of(data))
    ran(write_log(data, [(one.id.ms, one.payload) for one in entries[number:]]))
    return data


def explain(data: Path, order_id: str, *words: str, code: Exit = Exit.FINE) -> Result:
    environment = {"DATA_DIR": str(data)}
    result = CliRunner().invoke(application, ["explain", order_id, *words], env=environment)
    assert result.exit_code == code, (result.output, result.stderr, result.exception)
    return result


def batches(data: Path) -> list[Batch]:
    return [decode_batch(one.payload, str(one.id)) for one in ran(entries_of(data))]


def a_maker(found: list[Batch]) -> str:
    """An order that was met by another."""
    return next(
        one.maker_order_id for batch in found for one in batch.changes if isinstance(one, Trade)
    )


def test_a_life_is_told_in_lines_and_for_programs(traded: Path) -> None:
    order_id = a_maker(batches(traded))
    said = explain(traded, order_id).stdout
    assert said.startswith(f"Order {order_id} of trader-")
    assert "accepted   entry" in said
    assert "rule: An order is judged, matched and settled in one step" in said
    assert "(docs/reference/rules.md#one-step)" in said
    assert "was met by order" in said
    assert "Looked at: the log, entries 1 to" in said
    document = json.loads(explain(traded, order_id, "--json").stdout)
    assert document["known"] is True
    assert document["order"]["id"] == order_id
    assert [step["kind"] for step in document["steps"]][:2] == ["accepted", "rests"]
    assert all(step["position"] and step["rule_at"] for step in document["steps"])


def test_an_order_that_nobody_knows_is_said_with_the_next_step(traded: Path) -> None:
    said = explain(traded, "nobody", code=Exit.ABSENT).stderr
    assert "nothing is known of order 'nobody'" in said
    assert "the log, entries 1 to" in said
    assert "pmstore find" in said
    told = json.loads(explain(traded, "nobody", "--json", code=Exit.ABSENT).stdout)
    assert told["known"] is False
    assert told["steps"] == []


def test_where_nothing_was_written_that_is_said(tmp_path: Path) -> None:
    said = explain(tmp_path / "data", "a1", code=Exit.ABSENT).stderr
    assert "there is none" in said
    assert list(tmp_path.iterdir()) == []


def test_what_a_trimmed_log_no_longer_says_is_told_by_the_stores(
    traded: Path, trimmed: Path
) -> None:
    whole = batches(traded)
    order_id = a_maker(whole)
    full = json.loads(explain(traded, order_id, "--json").stdout)
    told = json.loads(explain(trimmed, order_id, "--json").stdout)
    assert told["order"] == full["order"]
    assert "snapshot" in told["looked_at"][0]
    assert told["looked_at"][-2:] == ["the order store", "the trade store"]

    def fills(document: Any) -> list[int]:
        return [one["details"]["trade_id"] for one in document["steps"] if one["kind"] == "filled"]

    assert fills(told) == fills(full)
    assert told["steps"][0]["kind"] == "accepted"
    assert "by the order store" in told["steps"][0]["text"]


def test_an_order_that_was_open_at_the_snapshot_is_told_from_there(
    traded: Path, trimmed: Path
) -> None:
    kept = {batch.number for batch in batches(trimmed)}
    created = {
        one.order.id: batch.number
        for batch in batches(traded)
        for one in batch.changes
        if isinstance(one, OrderCreated)
    }
    met = next(
        one.maker_order_id
        for batch in batches(trimmed)
        for one in batch.changes
        if isinstance(one, Trade) and created[one.maker_order_id] not in kept
    )
    told = json.loads(explain(trimmed, met, "--json").stdout)
    kinds = [step["kind"] for step in told["steps"]]
    assert kinds[0] == "accepted"
    assert "known" in kinds
    assert kinds.index("known") < kinds.index("filled", kinds.index("known"))
