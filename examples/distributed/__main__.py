"""
The whole exchange on one machine as it is spread over several, through the death of a leader.

    python -m examples.distributed [--commands N] [--rate N]

Starts a Redis and a PostgreSQL of its own and every service as a process, the engine twice, feeds
the sample through the API, kills the leading engine with SIGKILL in the middle, and ends with
`pmengine verify` and what was seen. Nothing of it is left. Exit codes: 0 every command answered
and every law kept, 1 not so, 2 wrong options or a server is missing, 130 ended by a signal.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from examples.distributed.deployment import LOOK_S, START_S_MAX, Broken, Deployment
from examples.distributed.feed import Feed, Unanswered
from pmengine.sample import SAMPLE_COMMANDS
from pmstore.testing.servers import PostgresServer, RedisServer, ServerFailed, ServerMissing

KILLED_AFTER: Final = 0.4
"""The part of the sample that is fed before the leader is killed."""
WATCH_S: Final = 0.5
SIGNAL_S: Final = 0.1
ENDED_BY_SIGNAL: Final = 130


def main() -> int:
    """Run it as the command line says; the exit code."""
    options = argparse.ArgumentParser(prog="distributed", description=__doc__)
    options.formatter_class = argparse.RawDescriptionHelpFormatter
    options.add_argument("--commands", type=_at_least(500), default=SAMPLE_COMMANDS)
    options.add_argument("--rate", type=_at_least(1), default=400, help="commands a second")
    chosen = options.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    folder = Path(tempfile.mkdtemp(prefix="pmengine-distributed-"))
    try:
        return asyncio.run(_until_signal(_run(console, folder, chosen.commands, chosen.rate)))
    except (asyncio.CancelledError, KeyboardInterrupt):
        console.print("Ended before its end; everything is stopped and removed.")
        return ENDED_BY_SIGNAL
    except ServerMissing as error:
        console.print(str(error))
        return 2
    except (Broken, ServerFailed, Unanswered) as error:
        return _failed(console, error)
    except ExceptionGroup as errors:
        # Feeding and watching fail together; what is not one of ours goes on as it came.
        known, unknown = errors.split((Broken, Unanswered))
        if known is None or unknown is not None:
            raise
        return _failed(console, *known.exceptions)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _failed(console: Console, *errors: Exception) -> int:
    for error in errors:
        console.print(f"FAILED: {error}", markup=False)
    return 1


async def _until_signal(running: Coroutine[Any, Any, int]) -> int:
    """Await *running*; the first signal cancels it, later ones leave it to clean up."""
    task = asyncio.create_task(running)
    asked = False

    def cancel() -> None:
        nonlocal asked
        if not asked:
            asked = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, cancel)
    return await task


async def _run(console: Console, folder: Path, commands: int, rate: int) -> int:
    with ExitStack() as servers:
        try:
            redis = servers.enter_context(RedisServer(folder / "redis"))
            postgres = servers.enter_context(PostgresServer(folder / "postgres"))
        except ServerFailed:
            # Ctrl-C ends programs that prepare a server too; then that is what happened.
            await asyncio.sleep(SIGNAL_S)
            raise
        console.print(f"started {redis} and {postgres}")
        deployment = Deployment(folder, redis, postgres)
        try:
            console.print("starting every service as a process, the engine twice")
            await deployment.start()
            for one in deployment.processes:
                console.print(f"  {one.name:<15} process {one.pid:<7} {one.health}/ready")
            return await _show(console, deployment, commands, rate)
        finally:
            await deployment.stop()
            console.print("stopped every process")


async def _show(console: Console, deployment: Deployment, commands: int, rate: int) -> int:
    columns = (TextColumn("sample"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    lags: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("sample", total=commands)
        is_due = asyncio.Event()

        def advanced() -> None:
            progress.advance(bar)
            if progress.tasks[bar].completed >= commands * KILLED_AFTER:
                is_due.set()

        feed = Feed(deployment.url, commands, rate, advanced)
        await feed.set_up()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_watch(deployment, lags))
            feeding = group.create_task(feed.run())
            await is_due.wait()
            await _kill_leader(console, deployment, feed)
            await feeding
            watching.cancel()
    fed_at = loop.time()
    while any((await deployment.lags()).values()):
        if loop.time() - fed_at > START_S_MAX:
            raise Broken(f"services are still behind: {await deployment.lags()}")
        await asyncio.sleep(LOOK_S)
    caught_up_s = loop.time() - fed_at
    console.print("pmengine verify, on the log, the snapshots, the stores and the projections:")
    code, said = await deployment.verify()
    for line in said.splitlines():
        console.print(f"  {line}", markup=False)
    _summary(console, feed, await feed.kept(), lags, caught_up_s)
    return code


async def _kill_leader(console: Console, deployment: Deployment, feed: Feed) -> None:
    loop = asyncio.get_running_loop()
    leader, standby = await deployment.leader()
    answered, killed_at = feed.engine_killed(), loop.time()
    await deployment.kill(leader)
    console.print(f"SIGKILL to the leading engine, process {leader.pid}")
    took = await standby.until(ready=True, role="leader")
    led_s = loop.time() - killed_at
    async with asyncio.timeout(START_S_MAX):
        answered_s = await answered
    console.print(
        f"process {standby.pid} leads in epoch {took['epoch']}, {led_s:.2f} s later; an order sent "
        f"after the kill was first answered {answered_s:.2f} s after it"
    )


async def _watch(deployment: Deployment, lags: Counter[str]) -> None:
    """Note by how much each service is behind at most."""
    while True:
        # What was just killed answers no more.
        with suppress(httpx.TransportError):
            lags |= await deployment.lags()
        await asyncio.sleep(WATCH_S)


def _summary(
    console: Console, feed: Feed, kept: int, lags: Counter[str], caught_up_s: float
) -> None:
    accepted, refused = feed.orders["accepted"], feed.orders["refused"]
    console.print(
        f"orders answered: {accepted + refused} of {feed.sent}, {accepted} accepted and {refused} "
        f"refused; kept: {kept}, each accepted one once; {feed.cancels} cancels answered"
    )
    console.print(
        f"asked again with the same ids: {feed.asked_again} times; the slowest outcome took "
        f"{feed.slowest_s:.2f} s"
    )
    most = ", ".join(f"{name} {lags[name]}" for name in sorted(lags))
    console.print(
        f"entries of the log behind, at most: {most}; all caught up {caught_up_s:.2f} s after the "
        "last answer"
    )


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise ValueError(text)
        return value

    return number


if __name__ == "__main__":
    sys.exit(main())
