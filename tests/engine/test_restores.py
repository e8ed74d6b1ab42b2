"""An engine that begins again from a snapshot after every command is the one that never stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from pmengine.commands import Command
from pmengine.engine import Engine
from pmengine.matching import Ladder, NaiveLadder
from pmstore import SelfTrade, SnapshotStore, open_snapshot_store
from tests.engine.listings import START_MS, opening
from tests.engine.tapes import Tape

COMMANDS = 200
KEPT = 2

Place = Callable[[pytest.FixtureRequest, Path], str]

STORES: dict[str, Place] = {
    "memory": lambda request, folder: "memory://",
    "file": lambda request, folder: f"file:{folder}/snapshots",
    "sqlite": lambda request, folder: f"sqlite:///{folder}/snapshots.db",
    "redis": lambda request, folder: (
        f"{request.getfixturevalue('redis_server').url}?prefix={folder.name}"
    ),
    "postgres": lambda request, folder: (
        f"{request.getfixturevalue('postgres_server').url}?schema={folder.name}"
    ),
}


async def kept(
    store: SnapshotStore, engine: Engine, number: int, options: dict[str, Any]
) -> Engine:
    """The engine that *engine* becomes when it is stopped and started again."""
    await store.save(attrs.evolve(engine.snapshot(START_MS + number), number=number))
    loaded = await store.load()
    assert loaded is not None
    assert loaded.number == number
    if number % KEPT == 0:
        await store.prune(KEPT)
    new_ladder = (Ladder, NaiveLadder)[number % 2]
    return Engine.restore(loaded, new_ladder=new_ladder, **options)


@pytest.mark.parametrize(
    "options",
    [{}, {"step_max": 1, "self_trade": SelfTrade.CANCEL_BOTH, "shard": 7}],
    ids=["plain", "small-steps"],
)
@pytest.mark.parametrize("backend", STORES)
async def test_restored_after_every_command_is_never_having_stopped(
    backend: str, options: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    commands: list[tuple[Command, int]] = [
        (command, START_MS) for command in opening(exclusive=True)
    ]
    commands += Tape(5, exclusive=True).run(COMMANDS)
    steady, restarted = Engine(**options), Engine(**options)
    refused = traded = 0
    async with open_snapshot_store(STORES[backend](request, tmp_path)) as store:
        for number, (command, time_ms) in enumerate(commands, 1):
            outcome = steady.handle(command, time_ms)
            again = restarted.handle(command, time_ms)
            assert list(again.facts) == list(outcome.facts)
            restarted = await kept(store, restarted, number, options)
            assert restarted.state_digest() == steady.state_digest()
            refused += outcome.refusal is not None
            traded += len(outcome.trades)
    assert refused > 5
    assert traded > 10, "the tape must make orders meet"
