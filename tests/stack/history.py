"""Judges what all processes saw on a stack against what it promises."""

from __future__ import annotations

import bisect
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

import attrs

CACHE_MAX_AGE_S = 1.0


@attrs.define
class _Key:
    """What happened to one key."""

    sent: dict[int, tuple[float, bool]] = attrs.Factory(dict)
    """Version -> when it was sent, and whether it was a remove."""
    acks: dict[str, list[tuple[float, int]]] = attrs.Factory(lambda: defaultdict(list))
    """Life of a process -> when a version was acknowledged to it."""

    def acknowledged(self, reader: str, began: float) -> int:
        """The highest version that a read of *reader* at *began* must have known; -1: none."""
        newest = -1
        for life, acks in self.acks.items():
            until = began if life == reader else began - CACHE_MAX_AGE_S
            at = bisect.bisect_right(acks, (until, 2**63))
            if at:
                newest = max(newest, acks[at - 1][1])
        return newest


@attrs.frozen
class Read:
    """One key as one read found it; `version` -1: absent."""

    life: str
    how: str
    began: float
    ended: float
    key: str
    version: int


class History:
    """
    What every life of every process reported.

    Args:
        reports: Name of a life -> its report.
    """

    def __init__(self, reports: Mapping[str, Path]) -> None:
        self.reads: list[Read] = []
        self.invented: list[str] = []
        self.answered: dict[str, list[float]] = defaultdict(list)
        self.refused = self.unread = self.acknowledged = 0
        self._keys: dict[str, _Key] = defaultdict(_Key)
        for life, report in reports.items():
            self._take(life, report)
        for key in self._keys.values():
            for acks in key.acks.values():
                _make_running_maximum(acks)

    def _take(self, life: str, report: Path) -> None:
        for text in report.read_text().splitlines():
            line = json.loads(text)
            match line["e"]:
                case "send":
                    for key in line["keys"]:
                        self._keys[key].sent[line["version"]] = (line["at"], line["gone"])
                case "ack":
                    self.acknowledged += len(line["keys"])
                    for key in line["keys"]:
                        self._keys[key].acks[life].append((line["at"], line["version"]))
                case "read":
                    self.answered[life].append(line["at"])
                    for key, version in zip(line["keys"], line["versions"], strict=True):
                        read = Read(life, line["how"], line["began"], line["at"], key, version)
                        self.reads.append(read)
                case "invented":
                    self.invented.append(f"{life}: {line['why']}")
                case "refused":
                    self.refused += 1
                case "unread":
                    self.unread += 1

    def problems(self) -> list[str]:
        """Every read that broke a promise."""
        found = list(self.invented)
        for read in self.reads:
            if problem := self._problem(read):
                found.append(f"{problem}: {read}")
        return found

    def _problem(self, read: Read) -> str | None:
        key = self._keys[read.key]
        must = key.acknowledged(read.life, read.began)
        if read.version >= 0:
            sent = key.sent.get(read.version)
            if sent is None or sent[1] or sent[0] > read.ended:
                return "nobody had saved this version"
            return None if read.version >= must else f"stale, version {must} was acknowledged"
        gone = (
            version
            for version, (at, is_remove) in key.sent.items()
            if is_remove and at <= read.ended and version >= must
        )
        if must >= 0 and next(gone, None) is None:
            return f"absent, version {must} was acknowledged and nobody removed it"
        return None

    def lost(self, truth: Mapping[str, int], keys: Iterable[str]) -> list[str]:
        """What was acknowledged and is not in *truth* (key -> version) at the end."""
        found = []
        for key in keys:
            end = Read("truth", "end", float("inf"), float("inf"), key, truth.get(key, -1))
            if problem := self._problem(end):
                found.append(f"{problem}: {key} is {end.version}")
        return found

    def longest_silence_s(self, life: str, began: float, ended: float) -> float:
        """The longest time between *began* and *ended* without an answered read."""
        answers = sorted(at for at in self.answered[life] if began <= at <= ended)
        places = [began, *answers, ended]
        return max(later - earlier for earlier, later in pairwise(places))


def _make_running_maximum(acks: list[tuple[float, int]]) -> None:
    acks.sort()
    newest = -1
    for at, (moment, version) in enumerate(acks):
        newest = max(newest, version)
        acks[at] = (moment, newest)
