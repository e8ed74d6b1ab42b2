"""How the client shows who it is, to the API and to the user feed."""

from __future__ import annotations

import re
from typing import Final

import attrs

_TEXT: Final = re.compile(r"[\x21-\x7e]+")


@attrs.frozen(kw_only=True, repr=False)
class Credentials:
    """
    At most one of the three; without any only what everybody may see is answered.

    It has no `repr`: two of them are secret.

    Attributes:
        user_id: Of an exchange with AUTH=off.
        token: A JWT.
        api_key: An API key.
    """

    user_id: str | None = None
    token: str | None = None
    api_key: str | None = None

    def __attrs_post_init__(self) -> None:
        given = {name: text for name, text in attrs.asdict(self).items() if text is not None}
        if len(given) > 1:
            raise ValueError("give one of user_id, token and api_key")
        for name, text in given.items():
            # What is wrong is not shown: it may be a secret but for its line end.
            if _TEXT.fullmatch(text) is None:
                raise ValueError(
                    f"the {name} is empty, has a blank or a line end, or is not ASCII; of what was "
                    "read from a file give the .strip()"
                )

    @property
    def headers(self) -> dict[str, str]:
        """What a request shows."""
        if self.token is not None:
            return {"Authorization": f"Bearer {self.token}"}
        if self.api_key is not None:
            return {"X-API-Key": self.api_key}
        if self.user_id is not None:
            return {"X-User-Id": self.user_id}
        return {}

    @property
    def first_message(self) -> dict[str, str]:
        """What the first message of the user feed shows."""
        if self.token is not None:
            return {"auth": self.token}
        if self.api_key is not None:
            return {"api_key": self.api_key}
        if self.user_id is not None:
            return {"user_id": self.user_id}
        raise ValueError("the user feed takes a client with a user_id, a token or an api_key")
