"""`pmengine forget` takes out who is gone for good, and nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pmengine.cli.exits import Exit
from pmengine.processes.forgetting import Forgetting, forget_service
from pmengine.projections import PROCESSOR_STREAM, encode_processor_entry
from pmengine.services.log import STORE_STREAM, Log
from pmengine.services.notes import SERVICE_STREAM, Board, Herald, Note
from pmengine.settings import PREFIXES, Settings
from pmstore import START, open_consumers, open_stream
from pmstore.clock import system_clock
from pmstore.codec import GENESIS_HASH, encode_batch
from pmstore.settings import read_settings
from pmstore.testing.servers import RedisServer
from tests.services.fleet import over_redis

ENTRIES = 7


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def environ(server: RedisServer) -> Mapping[str, str]:
    """A deployment whose log has some entries, and whose history and relay said so long ago."""
    async with (
        open_stream(server.url, STORE_STREAM) as log,
        open_stream(server.url, SERVICE_STREAM) as notes,
    ):
        if await log.bounds() is None:
            before = GENESIS_HASH
            for number in range(1, ENTRIES + 1):
                payload, before = encode_batch(number, 1, 1, before, {}, b"[]")
                await log.append([payload])
        first = (await log.read(START, 1))[0].id
        said = [
            Note(service=name, instance=name, number=number, needs_after=str(first), pid=1)
            for name, number in (("history", 2), ("relay", ENTRIES))
        ]
        await Herald(notes, lambda: said).say(said)
    return over_redis(server.host, server.port)


async def kept_for(server: RedisServer) -> list[str]:
    async with open_stream(server.url, SERVICE_STREAM) as notes:
        board = Board(notes, system_clock)
        await board.read()
    return [note.service for note, _ in board.owed()]


async def looked_at(environ: Mapping[str, str], name: str, *, really: bool = False) -> Forgetting:
    """What `pmengine forget` finds, with `--yes` if *really*."""
    settings = read_settings(Settings, environ=environ, prefixes=PREFIXES)
    return await forget_service(settings, name, clock=system_clock, really=really, listen_s=0.1)


async def pmengine(
    *words: str, cwd: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", "from pmengine.cli import main; main()", *words],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "200"} | dict(environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@asynccontextmanager
async def living(server: RedisServer, note: Note) -> AsyncIterator[None]:
    """A service that says *note* every second."""
    async with open_stream(server.url, SERVICE_STREAM) as notes:
        saying = asyncio.create_task(Herald(notes, lambda: [note]).run())
        try:
            yield
        finally:
            saying.cancel()
            await asyncio.gather(saying, return_exceptions=True)


async def test_unless_it_is_meant_nothing_is_changed(
    server: RedisServer, environ: Mapping[str, str]
) -> None:
    found = await looked_at(environ, "history")
    assert (found.registered, found.forgotten, found.alive) == (True, False, [])
    assert [(one.number, one.lag) for one in found.kept_for] == [(2, ENTRIES - 2)]
    assert await kept_for(server) == ["history", "relay"]


async def test_with_yes_nothing_is_kept_for_it(
    server: RedisServer, environ: Mapping[str, str], tmp_path: Path
) -> None:
    shown = await pmengine("forget", "history", "--yes", "--json", cwd=tmp_path, environ=environ)
    assert shown.returncode == Exit.FINE, shown.stderr
    told: dict[str, Any] = json.loads(shown.stdout)
    assert told["forgotten"]
    assert [one["lag"] for one in told["kept_for"]] == [ENTRIES - 2]
    assert await kept_for(server) == ["relay"]
    again = await looked_at(environ, "history")
    assert (again.registered, again.known) == (False, ["relay"])


async def test_a_group_of_consumers_is_shown_and_forgotten(
    server: RedisServer, environ: Mapping[str, str]
) -> None:
    async with (
        open_stream(server.url, STORE_STREAM) as log,
        open_stream(server.url, PROCESSOR_STREAM) as processor,
        open_consumers(server.url, processor) as groups,
    ):
        await processor.append(
            [
                encode_processor_entry(entry.id, Log(log).decode(entry))
                for entry in await log.read(START, ENTRIES)
            ]
        )
        owed = await groups.read("settlement", "somebody", 3)
        await groups.ack("settlement", [entry.id for entry in owed])
        found = await looked_at(environ, "settlement")
        [kept] = found.kept_for
        assert (kept.stream, kept.number, kept.lag) == (PROCESSOR_STREAM, 3, ENTRIES - 3)
        assert kept.is_away
        assert (await looked_at(environ, "settlement", really=True)).forgotten
        assert await groups.positions() == {}
    assert not (await looked_at(environ, "settlement")).registered


async def test_who_lives_is_not_forgotten(
    server: RedisServer, environ: Mapping[str, str], tmp_path: Path
) -> None:
    note = Note(service="history", instance="b", number=5, host="there", pid=77)
    async with living(server, note):
        shown = await pmengine("forget", "history", "--yes", cwd=tmp_path, environ=environ)
    assert shown.returncode == Exit.DIFFERENT
    assert "history lives: there:77" in shown.stderr
    assert await kept_for(server) == ["history", "relay"]


async def test_status_says_for_whom_the_log_is_kept(
    server: RedisServer, environ: Mapping[str, str], tmp_path: Path
) -> None:
    async def away() -> bool:
        shown = await pmengine("status", "--json", cwd=tmp_path, environ=environ)
        seen = json.loads(shown.stdout)
        assert [(one["service"], one["lag"]) for one in seen["kept_for"]] == [
            ("history", ENTRIES - 2),
            ("relay", 0),
        ]
        return any("pmengine forget history" in problem for problem in seen["problems"])

    async with asyncio.timeout(60):
        while not await away():
            await asyncio.sleep(0.1)
    shown = await pmengine("status", cwd=tmp_path, environ=environ)
    assert f"kept for history: at entry 2, {ENTRIES - 2} behind, away for" in shown.stdout


async def test_streams_of_one_process_have_nobody_to_forget(tmp_path: Path) -> None:
    alone = {"DATA_DIR": str(tmp_path / "data"), "REDIS_ENABLED": "false"}
    shown = await pmengine("forget", "history", "--yes", cwd=tmp_path, environ=alone)
    assert shown.returncode == Exit.USAGE
    assert "Traceback" not in shown.stderr
    assert not (tmp_path / "data").exists()


async def test_an_unknown_name_is_answered_with_those_there_are(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    shown = await pmengine("forget", "histori", cwd=tmp_path, environ=environ)
    assert shown.returncode == Exit.ABSENT
    assert "there are: history, relay" in shown.stderr
