"""The description of the API (OpenAPI 3.1), made from the operations and their schemas."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import msgspec

from pmengine.gateways.http.operations import Answer, Operation
from pmengine.gateways.http.problems import Problem, ProblemDetails

_PROBLEM = "application/problem+json"
_ALWAYS = {403: "The request comes from elsewhere.", 500: "The exchange failed."}
_GUARDED = {
    401: "What the request shows of who asks does not count.",
    403: "The caller has not the scope that it takes.",
    429: "This user or address asks too much; wait `Retry-After` seconds.",
    500: "The exchange failed.",
    503: "It cannot be done now.",
}
_CODES = {
    400: "MALFORMED",
    401: "NO_USER",
    403: "FOREIGN_HOST",
    404: "UNKNOWN_EVENT",
    409: "UNKNOWN_ORDER",
    410: "ORDER_NOT_KEPT",
    413: "BODY_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    422: "INVALID_PRICE",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL",
    501: "NO_LEDGER",
    503: "NOT_TAKEN",
    504: "OUTCOME_UNKNOWN",
}
"""A code that each status may come with, for its example."""
_USER = {"user": {"type": "apiKey", "in": "header", "name": "X-User-Id"}}
_CREDENTIALS = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def describe(operations: Iterable[Operation], prefix: str, *, is_open: bool = True) -> bytes:
    """
    The OpenAPI document of *operations*, those not `outside` under *prefix*; as JSON.

    Args:
        is_open: Whether it is for AUTH=off.
    """
    operations = list(operations)
    schemas: list[Any] = [ProblemDetails]
    for one in operations:
        schemas += [answer.body for answer in one.answers.values()]
        schemas.append(one.parameters)
        if one.body is not None:
            schemas.append(one.body)
    _, components = msgspec.json.schema_components(
        schemas, ref_template="#/components/schemas/{name}"
    )
    parameter_names = {one.parameters.__name__ for one in operations}
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        path = one.path if one.outside else prefix + one.path
        paths.setdefault(path, {})[one.method.lower()] = _operation(one, components, is_open)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "pmengine",
            "version": version("pmstore"),
            "description": (
                "A prediction-market exchange. Prices, quantities and money are exact decimal "
                "strings; times are epoch milliseconds. Problems are RFC 9457 documents."
            ),
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(one) for one in operations)],
        "paths": paths,
        "components": {
            "schemas": {
                name: schema for name, schema in components.items() if name not in parameter_names
            },
            "securitySchemes": _USER if is_open else _CREDENTIALS,
        },
    }
    return msgspec.json.encode(document)


def _operation(operation: Operation, components: dict[str, Any], is_open: bool) -> dict[str, Any]:
    always = _ALWAYS if is_open or operation.outside else _GUARDED
    problems = {**always, **operation.problems}
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.says,
        "tags": [_tag(operation)],
        "responses": {
            **{str(status): _answer(answer) for status, answer in operation.answers.items()},
            **{str(status): _problem(status, says) for status, says in sorted(problems.items())},
        },
    }
    parameters = list(_parameters(operation, components[operation.parameters.__name__]))
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _reference(operation.body),
                    "example": operation.body_example,
                }
            },
        }
    if is_open:
        if operation.user:
            described["security"] = [{"user": []}]
    elif operation.scope is not None and not operation.outside:
        described["security"] = [{name: [operation.scope.value]} for name in _CREDENTIALS]
    return described


def _tag(operation: Operation) -> str:
    return operation.path.split("/")[1]


def _answer(answer: Answer) -> dict[str, Any]:
    content = {"schema": _reference(answer.body), "example": answer.example}
    described = {"description": answer.says, "content": {"application/json": content}}
    if answer.links:
        described["links"] = {
            name: {"operationId": name, "parameters": dict(parameters)}
            for name, parameters in answer.links.items()
        }
    return described


def _problem(status: int, says: str) -> dict[str, Any]:
    example = Problem(status, _CODES[status], says).details()
    content = {"schema": _reference(ProblemDetails), "example": msgspec.to_builtins(example)}
    return {"description": says, "content": {_PROBLEM: content}}


def _parameters(operation: Operation, schema: dict[str, Any]) -> Iterable[dict[str, Any]]:
    in_path = set(re.findall(r"{(\w+)}", operation.path))
    required = set(schema.get("required", ()))
    for name, of_type in schema.get("properties", {}).items():
        yield {
            "name": name,
            "in": "path" if name in in_path else "query",
            "required": name in in_path or name in required,
            "schema": of_type,
        }


def _reference(schema: Any) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema.__name__}"}
