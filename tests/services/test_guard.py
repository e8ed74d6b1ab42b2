"""An exchange that checks its own log goes on while it is right, and reports or stops when not."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import attrs
import pytest

from pmengine.assembly import open_exchange
from pmengine.exchange import Exchange
from pmengine.invariants import Law
from pmengine.projections import WEBSOCKET_STREAM
from pmengine.sample import sample_command, sample_setup
from pmengine.services.log import BEGINNING, Log
from pmengine.services.relay import Relay
from pmengine.services.verifying import Beginning, Guard, LawBroken, Verifier, begin
from pmengine.settings import Settings
from pmstore import (
    CASH,
    START,
    Balance,
    Entry,
    Position,
    Snapshot,
    SnapshotStore,
    State,
    StoreUnavailable,
    Stream,
)
from pmstore.backends.memory import MemorySnapshotStore, MemoryStream
from pmstore.codec import encode_batch, encode_changes
from pmstore.settings import StorageSettings
from tests.services.rewriting import rewrite, trade_into, verified
from tests.services.rig import DEADLINE_S, engine_on, flow, recover_on
from tests.services.streams import WatchedStream


def settings(folder: Path, verify: str) -> Settings:
    return Settings(storage=StorageSettings(data_dir=folder), verify=verify)


async def trade(exchange: Exchange, start: int, end: int) -> None:
    if not start:
        for command in sample_setup():
            await exchange.front.send(command, DEADLINE_S)
    await asyncio.gather(
        *[exchange.front.send(sample_command(index), DEADLINE_S) for index in range(start, end)]
    )


async def steal(exchange: Exchange) -> int:
    """Write an entry as an engine with a bug would: chained, and a trader is richer by it."""
    state = exchange.engine.engine.snapshot(0)
    row = next(one for one in state.balances if one.asset == CASH)
    version = state.user_update_ids[row.user_id] + 1
    richer = attrs.evolve(row, available=row.available + 1_000_000, version=version)
    place = exchange.engine.place
    payload, _ = encode_batch(
        place.number + 1,
        exchange.recovered.epoch + 1,
        state.time_ms,
        place.hash,
        dict(exchange.engine.positions),
        encode_changes([richer]),
    )
    await exchange.log.stream.append([payload])
    return place.number + 1


async def test_an_exchange_that_is_right_is_let_alone(tmp_path: Path) -> None:
    for start in (0, 200):
        async with open_exchange(settings(tmp_path, "stop")) as exchange:
            await trade(exchange, start, start + 200)
            assert exchange.guard is not None
            async with asyncio.timeout(DEADLINE_S):
                while exchange.guard.place.number < exchange.engine.place.number:
                    await asyncio.sleep(0)
            assert not exchange.failed.done()
    assert (await verified(tmp_path)).breaches == []


async def test_the_first_breach_stops_the_exchange_and_says_who_and_where(tmp_path: Path) -> None:
    async with open_exchange(settings(tmp_path, "stop")) as exchange:
        await trade(exchange, 0, 100)
        number = await steal(exchange)
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.wait({exchange.failed})
        error = exchange.failed.exception()
        assert isinstance(error, LawBroken)
        assert f"at entry {number} of the log" in str(error)
        assert "holdings is broken" in str(error)
        assert "'s cash: changed by 1000000" in str(error)
        assert not exchange.readiness()[0]
    report = await verified(tmp_path)
    assert report.breaches[0].violation.law is Law.HOLDINGS
    assert report.breaches[0].number == number


async def test_a_breach_is_reported_and_the_exchange_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.ERROR):
        async with open_exchange(settings(tmp_path, "report")) as exchange:
            await trade(exchange, 0, 100)
            number = await steal(exchange)
            assert exchange.guard is not None
            async with asyncio.timeout(DEADLINE_S):
                while exchange.guard.place.number < number:
                    await asyncio.sleep(0)
            assert not exchange.failed.done()
    told = caplog.text + capsys.readouterr().out
    assert "law_broken" in told
    assert "holdings" in told


async def test_a_start_on_a_state_that_breaks_a_law_stops(tmp_path: Path) -> None:
    await trade_into(tmp_path)

    def enrich(batches: list[Any]) -> None:
        changes = batches[-1].changes
        index, row = next((i, one) for i, one in enumerate(changes) if isinstance(one, Balance))
        changes[index] = attrs.evolve(row, available=row.available + 10**9)

    await rewrite(tmp_path, enrich)
    for path in (tmp_path / "store").iterdir():
        path.unlink()
    for path in tmp_path.glob("pmstore.db*"):
        path.unlink()
    async with open_exchange(settings(tmp_path, "stop")) as exchange:
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.wait({exchange.failed})
        assert isinstance(exchange.failed.exception(), LawBroken)


async def folded(stream: Stream, snapshots: SnapshotStore) -> Snapshot:
    """What the log adds up to now."""
    return (await recover_on(stream, snapshots)).state.freeze(1)


@pytest.mark.parametrize("falsified", [False, True])
async def test_a_projection_is_compared_entry_by_entry(falsified: bool) -> None:
    async with (
        MemoryStream() as stream,
        MemorySnapshotStore() as snapshots,
        MemoryStream() as projection,
        engine_on(stream, snapshots) as engine,
    ):
        await engine.take(flow(0, 60))
        await engine.take(flow(60, 120))
        relay = asyncio.create_task(Relay(Log(stream), {WEBSOCKET_STREAM: projection}).run())
        last = engine.service.place.number
        async with asyncio.timeout(DEADLINE_S):
            while len(entries := await projection.read(START, 100_000)) < last:
                await asyncio.sleep(0)
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)
        async with MemoryStream() as seen:
            for index, entry in enumerate(entries):
                payload = entry.payload
                if falsified and index == len(entries) - 1:
                    payload = payload.replace(b'"update_id":', b'"update_id":1')
                await seen.append([payload])
            log = Log(stream)
            verifier = Verifier(
                log,
                await begin(log, None, id_memory_s=86_400),
                id_memory_s=86_400,
                projections={WEBSOCKET_STREAM: seen},
            )
            report = await verifier.run(through=last)
        assert report.compared[WEBSOCKET_STREAM] == last
        laws = [breach.violation.law for breach in report.breaches]
        assert laws == ([Law.PROJECTION] if falsified else [])


async def test_a_snapshot_taken_behind_a_followers_back_is_compared_too() -> None:
    async with (
        MemoryStream() as stream,
        MemorySnapshotStore() as snapshots,
        engine_on(stream, snapshots) as engine,
    ):
        await engine.take(flow(0, 50))
        log = Log(stream)
        beginning = await begin(log, snapshots, id_memory_s=86_400)
        verifier = Verifier(log, beginning, id_memory_s=86_400, snapshots=snapshots)
        following = asyncio.create_task(verifier.run())
        async with asyncio.timeout(DEADLINE_S):
            while verifier.place.number < engine.service.place.number:
                await asyncio.sleep(0)
        await snapshots.save(await folded(stream, snapshots))
        await engine.take(flow(50, 60))
        verifier.stop()
        report = await following
        assert report.compared["snapshots"] == 1
        assert report.breaches == []
        wrong = attrs.evolve(await folded(stream, snapshots), trade_counter=5)
        await snapshots.save(wrong)
        await verifier.run()
        (breach,) = verifier.report.breaches
        assert breach.violation.law is Law.SNAPSHOT
        assert "trade_counter: 5 here" in str(breach.violation)


async def test_a_follower_goes_on_with_a_snapshot_where_the_log_was_trimmed() -> None:
    async with (
        MemoryStream() as stream,
        MemorySnapshotStore() as snapshots,
        engine_on(stream, snapshots) as engine,
    ):
        await engine.take(flow(0, 50))
        log = Log(stream)
        verifier = Verifier(
            log,
            Beginning(State(), (await begin(log, None, id_memory_s=86_400)).place, "the start"),
            id_memory_s=86_400,
            snapshots=snapshots,
        )
        snapshot = await folded(stream, snapshots)
        await snapshots.save(snapshot)
        await engine.take(flow(50, 60))
        assert snapshot.last_message_id is not None
        await stream.trim(snapshot.last_message_id)
        report = await verifier.run(through=engine.service.place.number)
        assert report.breaches == []
        assert report.number == engine.service.place.number
        assert "the log was trimmed meanwhile" in report.notes[0]


class Interrupted(WatchedStream):
    """A log that does not answer the first reads."""

    outages = 3

    async def read(self, after: Position, limit: int, wait_s: float = 0.0, /) -> list[Entry]:
        if self.outages:
            self.outages -= 1
            raise StoreUnavailable("not now")
        return await super().read(after, limit, wait_s)


async def test_a_guard_outlives_an_outage_of_the_log() -> None:
    async with (
        MemoryStream() as stream,
        MemorySnapshotStore() as snapshots,
        engine_on(stream, snapshots) as engine,
    ):
        await engine.take(flow(0, 50))
        interrupted = Interrupted(stream)
        guard = Guard(
            "stop",
            Log(interrupted),
            state=State(),
            place=BEGINNING,
            id_memory_s=86_400,
            ledger=True,
            fee_account="fees",
            snapshots=snapshots,
        )
        running = asyncio.create_task(guard.run())
        async with asyncio.timeout(DEADLINE_S):
            while guard.place.number < engine.service.place.number:
                assert not running.done()
                await asyncio.sleep(0)
        assert not interrupted.outages
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
