"""Shows the report of a replay: tables for people, one JSON document for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import attrs
from rich.console import Console
from rich.table import Table

from pmengine.replay import Report, Unmatched, by_cause

_UNMATCHED_SHOWN_MAX = 10
_Rows = Iterable[tuple[str, object]]


def print_json(report: Report, plain_digest: str | None) -> None:
    """Print everything that *report* says as one JSON document."""
    opening, prints, pictures = report.opening, report.prints, report.pictures
    document: dict[str, Any] = {
        "events": report.events,
        "price_offset_cents": opening.price_offset,
        "older_orders": {
            "opened": len(opening.older),
            "sized_by_counterparty": opening.sized_by_counterparty,
            "unsized": len(opening.unsized),
        },
        "commands": {"opening": report.opening_commands, **report.commands},
        "refused": {
            f"{kind} {refusal.name}": count for (kind, refusal), count in report.refused.items()
        },
        "interpreted": {cause.name: count for cause, count in report.causes.items()},
        "prints": {
            "recorded": prints.prints,
            "ours": prints.fills,
            "matched": prints.matched,
            "matched_share": prints.explained,
            "matched_with_older_order": prints.matched_older,
            "missed": [_unmatched(one) for one in prints.missed],
            "extra": [_unmatched(one) for one in prints.extra],
        },
        "pictures": {
            "compared": pictures.pictures,
            "equal": pictures.equal,
            "equal_but_silent": pictures.equal_but_silent,
            "off_by_levels": {str(levels): n for levels, n in pictures.off_by.items() if levels},
            "silent_levels": pictures.silent_levels,
            "differing_levels": {cause.name: n for cause, n in pictures.levels.items()},
        },
        "match_types": {one.value: count for one, count in report.match_types.items()},
        "fills_digest": report.fills_digest,
        "plain_fills_digest": plain_digest,
        "seconds": report.seconds,
        "engine_seconds": report.engine_seconds,
        "commands_per_second": report.commands_per_second,
        "engine_commands_per_second": report.engine_commands_per_second,
    }
    print(json.dumps(document, ensure_ascii=False))


def print_tables(report: Report, plain_digest: str | None) -> None:
    """Print the tables of *report*."""
    console = Console(markup=False, highlight=False)
    console.print(_table("Events read", _events(report)))
    console.print(_table("Commands made", _commands(report)))
    console.print(_table("Events that were no plain submit, cancel or amend", _causes(report)))
    console.print(_table("Our trades against the recorded prints", _prints(report)))
    _print_unmatched(console, report)
    console.print(_table("Our best levels against the recorded pictures", _pictures(report)))
    console.print(_table("Speed", _speed(report)))
    console.print(f"fills digest  {report.fills_digest}", soft_wrap=True)
    if plain_digest is not None:
        console.print(f"plain replay  {plain_digest}", soft_wrap=True)
        same = plain_digest == report.fills_digest
        console.print("the fills are the same" if same else "THE FILLS DIFFER")


def _table(title: str, rows: _Rows) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, show_header=False
    )
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    for name, value in rows:
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    return table


def _events(report: Report) -> _Rows:
    yield "all", sum(report.events.values())
    yield from ((f"  {kind}", count) for kind, count in report.events.items())


def _commands(report: Report) -> _Rows:
    opening = report.opening
    yield "all", report.opening_commands + sum(report.commands.values())
    yield "  opening: the market, and orders older than the recording", report.opening_commands
    if opening.sized_by_counterparty:
        told = "    of these sized by the fill that the other side told of"
        yield told, opening.sized_by_counterparty
    if opening.unsized:
        yield "    older orders left out, nothing tells their amount", len(opening.unsized)
    yield from ((f"  {kind}", count) for kind, count in report.commands.items())
    yield "refused", sum(report.refused.values())
    for (kind, refusal), count in report.refused.items():
        yield f"  {kind}: {refusal.name}, {refusal.text}", count
    yield "price in ticks = cents less", opening.price_offset


def _causes(report: Report) -> _Rows:
    yield from ((cause.value, count) for cause, count in report.causes.items())


def _prints(report: Report) -> _Rows:
    prints = report.prints
    yield "recorded prints", prints.prints
    yield "our trades", prints.fills
    share = f"{prints.matched:,} ({prints.explained:.1%})"
    yield "matched exactly by price and amount", share
    yield "  with an order older than the recording", prints.matched_older
    for name, unmatched in (("missed", prints.missed), ("extra", prints.extra)):
        yield name, len(unmatched)
        yield from ((f"  {cause.value}", n) for cause, n in by_cause(unmatched).items())
    for match_type, count in report.match_types.items():
        yield f"our trades of match type {match_type.value}", count


def _pictures(report: Report) -> _Rows:
    pictures = report.pictures
    yield "pictures", pictures.pictures
    yield "equal in every level", pictures.equal
    yield "equal, or but for older orders never told of", pictures.equal_but_silent
    for levels, count in pictures.off_by.items():
        if levels:
            yield f"off by {levels} level{'s' if levels > 1 else ''}", count
    yield "differing levels over all pictures", sum(pictures.levels.values())
    for cause, count in pictures.levels.items():
        yield f"  {cause.value}", count
    yield "prices at which older orders were never told of", pictures.silent_levels


def _speed(report: Report) -> _Rows:
    yield "seconds", f"{report.seconds:.2f}"
    yield "commands per second, read, matched and compared", round(report.commands_per_second)
    yield "commands per second inside the engine", round(report.engine_commands_per_second)


def _print_unmatched(console: Console, report: Report) -> None:
    offset = report.opening.price_offset
    missed = report.prints.missed
    for one in missed[:_UNMATCHED_SHOWN_MAX]:
        ours = "-" if one.other_amount is None else f"{one.other_amount / 1e8:.8f}"
        console.print(
            f"  missed at {one.time_ms}: {(one.price + offset) / 100:.2f} x "
            f"{one.amount / 1e8:.8f}, ours {ours}"
        )
    if len(missed) > _UNMATCHED_SHOWN_MAX:
        console.print(f"  and {len(missed) - _UNMATCHED_SHOWN_MAX} more; --json lists all")


def _unmatched(one: Unmatched) -> dict[str, Any]:
    return {**attrs.asdict(one), "cause": one.cause.name}
