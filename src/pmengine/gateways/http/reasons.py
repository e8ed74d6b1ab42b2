"""When each problem is answered, in the words of the API's description."""

from __future__ import annotations

from typing import Final

REFUSED: Final = "The engine refused it; `code` says why."
NOT_APPLIED: Final = "It was not applied; send it again."
UNKNOWN: Final = "No outcome in time: ask again with the same ids."
BEHIND: Final = "The stores did not answer in time."
NO_USER: Final = "The request does not say who asks."
TOO_LARGE: Final = "The body is larger than 64 KiB."
MALFORMED: Final = "A field or parameter is unknown, missing, of the wrong type or out of range."

NO_ID: Final = "What should be an id is none."

READING: Final = {400: MALFORMED, 503: BEHIND}
"""Of what asks."""
CHANGING: Final = {
    400: MALFORMED,
    413: TOO_LARGE,
    422: REFUSED,
    503: NOT_APPLIED,
    504: UNKNOWN,
}
"""Of what changes something and has no body."""
WRITING: Final = {**CHANGING, 415: "The body is not application/json."}
"""Of what changes something and has a body."""
