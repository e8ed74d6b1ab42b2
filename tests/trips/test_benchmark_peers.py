"""The comparison with the order books of others says of whom it could not speak, and why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import peers


@pytest.mark.slow
def test_order_books_that_cannot_be_installed_are_named_and_no_ratio_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    (figure,) = peers.measure(500, 1, lambda: None)
    assert figure.name == "peers, ladder"
    for name in peers.PEERS:
        assert f"without {name}: it cannot be installed (ERROR: No matching" in figure.detail


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        ([(10, 1, 5, 100), (11, 2, 5, 100)], None),
        ([(10, 1, 5, 100), (11, 3, 5, 100)], "it trades otherwise, from trade 1 of 2 on"),
        ([(10, 1, 5, 100)], "it trades otherwise, from trade 1 of 2 on"),
        ([], "it trades otherwise, from trade 0 of 2 on"),
    ],
)
def test_a_book_that_trades_otherwise_is_told_with_the_first_trade(
    theirs: list[tuple[int, int, int, int]], told: str | None
) -> None:
    assert peers.disagreement([(10, 1, 5, 100), (11, 2, 5, 100)], theirs) == told
