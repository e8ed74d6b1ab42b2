"""How records are shown to whoever reads what a clause saw: by name, and where they differ."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from pmstore.models.balance import Balance
from pmstore.models.market import Event
from pmstore.models.order import Order
from pmstore.models.position import Entry
from pmstore.models.trade import Trade
from pmstore.testing.samples import balance, event, order, trade

_LONG: Final = 600
"""Characters after which what has no names is cut."""
_USUAL: Final[dict[type, Any]] = {
    Order: order(0),
    Trade: trade(0),
    Balance: balance("", "", 0, 0),
    Event: event(0),
}
"""A sample of each kind: most fields that are as in it need no telling."""


def shown(value: object) -> str:
    """*value* as text: records with what matters of them, enums by name."""
    if isinstance(value, enum.Enum):
        return value.name
    if type(value) in _USUAL:
        return f"{_name(value)} ({', '.join(_special(value))})"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={shown(one)}" for key, one in value.items()) or "everything"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(map(shown, value))) + "}"
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))})"
    return repr(value)


def listed(records: Iterable[object]) -> str:
    """Records one after another."""
    return "[" + ", ".join(map(shown, records)) + "]"


def difference(found: object, wanted: object) -> str:
    """
    Where two answers differ, a line for each record that is missing, unwanted or other.

    What is no collection of records is shown as it is, cut if it is long.
    """
    if type(found) is type(wanted) and type(wanted) in _USUAL:
        return f"    {_name(wanted)}: {_fields(found, wanted)}"
    had, asked = _named(found), _named(wanted)
    if had is None or asked is None:
        return f"    found  {_cut(repr(found))}\n    wanted {_cut(repr(wanted))}"
    lines = [f"    missing   {shown(asked[name])}" for name in asked if name not in had]
    lines += [f"    unwanted  {shown(had[name])}" for name in had if name not in asked]
    for name in asked:
        if name in had and had[name] != asked[name]:
            lines.append(f"    {name}: {_fields(had[name], asked[name])}")
    if not lines and not (had and isinstance(found, list | tuple)):
        return f"    found  {_cut(repr(found))}\n    wanted {_cut(repr(wanted))}"
    if not lines:
        lines.append("    the same records, but in another order or number")
    return "\n".join([*lines, f"    found  {_names(found)}", f"    wanted {_names(wanted)}"])


def _name(record: Any) -> str:
    match record:
        case Order():
            return str(record.id)
        case Trade():
            return f"trade {record.trade_id}"
        case Balance():
            return f"{record.user_id}'s {record.asset}"
        case Event():
            return f"event {record.event_id}"
        case Entry():
            return f"entry {record.id}"
    raise TypeError(f"{type(record).__name__} has no name")


def _special(record: Any) -> Iterable[str]:
    usual = _USUAL[type(record)]
    for field in attrs.fields(type(record)):
        value = getattr(record, field.name)
        special = field.name in _TOLD or value != getattr(usual, field.name)
        if special and field.name not in _NAMING:
            yield f"{field.name} {shown(value)}"


_NAMING: Final = {"id", "trade_id", "event_id", "asset"}
_TOLD: Final = {
    "version",
    "timestamp",
    "user_id",
    "taker_user_id",
    "maker_user_id",
    "side",
    "status",
}


def _fields(found: Any, wanted: Any) -> str:
    if type(found) is not type(wanted) or not attrs.has(type(wanted)):
        return f"found {_cut(shown(found))}, wanted {_cut(shown(wanted))}"
    return "; ".join(
        f"{field.name}: found {getattr(found, field.name)!r}, "
        f"wanted {getattr(wanted, field.name)!r}"
        for field in attrs.fields(type(wanted))
        if getattr(found, field.name) != getattr(wanted, field.name)
    )


def _records(answer: object) -> Sequence[Any] | None:
    if isinstance(answer, Mapping):
        answer = list(answer.values())
    if isinstance(answer, (list, tuple)) and all(type(one) in _NAMED for one in answer):
        return answer
    return None


_NAMED: Final = (*_USUAL, Entry)


def _named(answer: object) -> dict[str, Any] | None:
    records = _records(answer)
    return None if records is None else {_name(one): one for one in records}


def _names(answer: object) -> str:
    return _cut("[" + ", ".join(_name(one) for one in _records(answer) or ()) + "]")


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}… ({len(text)} characters)"
