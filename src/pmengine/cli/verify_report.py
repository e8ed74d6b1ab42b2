"""Shows what a verification finds: lines for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from pmengine.invariants import Breach
from pmengine.services.verifying import Report


class EntriesDone:
    """How many entries of the log were looked at, on a bar."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("entries", total=None)

    def expect(self, count: int) -> None:
        """There will be *count* of them."""
        self._bar.update(self._task, total=count)

    def advance(self, count: int) -> None:
        """So many more were looked at."""
        self._bar.advance(self._task, count)


class Reporter:
    """
    Prints each breach as it is found, and a summary in the end.

    For programs that is one document in the end; or, following, a document a line.
    """

    def __init__(self, *, as_json: bool, follow: bool) -> None:
        self._as_json = as_json
        self._follow = follow
        self._progress: Progress | None = None

    @contextmanager
    def progress(self) -> Iterator[EntriesDone]:
        """A bar on the error output while the block runs, if that is a terminal."""
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not sys.stderr.isatty(),
        )
        with bar:
            self._progress = bar
            yield EntriesDone(bar)
        self._progress = None

    def begins(self, report: Report) -> None:
        """Say on the error output that a follower is at work."""
        print(
            f"Following the log from {report.began_with}; Ctrl-C ends.", file=sys.stderr, flush=True
        )

    def heard(self, breach: Breach) -> None:
        """Print a breach."""
        if self._as_json:
            if self._follow:
                print(json.dumps({"breach": breach_document(breach)}), flush=True)
            return
        if self._progress is not None:
            self._progress.stop()  # or the bar would stand between the lines
        for line in _lines(breach):
            print(line, flush=True)
        if self._progress is not None:
            self._progress.start()

    def summary(self, report: Report) -> None:
        """Print what was looked at, and whether a law is broken."""
        if self._as_json:
            document = report_document(report)
            print(json.dumps({"summary": document} if self._follow else document), flush=True)
            return
        print(
            f"Looked at {report.entries:,} entries with {report.commands:,} commands and "
            f"{report.changes:,} changes: from {report.began_with} through entry {report.number} "
            f"at {report.position}."
        )
        compared = [
            f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(report.compared.items())
        ]
        print(
            f"The whole state was checked {report.complete_checks} times"
            + (f"; compared: {', '.join(compared)}." if compared else ".")
        )
        for note in report.notes:
            print(f"Not looked at: {note}.")
        if not report.breaches:
            print("No law is broken.")
            return
        first = report.breaches[0]
        count = len(report.breaches)
        more = " at least" if report.is_full or report.ended_by_breach else ""
        print(
            f"{count} breaches{more}; the first is of {first.violation.law.slug} at entry "
            f"{first.number}. What follows from a breach is a breach too: begin with the first."
        )


def breach_document(breach: Breach) -> dict[str, Any]:
    """A breach for programs."""
    violation = breach.violation
    return {
        "law": violation.law.slug,
        "sentence": violation.law.value,
        "subject": violation.subject,
        "text": violation.text,
        "number": breach.number,
        "position": None if breach.position is None else str(breach.position),
        "change": breach.change,
        "command": breach.command or None,
    }


def report_document(report: Report) -> dict[str, Any]:
    """A whole verification for programs."""
    return {
        "kept": not report.breaches,
        "began_with": report.began_with,
        "began_after": report.began_after,
        "number": report.number,
        "position": None if report.position is None else str(report.position),
        "entries": report.entries,
        "commands": report.commands,
        "changes": report.changes,
        "complete_checks": report.complete_checks,
        "compared": dict(sorted(report.compared.items())),
        "not_looked_at": list(report.notes),
        "breaches": [breach_document(breach) for breach in report.breaches],
        "there_may_be_more": report.is_full or report.ended_by_breach,
    }


def _lines(breach: Breach) -> Iterator[str]:
    violation = breach.violation
    yield f"BROKEN {violation.law.slug}: {violation}"
    yield f"   the law   {violation.law.value}"
    where = f"entry {breach.number}"
    if breach.position is not None:
        where += f" at {breach.position}"
    if breach.change is not None:
        where += f", by change {breach.change}"
    yield f"   the place {where}"
    if breach.command:
        yield f"   asked     {breach.command}"
