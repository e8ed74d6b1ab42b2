"""Whatever stands in a field, the answer names it, and what is refused changes nothing."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any, Final

import pytest

from pmengine.facts import Refusal
from pmengine.gateways.http.api import OPERATIONS
from pmengine.gateways.http.operations import Operation
from tests.gateways.exchange import Running

SAMPLE: Final = 30
JUNK: Final[list[Any]] = [
    None,
    True,
    -1,
    0,
    1.5,
    2**63,
    10**40,
    "",
    " ",
    "x" * 300,
    "\x00",
    "é",
    "1e5",
    "NaN",
    "-0.5",
    "0.00000001",
    "9" * 30,
    [],
    {},
    [[]],
    [None],
    {"": 0},
    {"1": {"1": {}}},
]
PATHS: Final = {
    "{event_id}": "1",
    "{market_id}": "1",
    "{order_id}": "o1",
    "{topic}": "football",
    "{user_id}": "u1",
}
TAKEN: Final = {"DUPLICATE_TOPIC", "DUPLICATE_SLUG", "DUPLICATE_EVENT"}
"""Refusals for what was made before, as the engine's are: no field is wrong by itself."""


def places(body: Any, path: str = "") -> Iterator[tuple[Any, Any, str]]:
    """Every place of a body: what holds it, its key there, and its name in problems."""
    if isinstance(body, dict):
        for key, value in body.items():
            name = f"{path}.{key}".removeprefix(".")
            yield body, key, name
            yield from places(value, name)
    elif isinstance(body, list):
        for index, value in enumerate(body):
            yield body, index, f"{path}[{index}]"
            yield from places(value, f"{path}[{index}]")


def is_about(field: str, changed: str) -> bool:
    """Whether a problem's field is the changed one, lies in it or holds it."""
    root = changed.partition(".")[0].partition("[")[0]
    return field.partition(".")[0].partition("[")[0] == root


WRITING = [one for one in OPERATIONS if one.body is not None]


@pytest.mark.parametrize("one", WRITING, ids=lambda one: one.name)
async def test_a_field_that_holds_anything_else_is_named(running: Running, one: Operation) -> None:
    source = random.Random(one.name)
    path = one.path
    for name, value in PATHS.items():
        path = path.replace(name, value)
    await running.done("POST", "/topics", json={"topic": "football", "name": "Football"})
    cases = [
        (number, junk)
        for number, _ in enumerate(places(one.body_example))
        for junk in range(len(JUNK))
    ]
    for number, junk in source.sample(cases, min(SAMPLE, len(cases))):
        body = copy.deepcopy(one.body_example)
        holder, key, changed = list(places(body))[number]
        holder[key] = JUNK[junk]
        digest = running.digest()
        response = await running.ask(one.method, path, json=body)
        said = f"{changed} = {JUNK[junk]!r}: {response.text}"
        assert response.status_code < 500, said
        if response.status_code >= 400:
            problem = response.json()
            is_engines = problem["code"] in Refusal.__members__ and "field" not in problem
            is_taken = problem["code"] in TAKEN
            assert is_engines or is_taken or is_about(problem["field"], changed), said
            assert problem["detail"], said
            if response.status_code == 400:
                assert not is_engines, said
            if not is_engines:
                assert running.digest() == digest, said


@pytest.mark.parametrize(
    "one", [one for one in OPERATIONS if one.method == "GET"], ids=lambda one: one.name
)
async def test_a_parameter_that_is_anything_else_is_named(running: Running, one: Operation) -> None:
    path = one.path
    for name, value in PATHS.items():
        path = path.replace(name, value)
    if one.outside:
        return
    source = random.Random(one.name)
    given = {"event_id": "1", "market_id": "1"}
    names = [name for name in one.parameters.__struct_fields__ if f"{{{name}}}" not in one.path]
    required = {name: given[name] for name in names if name in given}
    texts = ["", " ", "-1", "0x1", "1e3", "9" * 40, "é", "%", "\x00", "None", "[]", "true", "1,2"]
    for name in names:
        for text in source.sample(texts, 6):
            response = await running.ask("GET", path, params={**required, name: text})
            said = f"{name} = {text!r}: {response.text}"
            assert response.status_code < 500, said
            if response.status_code in (400, 422):
                assert response.json().get("field", name) == name, said
    response = await running.ask("GET", path, params={**required, "nothing": "1"})
    assert response.json()["field"] == "nothing"
