"""`pmstore copy`: everything from one place to another, verified by digest."""

from __future__ import annotations

import asyncio
import enum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from pmstore.cli.comparing import Comparison, compare_records, compare_snapshots
from pmstore.cli.copy_state import CopyState, forget, state_folder
from pmstore.cli.copying import copy_records, copy_snapshots
from pmstore.cli.examples import examples
from pmstore.cli.exits import Exit, failures_as_exits, say
from pmstore.cli.output import Json, print_rows
from pmstore.cli.places import Place, find_place
from pmstore.cli.progress import progress_bar
from pmstore.cli.reading import opened_to_read
from pmstore.cli.records import RECORDS, Contract
from pmstore.cli.totals import contents_of, total_of
from pmstore.errors import SettingsError
from pmstore.registry import find_backend, open_snapshot_store

EXAMPLES = examples(
    "pmstore copy sqlite:///orders.db postgresql://u:p@db/exchange",
    "pmstore copy file:trades.log sqlite:///history.db -c trades",
    "pmstore copy --from-env-file old.env --to-env-file new.env -c orders",
)


class Copied(enum.StrEnum):
    """What can be copied."""

    EVENTS = "events"
    ACCOUNTS = "accounts"
    ORDERS = "orders"
    TRADES = "trades"
    SNAPSHOTS = "snapshots"


_NAMES: Final = "FROM or --from-env-file, and either TO or --to-env-file"


def copy(
    source: Annotated[
        str | None, typer.Argument(help="Where to copy from.", metavar="FROM", show_default=False)
    ] = None,
    target: Annotated[
        str | None, typer.Argument(help="Where to copy to.", metavar="TO", show_default=False)
    ] = None,
    contracts: Annotated[
        list[Copied] | None,
        typer.Option(
            "--contract", "-c", help="What to copy; may be repeated. Unset: all that is there."
        ),
    ] = None,
    from_env_file: Annotated[
        Path | None, typer.Option("--from-env-file", help="Copy from what it configures.")
    ] = None,
    to_env_file: Annotated[
        Path | None, typer.Option("--to-env-file", help="Copy to what it configures.")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", help="Folder that remembers how far it got.", show_default=False),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew instead of where it was stopped.")
    ] = False,
    as_json: Json = False,
) -> None:
    """
    Copy orders, trades, balances, events and snapshots, then compare both sides.

    A copy that was stopped or killed goes on when it is started again. Exit code 1 if the
    two sides differ in the end.
    """
    if from_env_file is not None and target is None:
        source, target = None, source
    again = "stopped; the same command goes on where it was"
    with failures_as_exits(stopped=again):
        wanted = contracts or _kept_by_both(source, from_env_file, target, to_env_file)
        found: list[Comparison] = []
        for contract in wanted:
            here = find_place(source, from_env_file, contract.value, names=_NAMES)
            there = find_place(target, to_env_file, contract.value, names=_NAMES)
            found.append(asyncio.run(_copy(here, there, contract, state, restart)))
    _report(found, as_json)
    if not all(one.same for one in found):
        raise typer.Exit(Exit.DAMAGED)


def _kept_by_both(
    source: str | None, from_env_file: Path | None, target: str | None, to_env_file: Path | None
) -> list[Copied]:
    """What is at the one place, and can be kept at the other."""
    both: list[Copied] = []
    ledger_lines = 0
    for contract in Copied:
        here = find_place(source, from_env_file, contract.value, names=_NAMES)
        there = find_place(target, to_env_file, contract.value, names=_NAMES)
        ours, _ = find_backend(here.stack.truth, pins=here.pins)
        theirs, _ = find_backend(there.stack.truth, pins=there.pins)
        if contract.value not in ours.contracts or contract.value not in theirs.contracts:
            continue
        contents = asyncio.run(contents_of(here.stack.truth, here.pins))
        if contents is None or contract.value in contents:
            both.append(contract)
        ledger_lines = max(ledger_lines, (contents or {}).get("ledger", 0))
    if not both:
        raise SettingsError(
            ["there is nothing that the one place has and the other can keep; name it: --contract"]
        )
    if ledger_lines:
        say(f"the {ledger_lines} lines of the ledger are not copied: it begins anew there")
    return both


async def _copy(
    here: Place, there: Place, contract: Copied, folder: Path | None, restart: bool
) -> Comparison:
    folder = (folder or state_folder(str(here), str(there))) / contract.value
    if restart:
        forget(folder)
    total = await total_of(here, contract.value)
    if contract is Copied.SNAPSHOTS:
        async with (
            opened_to_read(here, "snapshots", open_snapshot_store) as source,
            open_snapshot_store(there.stack, pins=there.pins) as target,
        ):
            with progress_bar("copy snapshots", total) as advance:
                await copy_snapshots(source, target, advance)
            return await compare_snapshots(source, target)
    records = RECORDS[Contract(contract.value)]
    async with records.opened_to_read(here) as source, records.opened(there) as target:
        _refuse_windows(source, here, target, there, contract)
        state = CopyState(folder, contract.value)
        rounds = 2 if contract is Copied.TRADES else 1
        with progress_bar(
            f"copy {contract.value}", None if total is None else total * rounds
        ) as advance:
            await copy_records(records, source, target, state, advance)
        with progress_bar(f"compare {contract.value}", total) as advance:
            found = await compare_records(records, source, target, advance)
    # Also after a difference: the next run looks at everything again.
    forget(folder)
    return found


def _refuse_windows(source: Any, here: Place, target: Any, there: Place, contract: Copied) -> None:
    for store, place in ((source, here), (target, there)):
        if not store.coverage.is_all:
            raise SettingsError(
                [f"{place}: it keeps only the recent part of the {contract.value}: copy its truth"]
            )


def _report(found: list[Comparison], as_json: bool) -> None:
    rows = [
        {
            "contract": one.contract,
            "copied": one.copied,
            "same": one.same,
            "missing": one.missing,
            "foreign": one.foreign,
            "different": one.different,
            "from_digest": one.source_digest,
            "to_digest": one.target_digest,
        }
        for one in found
    ]
    if as_json:
        examples = {one.contract: one.examples for one in found}
        print_rows(
            [row | {"examples": examples[str(row["contract"])]} for row in rows],
            as_json=True,
            empty="",
        )
        return
    digests = {"from_digest", "to_digest"}
    shown = [
        {name: str(value)[:12] if name in digests else value for name, value in row.items()}
        for row in rows
    ]
    print_rows(shown, as_json=False, empty="")
    for one in found:
        for example in one.examples:
            say(f"{one.contract}: {example}")
