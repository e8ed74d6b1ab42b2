"""Turns messages of the asset service into the fields of the API's operations, and back."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from google.protobuf.message import Message

from pmengine.gateways.http.problems import Problem

_WORD_BEGINS: Final = re.compile(r"(?<!^)(?=[A-Z])")


def fields_of(message: Message) -> dict[str, Any]:
    """
    What *message* says, by the names of its fields.

    An unset optional field, and an enum that is unspecified, is left out.

    Raises:
        Problem: The number of an enum has no name here (400).
    """
    given: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.has_presence and not message.HasField(field.name):
            continue
        if field.enum_type is None:
            given[field.name] = value
        elif value:
            given[field.name] = _word(field.name, field.enum_type, value)
    return given


def fill(message: Message, shown: msgspec.Struct) -> None:
    """Say in *message* what *shown* says; its further fields are left out."""
    for field in message.DESCRIPTOR.fields:
        value = getattr(shown, field.name, None)
        if value is None or value is msgspec.UNSET:
            continue
        if field.is_repeated:
            items = getattr(message, field.name)
            for one in value:
                fill(items.add(), one)
        elif field.message_type is not None:
            part = getattr(message, field.name)
            part.SetInParent()
            fill(part, value)
        else:
            setattr(message, field.name, _said(field, value))


def _said(field: Any, value: Any) -> Any:
    if field.enum_type is None:
        return value
    return field.enum_type.values_by_name[_prefix(field.enum_type) + value.upper()].number


def _word(name: str, kind: Any, number: int) -> str:
    """The API's word for a number of an enum: `buy` for SIDE_BUY."""
    known = kind.values_by_number.get(number)
    if known is None:
        raise Problem(400, "MALFORMED", f"{name}: {kind.name} has no number {number}", field=name)
    return str(known.name).removeprefix(_prefix(kind)).lower()


def _prefix(kind: Any) -> str:
    return _WORD_BEGINS.sub("_", kind.name).upper() + "_"
