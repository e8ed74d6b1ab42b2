"""
Scenarios as tables: one command a line, and beside it everything that it brings about.

    <command>  => <what happens> [| <what moves>]

`tests/matching/scenarios/README.md` has the language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Any, Final, NamedTuple

from pmengine.commands import Command, decode_commands, encode_command
from pmengine.engine import Engine
from pmstore import Change, SelfTrade
from pmstore.codec import decode_changes
from tests.engine.listings import START_MS
from tests.engine.saying import Said, happened, held, moved
from tests.engine.speaking import Speaker, market_key
from tests.engine.witnesses import Witnesses

_REPEATED: Final = re.compile(r"(.)\{(\d+)\}")


class Line(NamedTuple):
    """One line of a table: what should happen, and what did."""

    number: int
    text: str
    expected: str
    found: str


class Scenario:
    """Plays a table before all witnesses, who begin again from a snapshot after every command."""

    def __init__(self, text: str) -> None:
        self._lines = _lines(text)
        self._speaker = Speaker()
        self._time_ms = START_MS
        options: dict[str, Any] = {}
        while self._lines[0][1].startswith("with "):
            _, name, value = self._lines.pop(0)[1].split()
            options[name] = _option(name, value)
        self.witnesses = Witnesses(restart_every=1, **options)

    def play(self) -> Iterator[Line]:
        """Every line that expects something, in the order of the table."""
        lines = iter(self._lines)
        for number, text in lines:
            words = text.split()
            if words[0] == "time":
                self._time_ms = START_MS + int(words[1])
            elif words[0] == "check":
                yield self._check(number, text)
            elif words[0] == "restart":
                self.witnesses.restart()
            elif words[0] == "given":
                yield from self._take([(number, f"{text.removeprefix('given ')} => done")])
            elif words[0] == "batch":
                yield from self._take(list(takewhile(lambda line: line[1] != "end", lines)))
            else:
                yield from self._take([(number, text)])

    def _take(self, entries: list[tuple[int, str]]) -> Iterator[Line]:
        """The commands of one entry of the input, as they are read from its bytes."""
        spoken = [self._speaker.command(text.partition("=>")[0]) for _, text in entries]
        payload = b"[%b]" % b",".join(encode_command(command) for command in spoken)
        commands = decode_commands(payload)
        together = self._together(commands)
        facts = []
        for (number, text), command in zip(entries, commands, strict=True):
            before = held(self.witnesses.fold)
            outcome = self.witnesses.handle(command, self._time_ms)
            facts += outcome.facts
            fold = self.witnesses.fold
            said = Said(happened(command, outcome, fold), moved(before, held(fold)))
            yield Line(number, text, *said.beside(text.partition("=>")[2]))
        assert facts == together, "a batch is not what its commands are one by one"

    def _together(self, commands: list[Command]) -> list[Change]:
        """The facts of *commands*, taken as one batch by an engine that stands where ours does."""
        engine = Engine.restore(self.witnesses.leader.snapshot(0), **self.witnesses.options)
        return decode_changes(engine.handle_batch(commands, self._time_ms), "a batch in a test")

    def _check(self, number: int, text: str) -> Line:
        _, subject, *words = text.split()
        expected = ""
        if subject in _ABOUT_STATE:
            name, *asked = words
            expected = " ".join(asked)
            found = _ABOUT_STATE[subject](self.witnesses, name)
        else:
            expected = " ".join(words[1:])
            row = self.witnesses.fold.balances.get(words[0], {}).get(subject)
            found = "0 0" if row is None else f"{row.available} {row.frozen}"
        return Line(number, text, expected, found)


def _bids(witnesses: Witnesses, market: str) -> str:
    bids, _ = witnesses.depth.sides.get(market_key(market), ({}, {}))
    return " ".join(f"{price}x{lots}" for price, lots in sorted(bids.items(), reverse=True))


def _asks(witnesses: Witnesses, market: str) -> str:
    _, asks = witnesses.depth.sides.get(market_key(market), ({}, {}))
    return " ".join(f"{price}x{lots}" for price, lots in sorted(asks.items()))


def _order(witnesses: Witnesses, order_id: str) -> str:
    order = witnesses.fold.orders.get(order_id)
    if order is None:
        return "gone"
    filled, left = order.filled_quantity, order.remaining_quantity
    return f"{order.status.value} {filled}+{left}={order.quantity}@{order.price}"


def _number(witnesses: Witnesses, order_id: str) -> str:
    order = witnesses.fold.orders.get(order_id)
    return "gone" if order is None else str(order.order_num)


def _open(witnesses: Witnesses, user_id: str) -> str:
    orders = witnesses.fold.orders.values()
    return " ".join(order.id for order in orders if order.user_id == user_id)


def _market(witnesses: Witnesses, name: str) -> str:
    event_id, market_id = market_key(name)
    event = witnesses.fold.events.get(event_id)
    market = None if event is None else event.markets.get(market_id)
    return "none" if market is None else market.state.value


def _outstanding(witnesses: Witnesses, name: str) -> str:
    event_id, market_id = market_key(name)
    tokens = witnesses.fold.events[event_id].markets[market_id].token_ids
    rows = [witnesses.fold.balances.get(token, {}).values() for token in tokens]
    return " ".join(str(sum(row.available + row.frozen for row in of_one)) for of_one in rows)


def _last(witnesses: Witnesses, market: str) -> str:
    return str(witnesses.depth.last_prices.get(market_key(market), 0))


def _update(witnesses: Witnesses, market: str) -> str:
    return str(witnesses.depth.update_ids.get(market_key(market), 0))


def _counter(witnesses: Witnesses, name: str) -> str:
    return str(getattr(witnesses.fold, name))


_ABOUT_STATE: Final = {
    "bids": _bids,
    "asks": _asks,
    "order": _order,
    "number": _number,
    "open": _open,
    "market": _market,
    "outstanding": _outstanding,
    "last": _last,
    "update": _update,
    "counter": _counter,
}


def _lines(text: str) -> list[tuple[int, str]]:
    """The lines that say something, each with those that go on with it."""
    entries: list[tuple[int, str]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = _REPEATED.sub(lambda found: found[1] * int(found[2]), raw.partition("#")[0].rstrip())
        if line.startswith(" "):
            begun, before = entries.pop()
            entries.append((begun, f"{before} {line.strip()}"))
        elif line:
            entries.append((number, line))
    return entries


def _option(name: str, value: str) -> object:
    if name == "self_trade":
        return SelfTrade(value)
    if value in ("on", "off"):
        return value == "on"
    return int(value) if value.isdecimal() else value
