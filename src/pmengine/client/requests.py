"""What a request of the API is: what is sent, what answers it, and what a repetition does."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import attrs

from pmengine.client.errors import Ids

T = TypeVar("T")


class Repeat(enum.Enum):
    """What it does to send a request once more after nobody knows what became of the first."""

    ASKS = "asks"
    """Nothing: it changes nothing."""
    SAME_ID = "same_id"
    """It is answered as the first was, by the id that both carry."""
    SAME_STATE = "same_state"
    """Nothing, if the first was done; but it may be refused because the first was done."""


@attrs.frozen(kw_only=True)
class Request(Generic[T]):
    """
    One request.

    Attributes:
        answer: The type of the answer's body.
        parameters: Of the query; None leaves one out.
        body: Fields of the JSON body; None there leaves one out.
        ids: What an unknown outcome is told with.
    """

    method: str
    path: str
    answer: type[T]
    repeat: Repeat
    parameters: Mapping[str, Any] = attrs.Factory(dict)
    body: Mapping[str, Any] | None = None
    ids: Ids = attrs.Factory(Ids)


def said(fields: Mapping[str, Any]) -> dict[str, Any]:
    """*fields* without those that say nothing."""
    return {name: value for name, value in fields.items() if value is not None}
