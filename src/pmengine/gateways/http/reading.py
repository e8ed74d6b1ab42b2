"""Turns the texts of a request into units, or says what is wrong with them and where."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec

from pmengine.gateways.http.problems import Problem
from pmstore import (
    MONEY_DECIMALS,
    MONEY_MAX,
    PAYOUT,
    PRICE_DECIMALS,
    PRICE_MAX,
    PRICE_MIN,
    QUANTITY_DECIMALS,
    QUANTITY_MAX,
)
from pmstore.decimals import format_decimal, parse_decimal
from pmstore.errors import InvalidRecord

T = TypeVar("T")
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_MISSING: Final = re.compile(r"missing required field `([^`]{1,64})`")
_UNKNOWN: Final = re.compile(r"unknown field `([^`]{1,64})`")
_DECIMAL_FIELDS: Final = frozenset(
    {"price", "quantity", "volume", "amount", "payouts", "quantity_max"}
)
QUERY_FIELDS_MAX: Final = 32
FLOAT_EXACT_MAX: Final = 2**53


def decode_body(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """
    The body as its schema says.

    Raises:
        Problem: It is not JSON, or not of the schema (400).
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        if "got `float`" in str(error):
            return cast(T, _decode_whole(decoder.type, body, str(error)))
        raise _not_of_schema(str(error), decoder.type, "the body") from None
    except ValueError as error:
        raise Problem(400, "MALFORMED", f"the body is not JSON in UTF-8: {error}") from None


def _decode_whole(schema: Any, body: bytes, said: str) -> Any:
    """The body with 5.0 read as 5, which it is to who knows no integers; as `decode_body`."""
    try:
        return msgspec.convert(_whole(msgspec.json.decode(body)), schema, str_keys=True)
    except msgspec.ValidationError as error:
        raise _not_of_schema(str(error), schema, "the body") from None
    except RecursionError:
        raise _not_of_schema(said, schema, "the body") from None


def _whole(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= FLOAT_EXACT_MAX else value
    if isinstance(value, dict):
        return {name: _whole(one) for name, one in value.items()}
    return [_whole(one) for one in value] if isinstance(value, list) else value


def refuse_body(body: bytes) -> None:
    """
    Nothing, where nothing is read from a *body*: empty, or an object without a field.

    Raises:
        Problem: It says something (400).
    """
    if body and body.translate(None, b" \t\r\n") not in (b"", b"{}"):
        raise Problem(
            400, "MALFORMED", "this takes no body; what it can be told goes into the query"
        )


def decode_parameters(schema: type[T], path: Mapping[str, str], query_string: bytes) -> T:
    """
    Path and query parameters as their schema says.

    Raises:
        Problem: One is unknown, given twice, of the wrong type or out of range (400).
    """
    given: dict[str, str] = {}
    if query_string:
        try:
            pairs = parse_qsl(
                query_string.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=QUERY_FIELDS_MAX,
            )
        except ValueError as error:
            raise Problem(400, "MALFORMED", f"the query cannot be read: {error}") from None
        for name, value in pairs:
            if name in given or name in path:
                raise Problem(
                    400, "MALFORMED", f"{name} is given twice; give it once", field=name[:64]
                )
            given[name] = value
    try:
        return msgspec.convert({**given, **path}, schema, strict=False)
    except msgspec.ValidationError as error:
        raise _not_of_schema(str(error), schema, "the request") from None


def convert_fields(given: Mapping[str, Any], schema: type[T]) -> T:
    """
    What was *given* by names of fields, as its schema says.

    Raises:
        Problem: One is missing, of the wrong type or out of range (400).
    """
    try:
        return msgspec.convert(given, schema)
    except msgspec.ValidationError as error:
        raise _not_of_schema(str(error), schema, "the request") from None


def parse_id(text: str, field: str) -> str:
    """An id as the edge takes it: 1..64 of `[A-Za-z0-9._:-]`."""
    if _ID.fullmatch(text) is None:
        raise Problem(
            422,
            "INVALID_ID",
            f"{field} is {_shown(text)}; it takes 1..64 of A-Z a-z 0-9 . _ : -",
            field=field,
        )
    return text


def parse_name(text: str | None, field: str) -> str | None:
    """An id that need not be there."""
    return None if text is None else parse_id(text, field)


def parse_price(text: str) -> int:
    """A price in ticks."""
    return _parse(text, PRICE_DECIMALS, PRICE_MIN, PRICE_MAX, "price", "INVALID_PRICE")


def parse_quantity(text: str, field: str = "quantity", least: int = 1) -> int:
    """A quantity in lots."""
    return _parse(text, QUANTITY_DECIMALS, least, QUANTITY_MAX, field, "INVALID_QUANTITY")


def parse_money(text: str, field: str) -> int:
    """An amount of money in micros."""
    return _parse(text, MONEY_DECIMALS, 1, MONEY_MAX, field, "INVALID_VOLUME")


def parse_payout(text: str, field: str) -> int:
    """What a share is paid, in ticks."""
    return _parse(text, PRICE_DECIMALS, 0, PAYOUT, field, "MALFORMED")


def parse_end_date(text: str) -> str:
    """RFC 3339 text with an offset, as it was given."""
    try:
        fits = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        fits = False
    if not fits:
        raise Problem(
            422,
            "INVALID_EXPIRY",
            f'end_date is {_shown(text)}; send RFC 3339 such as "2030-01-01T00:00:00Z"',
            field="end_date",
        )
    return text


def _parse(text: str, decimals: int, least: int, most: int, field: str, code: str) -> int:
    try:
        value = parse_decimal(text, decimals, field)
    except InvalidRecord as error:
        raise Problem(422, code, str(error), field=field) from None
    if not least <= value <= most:
        bounds = f"{format_decimal(least, decimals)} .. {format_decimal(most, decimals)}"
        raise Problem(422, code, f"{field} is {_shown(text)}; it takes {bounds}", field=field)
    return value


def _not_of_schema(message: str, schema: Any, what: str) -> Problem:
    """msgspec's word as ours: where, what, and what to do."""
    said, _, place = message.partition(" - at `")
    field = place.rstrip("`").removeprefix("key` in `").removeprefix("$").removeprefix(".")
    unknown = _UNKNOWN.search(said)
    if unknown is not None:
        field = f"{field}.{unknown[1]}".removeprefix(".")
        names = _names(schema)
        near = difflib.get_close_matches(unknown[1], names, n=1)
        known = f"known are {', '.join(sorted(names))}" if names else "it takes none"
        advice = f"did you mean {near[0]}?" if near else known
        return Problem(400, "MALFORMED", f"there is no field {field}; {advice}", field=field)
    absent = _MISSING.search(said)
    if absent is not None:
        field = f"{field}.{absent[1]}".removeprefix(".")
        return Problem(400, "MALFORMED", f"{field} is missing; add it", field=field)
    last = field.rpartition(".")[2].partition("[")[0]
    advice = ""
    if last in _DECIMAL_FIELDS and "got `" in said:
        advice = '; decimals are strings, such as "0.5"'
    where = field or what
    return Problem(
        400, "MALFORMED", f"{where}: {said.replace('`', '')}{advice}", field=field or None
    )


def _names(schema: Any) -> set[str]:
    """The names of all fields in *schema* and in the structs inside it."""
    names: set[str] = set()
    _, components = msgspec.json.schema_components([schema])
    for component in components.values():
        names.update(component.get("properties", ()))
    return names


def _shown(text: str) -> str:
    return repr(text) if len(text) <= 64 else repr(text[:64]) + "…"
