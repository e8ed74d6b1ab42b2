"""`get`, `find` and `tail` show what is stored, and refuse what cannot be asked."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import signal
import sqlite3
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import pmstore
from pmstore.cli.exits import Exit
from pmstore.codec import encode_order, encode_trade
from pmstore.tables.schema import VERSION_TABLE
from pmstore.testing import samples
from pmstore.testing.servers import PostgresServer
from tests.cli.kept import Kept
from tests.cli.running import document, lines, program, run


@pytest.fixture
def kept() -> Kept:
    place = Kept()

    async def fill() -> None:
        async with place.orders, place.trades, place.accounts, place.events:
            await place.orders.save([samples.order(number) for number in range(25)])
            await place.trades.append([samples.trade(number) for number in range(25)])
            await place.accounts.save(
                [samples.balance("user_1", "cash"), samples.balance("user_2", "token_0")]
            )
            await place.events.save([(samples.event(number), 1) for number in (1, 2)])

    asyncio.run(fill())
    return place


def test_orders_are_shown_by_their_ids_in_the_order_asked(kept: Kept) -> None:
    assert lines("get", kept.url, "order_7", "order_3") == [
        json.loads(encode_order(samples.order(number))) for number in (7, 3)
    ]


def test_a_record_is_shown_to_people_in_the_units_of_the_table(kept: Kept) -> None:
    shown = dict(
        line.split("  ", 1) for line in run("get", kept.url, "order_3").stdout.splitlines() if line
    )
    (header, row) = run("find", kept.url, "--id", "order_3").stdout.splitlines()
    found = dict(zip(re.split(r"  +", header.strip()), re.split(r"  +", row.strip()), strict=True))
    assert {name: shown[name].strip() for name in found} == found
    assert found["price"] == "0.5"


def test_what_is_absent_is_named_and_the_rest_is_shown(kept: Kept) -> None:
    result = run("get", kept.url, "order_1", "absent", code=Exit.ABSENT)
    assert "absent is not there" in result.stderr
    assert "order_1" in result.stdout


def test_balances_and_events_are_got_by_their_keys(kept: Kept) -> None:
    assert lines("get", "-c", "accounts", kept.url, "user_1:cash")[0]["available"] == 1000
    assert lines("get", "-c", "events", kept.url, "2")[0]["event_id"] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("get", "-c", "trades", "URL", "1"), "pmstore find -c trades"),
        (("get", "-c", "accounts", "URL", "user_1"), "USER:ASSET"),
        (("get", "-c", "events", "URL", "x"), "it is a number"),
        (("find", "URL", "--asset", "cash"), "--asset: orders cannot be chosen by it"),
        (("find", "URL", "--status", "Nwe"), "Did you mean New?"),
        (("find", "URL", "--side", "up"), "Buy, Sell"),
        (("find", "URL", "--limit", "1001"), "it takes 1..1000"),
        (("find", "URL", "--start", "yesterday"), "--start: 'yesterday' is no time"),
        (("find", "URL", "--start", "2024-99-01T00:00:00Z"), "--start:"),
        (("find", "URL", "--after", "x"), "is not a cursor"),
        (("find", "-c", "events", "URL", "--id", "x"), "it is a number"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_way_out(
    kept: Kept, words: tuple[str, ...], message: str
) -> None:
    result = run(*(kept.url if one == "URL" else one for one in words), code=Exit.UNUSABLE)
    assert message in result.stderr
    assert result.stdout == ""


def test_filters_choose_and_all_walks_through_every_page(kept: Kept) -> None:
    orders = lines("find", kept.url, "--user", "user_1", "--side", "buy", "--all")
    wanted = [samples.order(number) for number in range(25) if number % 3 == 1 and number % 2]
    assert [one["id"] for one in orders] == [one.id for one in wanted]
    trades = lines("find", "-c", "trades", kept.url, "--token", "token_2", "--all")
    assert [one["trade_id"] for one in trades] == [22, 18, 14, 10, 6, 2]
    assert len(lines("find", "-c", "accounts", kept.url, "--asset", "cash")) == 1
    assert [one["event_id"] for one in lines("find", "-c", "events", kept.url)] == [1, 2]
    window = lines(
        "find", kept.url, "--start", str(samples.START_MS + 3), "--end", "2023-11-14T22:13:20.005Z"
    )
    assert [one["id"] for one in window] == ["order_3", "order_4"]


def test_pages_follow_each_other_by_the_cursor_that_was_shown(kept: Kept) -> None:
    first = run("find", kept.url, "--limit", "20", "--json")
    cursor = first.stderr.split("--after ")[1].split(",")[0]
    second = lines("find", kept.url, "--limit", "20", "--after", cursor)
    assert [one["order_num"] for one in second] == [20, 21, 22, 23, 24]


def test_people_see_decimals_and_times(kept: Kept) -> None:
    shown = run("find", kept.url, "--id", "order_3").stdout
    assert "0.5 " in shown
    assert "2023-11-14T22:13:20.003Z" in shown
    assert run("find", kept.url, "--user", "nobody").stdout == "Nothing matches.\n"


def test_an_id_that_looks_like_an_emoji_is_shown_as_it_is(kept: Kept) -> None:
    async def save() -> None:
        async with kept.orders:
            await kept.orders.save([samples.order(100, id=":x:")])

    asyncio.run(save())
    assert ":x:" in run("find", kept.url, "--id", ":x:").stdout


def test_an_env_file_takes_the_place_of_the_url(tmp_path: Path, kept: Kept) -> None:
    file = tmp_path / "some.env"
    file.write_text(f"PMSTORE_ORDERS_URL={kept.url}\nPMSTORE_TRADES_URL={kept.url}\n")
    assert lines("get", "--env-file", str(file), "order_1")[0]["id"] == "order_1"
    assert len(lines("find", "--env-file", str(file), "-c", "trades", "--limit", "7")) == 7
    run("find", kept.url, "--env-file", str(file), code=Exit.USAGE)
    run("find", code=Exit.USAGE)


def test_an_env_file_with_mistakes_names_all_of_them(tmp_path: Path) -> None:
    file = tmp_path / "some.env"
    file.write_text("PMSTORE_ORDRES_URL=memory://\nDATABASE_PORT=many\n")
    result = run("find", "--env-file", str(file), code=Exit.UNUSABLE)
    assert "Did you mean PMSTORE_ORDERS_URL?" in result.stderr
    assert "DATABASE_PORT" in result.stderr


async def _append(url: str, *payloads: bytes) -> None:
    async with pmstore.open_stream(url, "store_stream") as stream:
        for payload in payloads:
            await stream.append([payload])


def test_a_stream_is_followed_from_its_start(tmp_path: Path) -> None:
    url = f"file:{tmp_path}"
    asyncio.run(_append(url, b'{"a":1}', b"plain"))
    shown = lines("tail", url, "store_stream", "--from-start", "--count", "2")
    assert [one["payload"] for one in shown] == [{"a": 1}, "plain"]
    text = run("tail", url, "store_stream", "--from-start", "--count", "1").stdout
    assert text.strip().endswith('{"a":1}')


async def test_new_entries_are_shown_as_they_come_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    url = f"file:{tmp_path}/streams"
    async with pmstore.open_stream(url, "store_stream") as stream:
        await stream.append([b"old"])
        follower = program("tail", url, "store_stream", "--json")
        shown = await _first_line(follower, lambda: stream.append([b"new"]))
    assert shown["payload"] == "new"
    await _stopped(follower)


async def test_new_trades_are_shown_beside_the_writer_of_the_audit_log(tmp_path: Path) -> None:
    url = f"file:{tmp_path}/t.log"
    async with pmstore.open_trade_store(url) as trades:
        await trades.append([samples.trade(1)])
        numbers = count(2)
        follower = program("tail", url, "trades", "--json")
        shown = await _first_line(follower, lambda: trades.append([samples.trade(next(numbers))]))
        assert shown == json.loads(encode_trade(samples.trade(shown["trade_id"])))
        assert shown["trade_id"] > 1
        await _stopped(follower)
        env = tmp_path / "some.env"
        env.write_text(f"PMSTORE_TRADES_URL=memory://?recent=10 > {url}\n")
        found = await asyncio.to_thread(
            lines, "find", "-c", "trades", "--env-file", str(env), "--order", "order_1", "--all"
        )
        assert [one["trade_id"] for one in found][-1] == 1


async def _first_line(
    follower: subprocess.Popen[str], cause: Callable[[], Awaitable[object]]
) -> dict[str, Any]:
    """What the follower prints first, while something new is caused again and again."""
    assert follower.stdout is not None
    reading = asyncio.create_task(asyncio.to_thread(follower.stdout.readline))
    deadline = time.monotonic() + 60
    while not reading.done() and time.monotonic() < deadline:
        await cause()
        await asyncio.wait((reading,), timeout=0.1)
    shown: dict[str, Any] = json.loads(reading.result())
    return shown


async def _stopped(follower: subprocess.Popen[str]) -> None:
    """Ctrl-C ends it at once and without a word."""
    follower.send_signal(signal.SIGINT)
    _, told = await asyncio.to_thread(follower.communicate, timeout=60)
    assert (follower.returncode, told) == (0, "")


def test_tail_wants_a_name(tmp_path: Path) -> None:
    run("tail", f"file:{tmp_path}", code=Exit.USAGE)
    run("tail", f"file:{tmp_path}", "absent", code=Exit.UNAVAILABLE)


async def _save_snapshot(folder: Path) -> None:
    async with pmstore.open_snapshot_store(f"file:{folder}/store") as snapshots:
        await snapshots.save(samples.snapshot(1))


def test_snapshots_and_streams_are_found_by_an_env_file(tmp_path: Path) -> None:
    asyncio.run(_save_snapshot(tmp_path))
    asyncio.run(_append(f"file:{tmp_path}/streams", b"x"))
    file = tmp_path / "some.env"
    file.write_text(f"DATA_DIR={tmp_path}\n")
    env = ("--env-file", str(file))
    (row,) = document("snapshot", "list", *env)
    assert document("snapshot", "show", *env) == document("snapshot", "show", row["name"], *env)
    assert document("snapshot", "verify", *env)["generations"] == 1
    assert document("stream", "info", "store_stream", *env)["last_bytes"] == 1
    run("snapshot", "list", f"file:{tmp_path}/store", *env, code=Exit.USAGE)


def test_a_reader_that_has_enough_ends_the_command_quietly(tmp_path: Path) -> None:
    url = f"file:{tmp_path}/t.log"

    async def fill() -> None:
        async with pmstore.open_trade_store(url) as trades:
            await trades.append([samples.trade(number) for number in range(3000)])

    asyncio.run(fill())
    running = program("find", "-c", "trades", url, "--all", "--json")
    assert running.stdout is not None
    assert running.stderr is not None
    assert json.loads(running.stdout.readline())["trade_id"] == 2999
    running.stdout.close()
    told = running.stderr.read()
    running.stderr.close()
    assert (running.wait(timeout=60), told) == (0, "")


def test_what_the_operating_system_refuses_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words = (
        "copy",
        "memory://",
        "memory://",
        "-c",
        "orders",
        "--state",
        str(tmp_path / "file" / "x"),
    )
    result = run(*words, code=Exit.UNAVAILABLE)
    assert "Not a directory" in result.stderr
    assert "Traceback" not in result.output


def test_who_only_looks_makes_no_database(tmp_path: Path, postgres_server: PostgresServer) -> None:
    schema = f"looking_{secrets.token_hex(4)}"
    for url in (f"sqlite:///{tmp_path}/none.db", f"{postgres_server.url}?schema={schema}"):
        for words in (("find",), ("get",)):
            ids = ("order_1",) if words == ("get",) else ()
            told = run(*words, url, *ids, code=Exit.ABSENT).stderr
            assert "nothing was ever stored there" in told
        for words in (
            ("snapshot", "list", url),
            ("snapshot", "show", url),
            ("snapshot", "verify", url),
            ("prune", url, "--before", "1d", "--dry-run"),
            ("prune", url, "--before", "1d"),
            ("outbox", url),
            ("copy", "-c", "snapshots", url, "memory://"),
        ):
            told = run(*words, code=Exit.ABSENT).stderr
            assert "nothing was ever stored there" in told
        one = [one for one in document("doctor", url)["findings"] if one["level"] == "warning"]
        assert [finding["kind"] for finding in one] == ["schema-missing"]
    assert list(tmp_path.iterdir()) == []


def test_who_only_looks_makes_no_folder_of_snapshots(tmp_path: Path) -> None:
    for words in ("list", "show", "verify"):
        told = run("snapshot", words, f"file:{tmp_path}/none", code=Exit.ABSENT).stderr
        assert "there are no snapshots at" in told
    assert list(tmp_path.iterdir()) == []


def test_who_only_looks_migrates_no_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"

    async def save() -> None:
        async with pmstore.open_order_store(url) as orders:
            await orders.save([samples.order(1)])

    asyncio.run(save())
    assert lines("find", url)[0]["id"] == "order_1"
    with closing(sqlite3.connect(tmp_path / "one.db", isolation_level=None)) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    for words in (("find",), ("snapshot", "list"), ("prune", "--dry-run", "--before", "1d")):
        assert "9999" in run(*words, url, code=Exit.UNUSABLE).stderr
