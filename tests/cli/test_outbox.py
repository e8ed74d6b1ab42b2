"""A reader that was taken out of a deployment can be seen, and ended."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import pmstore
from pmstore.cli.application import application
from pmstore.cli.exits import Exit
from pmstore.testing.samples import order


@pytest.mark.parametrize("backend", ["sqlite", "postgres", "redis"])
def test_a_reader_left_behind_is_shown_and_forgotten(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    match backend:
        case "postgres":
            truth = request.getfixturevalue("postgres_server").create_database("left_behind")
        case "redis":
            truth = f"{request.getfixturevalue('redis_server').url}?prefix=left_behind"
        case _:
            truth = f"sqlite:///{tmp_path}/orders.db"

    async def deployed_once() -> None:
        async with pmstore.open_order_store(f"memory:// > {truth}") as orders:
            await orders.save([order(0)])
        async with pmstore.open_order_store(truth) as orders:
            await orders.save([order(number) for number in range(1, 6)])

    def outbox(*words: str, code: Exit = Exit.FINE) -> list[tuple[str, int]]:
        done = CliRunner().invoke(application, ["outbox", truth, "--json", *words])
        assert done.exit_code == code, done.output
        return [(row["reader"], row["waiting"]) for row in json.loads(done.stdout)]

    async def changed_again() -> dict[str, pmstore.Order]:
        async with pmstore.open_order_store(truth) as orders:
            await orders.save([order(1, version=2)])
        async with pmstore.open_order_store(f"memory:// > {truth}") as orders:
            return await orders.get(["order_1"])

    asyncio.run(deployed_once())
    ((reader, waiting),) = outbox()
    assert reader == "caches"
    assert waiting >= 5
    assert outbox("--forget", "nobody", code=Exit.ABSENT) == [("caches", waiting)]
    assert outbox("--forget", "caches") == []
    assert asyncio.run(changed_again()) == {"order_1": order(1, version=2)}
    assert [reader for reader, _ in outbox()] == ["caches"]


def test_a_place_without_notes_says_so(tmp_path: Path) -> None:
    done = CliRunner().invoke(application, ["outbox", f"file:{tmp_path}/log", "-c", "trades"])
    assert done.exit_code == Exit.UNUSABLE
    assert "keeps no notes of trades" in done.output
