"""Laws about two stores open at one place: a second client here, and one in another process."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from pmstore.protocols.store import Store
from pmstore.testing.clause import Body, Lawbook
from pmstore.testing.rig import Trial

S = TypeVar("S", bound=Store)

PairBody = Callable[[Trial[S], S, S], Coroutine[Any, Any, None]]


class TwoClients(Generic[S]):
    """Adds each law to a lawbook twice: about "another client", and about "another process"."""

    def __init__(self, book: Lawbook[S]) -> None:
        self._book = book

    def law(
        self, also: str = "", otherwise: Body[S] | None = None
    ) -> Callable[[PairBody[S]], PairBody[S]]:
        """
        Add the decorated check of two stores, opened at one place.

        Args:
            also: What a rig must declare beside `shared`.
            otherwise: How it is asserted that nothing is shared where that is declared.
        """

        def add(body: PairBody[S]) -> PairBody[S]:
            async def in_this_process(trial: Trial[S]) -> None:
                place = trial.place()
                async with trial.opened(place) as one, trial.opened(place) as other:
                    await body(trial, one, other)

            async def in_another_process(trial: Trial[S]) -> None:
                place = trial.place()
                async with trial.opened(place) as one, trial.opened_elsewhere(place) as other:
                    await body(trial, one, other.store)

            name = getattr(body, "__name__").replace("_", "-")  # noqa: B009
            law = " ".join((inspect.getdoc(body) or "").split())
            assert "another-client" in name, name
            assert "another client" in law, law
            need = f"shared and {also}" if also else "shared"
            self._book.add(name, law, in_this_process, need, otherwise)
            self._book.add(
                name.replace("another-client", "another-process"),
                law.replace("another client", "another process"),
                in_another_process,
                f"{need} and elsewhere",
            )
            return body

        return add
