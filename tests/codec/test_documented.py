"""The page about facts and snapshots names every member there is."""

from __future__ import annotations

import re
import typing
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest

from pmstore.codec.changes_in import WireChange
from pmstore.codec.events import WireEvent, WireMarket
from pmstore.codec.orders import WireOrder
from pmstore.codec.snapshots_out import encode_snapshot
from pmstore.models.leaving import Leaving
from pmstore.models.market import Fees, MarketState
from pmstore.models.snapshot import Snapshot

pytestmark = pytest.mark.docs
PAGE = (Path(__file__).parents[2] / "docs/reference/facts.md").read_text(encoding="utf-8")
IN_WORDS = {WireOrder: "an order", WireEvent: "an event", int: "the id"}


def rows(heading: str) -> dict[str, str]:
    """The second cells of the table under *heading* by the words of the first."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:2] == "| "]
    return {row[0].strip("`"): row[1] for row in cells[2:]}


def members(kind: Any) -> list[str]:
    if attrs.has(kind):
        return [field.name for field in attrs.fields(kind)]
    return list(kind.__struct_fields__)


def test_every_fact_is_documented_with_its_members() -> None:
    documented = rows("Facts")
    hints = typing.get_type_hints(WireChange)
    assert documented.keys() == hints.keys()
    for name, hint in hints.items():
        kind = next(one for one in typing.get_args(hint) if one is not type(None))
        if kind in IN_WORDS:
            assert documented[name] == IN_WORDS[kind]
        else:
            assert re.findall(r"`(\w+)`", documented[name]) == members(kind), name


@pytest.mark.parametrize(
    ("beginning", "kinds"),
    [
        ("An **order** has", [WireOrder]),
        ("An **event** has", [WireEvent, WireMarket, Fees]),
        ("**Leaving** orders are", [Leaving]),
    ],
)
def test_every_part_of_a_fact_is_documented(beginning: str, kinds: list[Any]) -> None:
    paragraph = PAGE.split(beginning)[1].split("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", paragraph))
    assert {member for kind in kinds for member in members(kind)} <= named
    if WireMarket in kinds:
        assert {state.value for state in MarketState} <= named


def test_every_member_of_a_snapshot_file_is_documented() -> None:
    empty = Snapshot(orders=(), events={}, timestamp=0, last_message_id=None)
    written = msgspec.json.decode(b"".join(encode_snapshot(empty)))
    assert list(rows("Snapshot")) == list(written)
