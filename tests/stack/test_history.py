"""The judge of what processes saw on a stack finds each kind of lie, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.stack.history import History

SENT = {"e": "send", "at": 1.0, "keys": ["a-0"], "version": 5, "gone": False}
ACK = {"e": "ack", "at": 1.1, "keys": ["a-0"], "version": 5}
GONE = {"e": "send", "at": 2.0, "keys": ["a-0"], "version": 6, "gone": True}


def read(version: int, began: float) -> dict[str, Any]:
    return {
        "e": "read",
        "began": began,
        "at": began + 0.01,
        "keys": ["a-0"],
        "versions": [version],
        "how": "get",
    }


def judged(folder: Path, a: list[dict[str, Any]], b: list[dict[str, Any]]) -> History:
    reports = {}
    for life, lines in (("a.1", a), ("b.1", b)):
        reports[life] = folder / life
        reports[life].write_text("".join(json.dumps(line) + "\n" for line in lines))
    return History(reports)


@pytest.mark.parametrize(
    ("writer", "reader", "problem"),
    [
        ([SENT, ACK, read(5, 1.2)], [], None),
        ([SENT, ACK, read(-1, 1.2)], [], "absent"),
        ([SENT, ACK], [read(-1, 1.2)], None),
        ([SENT, ACK], [read(-1, 2.2)], "absent"),
        ([SENT, ACK, GONE], [read(-1, 2.2)], None),
        ([SENT, ACK, GONE], [read(5, 9.0)], None),
        ([SENT, ACK, GONE, {**ACK, "at": 2.1, "version": 6}], [read(5, 3.0)], None),
        ([SENT, ACK, GONE, {**ACK, "at": 2.1, "version": 6}], [read(5, 3.2)], "stale"),
        ([SENT, ACK], [read(6, 1.2)], "nobody"),
        ([{**SENT, "at": 3.0}], [read(5, 1.2)], "nobody"),
        ([SENT, GONE], [read(6, 2.2)], "nobody"),
        ([SENT], [read(5, 1.2), read(-1, 1.3)], None),
    ],
)
def test_each_lie_is_found(
    tmp_path: Path,
    writer: list[dict[str, Any]],
    reader: list[dict[str, Any]],
    problem: str | None,
) -> None:
    problems = judged(tmp_path, writer, reader).problems()
    if problem is None:
        assert problems == []
    else:
        assert len(problems) == 1
        assert problems[0].startswith(problem)


@pytest.mark.parametrize(("truth", "lost"), [({"a-0": 5}, 0), ({}, 1), ({"a-0": 4}, 1)])
def test_what_was_acknowledged_and_is_not_there_is_lost(
    tmp_path: Path, truth: dict[str, int], lost: int
) -> None:
    assert len(judged(tmp_path, [SENT, ACK], []).lost(truth, ["a-0"])) == lost


def test_a_silence_is_measured_from_answer_to_answer(tmp_path: Path) -> None:
    history = judged(tmp_path, [SENT, ACK], [read(5, 2.0), read(5, 4.5)])
    assert history.longest_silence_s("b.1", 1.5, 5.0) == pytest.approx(2.5)
    assert history.longest_silence_s("a.1", 1.5, 5.0) == pytest.approx(3.5)
