"""Follows the log fact by fact and names the first law that each command breaks; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import attrs

from pmengine.invariants.dues import Dues
from pmengine.invariants.groups import Groups
from pmengine.invariants.holdings import Holdings
from pmengine.invariants.laws import Violation
from pmengine.invariants.listings import Listings
from pmengine.invariants.lives import Lives
from pmengine.invariants.queues import Handler, Queues
from pmengine.invariants.sums import Sums
from pmstore import Batch, Change, EventAdded, MarketAdded, Position, Remembered, State

COMMANDS_BETWEEN_RESTS: Final = 50


@attrs.frozen(kw_only=True)
class Breach:
    """
    Where the log breaks a law.

    `change` is the index in entry `number`, at `position`, of the last change of the command
    that did it; None if it is seen in the entry or the state as a whole. `command` says what
    was asked, empty if nobody did.
    """

    violation: Violation
    number: int
    position: Position | None
    change: int | None = None
    command: str = ""


class Watch:
    """
    A state with everything that makes its laws cheap to check while it is folded.

    Args:
        state: Becomes this object's own. What is broken in it already is not told: see
            `state_checks`.
        ledger: Whether money and tokens are kept.
        fee_account: Whose cash the fees become.
    """

    def __init__(self, state: State, *, ledger: bool = True, fee_account: str = "fees") -> None:
        self.state = state
        self.ledger = ledger
        self.commands = 0
        """How many commands were answered in what was followed."""
        self._found: list[Violation] = []
        listings = Listings(state)
        self._listings = listings
        self._dues = Dues(state)
        self._lives = Lives(state, self._found)
        self._queues = Queues(state, self._found)
        self._groups = Groups(state, self._found)
        self._settling: list[Any] = [self._lives, self._queues, self._groups]
        if ledger:
            # Whose money is wrong says more than that the sums are.
            holdings = Holdings(state, listings, fee_account)
            self._settling += [holdings, Sums(state, listings, self._found)]
        handlers: dict[type, list[Handler]] = {}
        for part in (self._dues, *self._settling, listings):
            for kind, handler in part.handlers.items():
                handlers.setdefault(kind, []).append(handler)
        self._handlers = handlers

    def follow(self, position: Position, batch: Batch) -> Iterator[Breach | None]:
        """
        Fold one entry of the log, and say what it breaks.

        Laws are looked at after each command, and at the end of the entry. The entry is folded
        once this is exhausted; None comes every few hundred commands, where the caller may
        let others run.

        Cost:
            O(changes), some microseconds each; nothing grows with the state.
        """
        number = batch.number
        index = -1
        for index, change in enumerate(batch.changes):
            self.fold(change)
            if type(change) is Remembered:
                self.commands += 1
                if not self.commands % COMMANDS_BETWEEN_RESTS:
                    yield None
                for violation in self.settle():
                    yield Breach(
                        violation=violation,
                        number=number,
                        position=position,
                        change=index,
                        command=_asked(change),
                    )
        for violation in self.settle():
            yield Breach(violation=violation, number=number, position=position, change=index)
        self.state.stand_at(position, number, batch.hash, batch.input, batch.time)
        for violation in self.overdue():
            yield Breach(violation=violation, number=number, position=position)

    def fold(self, change: Change) -> None:
        """Look at *change*, and fold it into the state."""
        kind = type(change)
        if kind is EventAdded or kind is MarketAdded:
            # What was due before the command is over, and may have let go of the same ids.
            self._settle()
        for handler in self._handlers.get(kind, ()):
            handler(change)
        self.state.apply(change)

    def overdue(self) -> Sequence[Violation]:
        """What was due by the state's time and has not happened; each once."""
        return tuple(self._dues.settle())

    def settle(self) -> Sequence[Violation]:
        """The command is over: what it broke."""
        self._settle()
        if not self._found:
            return ()
        told = tuple(self._found)
        self._found.clear()
        return told

    def _settle(self) -> None:
        for part in self._settling:
            self._found.extend(part.settle())
        self._listings.settle()


def _asked(answer: Remembered) -> str:
    """The command that *answer* is the outcome of, in words."""
    words = [answer.kind]
    if answer.user_id:
        words.append(f"of {answer.user_id}")
    if answer.order_id:
        words.append(f"for order {answer.order_id}")
    elif answer.id:
        words.append(f"with id {answer.id}")
    return f"{' '.join(words)}: {answer.outcome}"
