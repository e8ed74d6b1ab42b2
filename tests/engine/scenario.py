"""
Scenarios as tables: one command a line, and after `=>` everything that it brings about.

    <user> buy|sell <order> <token> <lots> @<ticks> [ioc] [post] [as <self-trade>] [id <own id>]
                                                     [valid +<ms>] [of <event>/<market>]
    <user> spend <order> <token> <micros> [@<ticks>] …   a market buy by volume
    <user> dump <order> <token> <lots> [@<ticks>] …      a market sell
    <user> cancel <order>
    <user> amend <order> [@<ticks>] [x<lots>]
    <user> deposit|withdraw <id> <micros>
    <user> split|merge <id> <event>/<market> <lots>
    admin list <event>/<market> <token> <token> [tick <ticks>] [ends +<ms>]
    admin add <event>/<market> <token> <token> [tick <ticks>]
    admin resolve <event>/<market> <ticks>/<ticks>
    admin remove <event>[/<market>]      admin pause      admin resume      admin tick
    check <user> <asset> <available> <frozen>
    check bids|asks <event>/<market> [<ticks>x<lots> …]
    time +<ms>                           the clock of the commands that follow
    with <option> <value>                options of the engine; first in the file

Times are milliseconds after the start. Expected are, in order and separated by commas: trades
(`Normal <lots>@<taker's price> <maker>`, `Mint <lots>@<taker's>/<maker's> <maker>`), ends of
orders (`<order> filled`, `<order> cancelled <lots left>`, with `, spent <micros>` of a market
buy), what the order named by the command rests with (`<order> rests <lots>@<ticks>`), ends of
markets (`market 1/1 closed`, `event 1 removed`), a refusal, `again` before the outcome of a
repeat; `done` when there is nothing to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pmengine.commands import (
    AddOneEvent,
    AddOneMarket,
    AmendOrder,
    CancelOrder,
    Command,
    Deposit,
    Merge,
    NewMarket,
    RemoveOneEvent,
    RemoveOneMarket,
    Resolve,
    ResumeAllEvents,
    Split,
    StopAllEvents,
    SubmitOrder,
    Tick,
    Withdraw,
)
from pmengine.facts import Outcome
from pmstore import (
    EventRemoved,
    MarketChanged,
    MarketRemoved,
    MatchType,
    OrderCancelled,
    OrderFilled,
    OrderType,
    Remembered,
    SelfTrade,
    Side,
    Symbol,
    TimeInForce,
    Trade,
)
from tests.engine.tapes import START_MS
from tests.engine.witnesses import Witnesses


class Scenario:
    """Plays a table before all witnesses; each line with what should happen and what did."""

    def __init__(self, text: str) -> None:
        lines = [line.split("#")[0].strip() for line in text.splitlines()]
        self._lines = [(number, line) for number, line in enumerate(lines, 1) if line]
        self._time_ms = START_MS
        self._symbols: dict[str, Symbol] = {}
        options: dict[str, Any] = {}
        while self._lines[0][1].startswith("with "):
            _, name, value = self._lines.pop(0)[1].split()
            options[name] = SelfTrade(value) if name == "self_trade" else int(value)
        self.witnesses = Witnesses(restart_every=1, **options)

    def play(self) -> Iterator[tuple[int, str, str, str]]:
        """Line number, line, expected and found, for every line that expects something."""
        for number, line in self._lines:
            head, _, expected = [part.strip() for part in line.partition("=>")]
            words = head.split()
            if words[0] == "time":
                self._time_ms = START_MS + int(words[1])
            elif words[0] == "check":
                asked, found = self._check(words[1:])
                yield number, line, asked, found
            else:
                outcome = self.witnesses.handle(self._command(words), self._time_ms)
                yield number, line, expected, ", ".join(self._said(words, outcome))

    def _check(self, words: list[str]) -> tuple[str, str]:
        state = self.witnesses.state
        if words[0] in ("bids", "asks"):
            token = next(
                symbol.token_id
                for symbol in self._symbols.values()
                if f"{symbol.event_id}/{symbol.market_id}" == words[1]
            )
            levels = self.witnesses.leader.books[token].ladder.levels(words[0] == "bids", 100)
            return " ".join(words[2:]), " ".join(f"{price}x{lots}" for price, lots in levels)
        row = state.balances.get(words[1], {}).get(words[0])
        found = "0 0" if row is None else f"{row.available} {row.frozen}"
        return " ".join(words[2:]), found

    def _said(self, words: list[str], outcome: Outcome) -> list[str]:
        said = []
        for fact in outcome.facts:
            if isinstance(fact, Trade):
                price = f"{fact.price}"
                if fact.match_type is not MatchType.NORMAL:
                    price += f"/{fact.maker_price}"
                said.append(
                    f"{fact.match_type.value} {fact.quantity}@{price} {fact.maker_order_id}"
                )
            elif isinstance(fact, OrderFilled | OrderCancelled):
                end = "filled"
                if isinstance(fact, OrderCancelled):
                    end = f"cancelled {fact.remaining_quantity}"
                said.append(f"{fact.order_id} {end}")
                if fact.spent:
                    said.append(f"spent {fact.spent}")
            elif isinstance(fact, MarketChanged):
                what = "working" if fact.working else fact.state.value
                said.append(f"market {fact.event_id}/{fact.market_id} {what}")
            elif isinstance(fact, MarketRemoved):
                said.append(f"market {fact.event_id}/{fact.market_id} removed")
            elif isinstance(fact, EventRemoved):
                said.append(f"event {fact.event_id} removed")
            elif isinstance(fact, Remembered) and fact.repeat:
                said.append(f"again {fact.order_id or fact.outcome}")
        if outcome.refusal is not None:
            said.append(outcome.refusal.name)
        order = self.witnesses.state.orders.get(words[2]) if len(words) > 2 else None
        resting = order is not None and words[1] in ("buy", "sell", "spend", "dump", "amend")
        new = not any(text.startswith("again") for text in said)
        if order is not None and resting and new and outcome.refusal is None:
            said.append(f"{order.id} rests {order.remaining_quantity}@{order.price}")
        return said or ["done"]

    def _command(self, words: list[str]) -> Command:
        user_id, verb, *rest = words
        if user_id == "admin":
            return self._administration(verb, rest)
        if verb == "cancel":
            return CancelOrder(order_id=rest[0], user_id=user_id)
        if verb == "amend":
            given = {word[0]: int(word[1:]) for word in rest[1:]}
            return AmendOrder(
                order_id=rest[0], user_id=user_id, price=given.get("@"), quantity=given.get("x")
            )
        if verb in ("deposit", "withdraw"):
            kind = Deposit if verb == "deposit" else Withdraw
            return kind(id=rest[0], user_id=user_id, amount=int(rest[1]))
        if verb in ("split", "merge"):
            event_id, market_id = _numbers(rest[1])
            return (Split if verb == "split" else Merge)(
                id=rest[0],
                user_id=user_id,
                event_id=event_id,
                market_id=market_id,
                quantity=int(rest[2]),
            )
        return self._order(user_id, verb, rest)

    def _order(self, user_id: str, verb: str, words: list[str]) -> Command:
        order_id, token, amount, *more = words
        fields: dict[str, Any] = {"quantity": int(amount)}
        if verb == "spend":
            fields = {"volume": int(amount)}
        symbol = self._symbols.get(token, Symbol(1, 1, token))
        options = iter(more)
        for word in options:
            if word.startswith("@"):
                fields["price"] = int(word[1:])
            elif word == "ioc":
                fields["time_in_force"] = TimeInForce.IOC
            elif word == "post":
                fields["post_only"] = True
            elif word == "as":
                fields["self_trade"] = SelfTrade(next(options))
            elif word == "id":
                fields["client_order_id"] = next(options)
            elif word == "valid":
                fields["valid_until_ms"] = START_MS + int(next(options))
            elif word == "of":
                symbol = Symbol(*_numbers(next(options)), token)
            else:
                raise ValueError(f"what is {word!r}?")
        return SubmitOrder(
            order_id=order_id,
            user_id=user_id,
            symbol=symbol,
            side=Side.BUY if verb in ("buy", "spend") else Side.SELL,
            order_type=OrderType.LIMIT if verb in ("buy", "sell") else OrderType.MARKET,
            **fields,
        )

    def _administration(self, verb: str, words: list[str]) -> Command:
        plain = {"pause": StopAllEvents, "resume": ResumeAllEvents, "tick": Tick}
        if verb in plain:
            return plain[verb]()
        event_id, market_id = _numbers(words[0])
        if verb == "remove":
            if market_id:
                return RemoveOneMarket(event_id=event_id, market_id=market_id)
            return RemoveOneEvent(event_id=event_id)
        if verb == "resolve":
            first, second = _numbers(words[1])
            return Resolve(event_id=event_id, market_id=market_id, payouts=(first, second))
        tokens = (words[1], words[2])
        for token in tokens:
            self._symbols[token] = Symbol(event_id, market_id, token)
        given = dict(zip(words[3::2], words[4::2], strict=True))
        new = NewMarket(token_ids=tokens, tick_size=int(given.get("tick", 1)))
        if verb == "add":
            return AddOneMarket(event_id=event_id, market_id=market_id, market=new)
        end_date = None
        if "ends" in given:
            moment = datetime.fromtimestamp((START_MS + int(given["ends"])) / 1000, UTC)
            end_date = moment.isoformat(timespec="milliseconds")
        return AddOneEvent(event_id=event_id, markets={market_id: new}, end_date=end_date)


def _numbers(text: str) -> tuple[int, int]:
    first, second = re.fullmatch(r"(\d+)(?:/(\d+))?", text).groups()  # type: ignore[union-attr]
    return int(first), int(second or 0)
