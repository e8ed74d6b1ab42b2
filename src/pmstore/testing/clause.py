"""A clause: one law of a contract in one sentence, and the check of it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import attrs

from pmstore.protocols.store import Store
from pmstore.testing.rig import Rig, Trial

S = TypeVar("S", bound=Store)

Body = Callable[[Trial[S]], Coroutine[Any, Any, None] | None]


_HINTS: Final = {
    "clock": "the kit moves the rig's `clock`; was the store that `open` makes given the same one?",
    "tombstones": "the kit moves the rig's `clock` until `tombstone_s` is over; was the store that "
    "`open` makes given the same clock, and the same `tombstone_s`?",
    "crash": "`crash` must leave the place as the death of the process would, and acknowledge "
    "nothing afterwards; does the rig's do that?",
}
"""What may be wrong with the rig, by what a broken clause needs of it."""


class ClauseBroken(AssertionError):
    """A store does not keep a law; the message says which one, and what was seen."""


class DeclaredAbsent(Exception):
    """A clause about something that the rig declares absent; its absence was asserted."""


@attrs.frozen
class Clause(Generic[S]):
    """
    One law of one contract.

    Attributes:
        contract: The contract, such as `order_store`.
        name: The law in a few words, as a test id.
        law: The law in one sentence.
        need: What a rig must declare for it, None for nothing.
    """

    contract: str
    name: str
    law: str
    need: str | None
    _body: Body[S]
    _otherwise: Body[S] | None

    def check(self, rig: Rig[S], folder: Path) -> None:
        """
        Check the law on stores of *rig*, inside the empty *folder*.

        Runs its own event loop, so it must be called outside of one.

        Raises:
            ClauseBroken: The store does not keep it, raised what it may not, tried to skip,
                did not end in time, or has what the rig declares absent.
            DeclaredAbsent: The rig declares absent what the law is about.
        """
        trial = Trial(rig, folder)
        if self.need is None or rig.declares(self.need):
            self._run(trial, self._body, self.law)
            return
        if self._otherwise is not None:
            self._run(trial, self._otherwise, f"declared absent ({self.need}), but it is there")
        raise DeclaredAbsent(f"{self.contract}: {self.name}: the rig declares no {self.need}")

    def _run(self, trial: Trial[S], body: Body[S], law: str) -> None:
        try:
            if inspect.iscoroutinefunction(body):
                asyncio.run(_bounded(body(trial), trial.rig.deadline_s))
            else:
                body(trial)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # BaseException: a skip raised inside the store or its factory is one that
            # nothing declared, and a cancellation that escapes is a broken law too.
            told = f"{self.contract}: {self.name}\n  law: {law}\n  seen: "
            told += f"{type(error).__name__}: {error}"
            hints = [_HINTS[word] for word in (self.need or "").split() if word in _HINTS]
            raise ClauseBroken("\n  hint: ".join([told, *hints])) from error


async def _bounded(body: Coroutine[Any, Any, None], deadline_s: float) -> None:
    async with asyncio.timeout(deadline_s):
        await body


class Clauses(Generic[S]):
    """
    All clauses of one contract: they can be listed and run, not changed.

    There is no way to take some of them: a store keeps its contract or it does not.
    """

    __slots__ = ("_clauses", "_contract")

    def __init__(self, contract: str, clauses: tuple[Clause[S], ...]) -> None:
        self._contract = contract
        self._clauses = clauses

    @property
    def contract(self) -> str:
        """The contract's name."""
        return self._contract

    def __iter__(self) -> Iterator[Clause[S]]:
        return iter(self._clauses)

    def __len__(self) -> int:
        return len(self._clauses)


class Lawbook(Generic[S]):
    """Collects the clauses of one contract while its module is read."""

    def __init__(self, contract: str) -> None:
        self._contract = contract
        self._clauses: dict[str, Clause[S]] = {}

    def law(
        self, need: str | None = None, otherwise: Body[S] | None = None
    ) -> Callable[[Body[S]], Body[S]]:
        """Add the decorated check: its name is the clause's, its docstring the law."""

        def add(body: Body[S]) -> Body[S]:
            # The type of a callable promises no name; every function has one.
            name = getattr(body, "__name__").replace("_", "-")  # noqa: B009
            self.add(name, inspect.getdoc(body) or "", body, need, otherwise)
            return body

        return add

    def add(
        self,
        name: str,
        law: str,
        body: Body[S],
        need: str | None = None,
        otherwise: Body[S] | None = None,
    ) -> None:
        """Add a check whose name and law are said apart."""
        law = " ".join(law.split())
        assert law, f"clause {name} states its law"
        assert name not in self._clauses, f"two clauses are called {name}"
        self._clauses[name] = Clause(self._contract, name, law, need, body, otherwise)

    def clauses(self, *others: Lawbook[S]) -> Clauses[S]:
        """All of them, and those of *others* of the same contract."""
        books = (self, *others)
        clauses = tuple(clause for book in books for clause in book._clauses.values())
        assert len({clause.name for clause in clauses}) == len(clauses), "names are distinct"
        return Clauses(self._contract, clauses)
