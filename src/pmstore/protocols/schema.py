"""The schema of a database, and how it is brought up to date."""

from __future__ import annotations

from typing import Any, Protocol

import attrs


@attrs.frozen
class Revisions:
    """The revision that a database had, None if it was empty, and the newest that there is."""

    found: str | None
    newest: str

    @property
    def is_current(self) -> bool:
        """Whether there is nothing to do."""
        return self.found == self.newest


class Schema(Protocol):
    """
    What `pmstore migrate` does for a backend that has a schema.

    Both verbs are given the parsed config, open what they need and close it. They raise
    `SettingsError` if the schema is newer than the code, and `StoreUnavailable` if nobody
    answers.
    """

    async def look(self, config: Any, /) -> Revisions:
        """Which revision is there; changes nothing."""
        ...

    async def migrate(self, config: Any, /) -> Revisions:
        """
        Bring the schema to the newest revision, whatever the config says of migrations.

        One transaction: after a failure it is as before. Of several at the same time one
        does it; repeating it is harmless.
        """
        ...
