"""Values of a question that the database can be asked for, and those that nothing equals."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from pmstore.models.units import INTEGER_MAX, is_id

INTEGER_MIN: Final = -INTEGER_MAX - 1


def fits(number: int) -> bool:
    """Whether a column can hold *number*."""
    return INTEGER_MIN <= number <= INTEGER_MAX


def text_list(texts: Iterable[str]) -> str:
    """The ids among *texts* as the argument of `json_each`; what is no id is no key either."""
    return json.dumps([text for text in texts if is_id(text)], ensure_ascii=False)


def number_list(numbers: Iterable[int]) -> str:
    """The numbers that a column can hold as the argument of `json_each`."""
    return json.dumps([number for number in numbers if fits(number)])
