"""What a planted bug is: a store with one, and the clause that must catch it."""

from __future__ import annotations

from typing import Generic, TypeVar

import attrs

from pmstore.protocols.store import Store
from pmstore.testing.clause import Clauses
from pmstore.testing.rig import Rig

S = TypeVar("S", bound=Store)


@attrs.frozen
class PlantedBug(Generic[S]):
    """
    A store with one bug.

    Attributes:
        clauses: The contract that it breaks.
        name: The name of the store's class; its docstring says what is wrong.
        rig: How the kit opens it.
        caught_by: The name of a clause that must be broken.
    """

    clauses: Clauses[S]
    name: str
    rig: Rig[S]
    caught_by: str

    def __str__(self) -> str:
        return f"{self.name}-{self.caught_by}"
