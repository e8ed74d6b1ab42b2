"""How the client shows who it is, to the API and to the user feed."""

from __future__ import annotations

import attrs


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
        if sum(one is not None for one in (self.user_id, self.token, self.api_key)) > 1:
            raise ValueError("give one of user_id, token and api_key")

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
