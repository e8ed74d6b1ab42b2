"""What a line of a scenario table tells the exchange: words in, a command out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from pmengine.commands import (
    AddOneEvent,
    AddOneMarket,
    AmendOrder,
    CancelAll,
    CancelOrder,
    Command,
    Convert,
    Deposit,
    Heartbeat,
    Merge,
    MergeEvent,
    NewFees,
    NewMarket,
    OrderGroup,
    PauseMarket,
    PostOnly,
    RemoveOneEvent,
    RemoveOneMarket,
    Resolve,
    ResolveEvent,
    ResumeAllEvents,
    ResumeMarket,
    Split,
    SplitEvent,
    StopAllEvents,
    SubmitOrder,
    Tick,
    Withdraw,
)
from pmstore import OrderType, SelfTrade, Side, Symbol, TimeInForce
from tests.engine.listings import START_MS

Words = list[str]
_FLAGS: Final = {"ioc", "fok", "gtc", "gtd", "post", "exclusive"}


class Speaker:
    """Reads commands; it remembers the tokens of the markets that were listed."""

    def __init__(self) -> None:
        self._symbols: dict[str, Symbol] = {}

    def command(self, text: str) -> Command:
        """The command that *text* says."""
        user_id, verb, *words = [_spelt(word) for word in shlex.split(text)]
        if user_id == "admin":
            return self._administration[verb](self, words)
        return self._trade[verb](self, user_id, verb, words)

    # -- orders --------------------------------------------------------------------------

    def _order(self, user_id: str, verb: str, words: Words) -> Command:
        order_id, token, amount, *more = words
        fields: dict[str, Any] = {"volume" if verb == "spend" else "quantity": int(amount)}
        symbol = self._symbols.get(token, Symbol(1, 1, token))
        for name, value in _options(more):
            if name == "@":
                fields["price"] = int(value)
            elif name == "post":
                fields["post_only"] = True
            elif name == "as":
                fields["self_trade"] = SelfTrade(value)
            elif name == "id":
                fields["client_order_id"] = value
            elif name == "valid":
                fields["valid_until_ms"] = START_MS + int(value)
            elif name == "until":
                fields["expires_at_ms"] = START_MS + int(value)
                fields.setdefault("time_in_force", TimeInForce.GTD)
            elif name in ("group", "session"):
                fields[name] = value
            elif name == "lots":
                fields["quantity"] = int(value)
            elif name == "volume":
                fields["volume"] = int(value)
            elif name == "of":
                symbol = Symbol(*market_key(value), token)
            else:
                fields["time_in_force"] = TimeInForce(name)
        return SubmitOrder(
            order_id=order_id,
            user_id=user_id,
            symbol=symbol,
            side=Side.BUY if verb in ("buy", "spend") else Side.SELL,
            order_type=OrderType.LIMIT if verb in ("buy", "sell") else OrderType.MARKET,
            **fields,
        )

    def _cancel(self, user_id: str, verb: str, words: Words) -> Command:
        fields: dict[str, Any] = {}
        for name, value in _options(words[1:]):
            if name == "token":
                fields["symbol"] = self._symbols[value]
            else:
                fields["valid_until_ms"] = START_MS + int(value)
        return CancelOrder(order_id=words[0], user_id=user_id, **fields)

    def _amend(self, user_id: str, verb: str, words: Words) -> Command:
        given = {word[0]: int(word[1:]) for word in words[1:]}
        return AmendOrder(
            order_id=words[0], user_id=user_id, price=given.get("@"), quantity=given.get("x")
        )

    def _cancel_all(self, user_id: str, verb: str, words: Words) -> Command:
        fields: dict[str, Any] = {}
        for name, value in _options(words):
            if name == "of":
                event_id, market_id = market_key(value)
                fields = {**fields, "event_id": event_id, "market_id": market_id or None}
            else:
                fields[name] = value
        return CancelAll(user_id=user_id, **fields)

    def _group(self, user_id: str, verb: str, words: Words) -> Command:
        group, lots, per, window_ms = words
        assert per == "per"
        return OrderGroup(
            user_id=user_id, group=group, quantity_max=int(lots), window_ms=int(window_ms)
        )

    def _heartbeat(self, user_id: str, verb: str, words: Words) -> Command:
        return Heartbeat(user_id=user_id, session=words[0], timeout_ms=int(words[1]))

    # -- money ---------------------------------------------------------------------------

    def _cash(self, user_id: str, verb: str, words: Words) -> Command:
        fields: dict[str, Any] = {"id": words[0], "user_id": user_id, "amount": int(words[1])}
        for _, value in _options(words[2:]):
            fields["valid_until_ms"] = START_MS + int(value)
        return Deposit(**fields) if verb == "deposit" else Withdraw(**fields)

    def _pairs(self, user_id: str, verb: str, words: Words) -> Command:
        event_id, market_id = market_key(words[1])
        fields: dict[str, Any] = {
            "id": words[0],
            "user_id": user_id,
            "event_id": event_id,
            "quantity": int(words[2]),
        }
        if market_id:
            return (Split if verb == "split" else Merge)(market_id=market_id, **fields)
        return (SplitEvent if verb == "split" else MergeEvent)(**fields)

    def _convert(self, user_id: str, verb: str, words: Words) -> Command:
        id, event_id, market_ids, quantity = words
        return Convert(
            id=id,
            user_id=user_id,
            event_id=int(event_id),
            market_ids=tuple(int(number) for number in market_ids.split(",") if number),
            quantity=int(quantity),
        )

    # -- administration ------------------------------------------------------------------

    def _list(self, words: Words) -> Command:
        event_id, market_id = market_key(words[0])
        pairs = [tuple(word.split("/")) for word in words[1:] if _is_pair(word)]
        rest = words[1 + len(pairs) :]
        if market_id:
            pairs, rest = [(words[1], words[2])], words[3:]
        shared, event = self._terms(rest)
        markets = {}
        for number, (first, second) in enumerate(pairs, market_id or 1):
            markets[number] = self._market(event_id, number, (first, second), shared)
        return AddOneEvent(event_id=event_id, markets=markets, **event)

    def _add(self, words: Words) -> Command:
        event_id, market_id = market_key(words[0])
        shared, _ = self._terms(words[3:])
        market = self._market(event_id, market_id, (words[1], words[2]), shared)
        return AddOneMarket(event_id=event_id, market_id=market_id, market=market)

    def _market(
        self, event_id: int, market_id: int, tokens: tuple[str, str], terms: dict[str, Any]
    ) -> NewMarket:
        for token in tokens:
            self._symbols.setdefault(token, Symbol(event_id, market_id, token))
        return NewMarket(token_ids=tokens, **terms)

    def _terms(self, words: Words) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a line says of its markets, and of their event."""
        market: dict[str, Any] = {}
        event: dict[str, Any] = {}
        options = iter(words)
        for name in options:
            if name == "exclusive":
                event["exclusive"] = True
            elif name == "ends":
                moment = datetime.fromtimestamp((START_MS + int(next(options))) / 1000, UTC)
                event["end_date"] = moment.isoformat(timespec="milliseconds")
            elif name == "tick":
                market["tick_size"] = int(next(options))
            else:
                assert name == "fees", name
                kind = next(options)
                maker, taker = next(options).split("/")
                market["fees"] = NewFees(kind, int(maker), int(taker))  # type: ignore[arg-type]
        return market, event

    def _remove(self, words: Words) -> Command:
        event_id, market_id = market_key(words[0])
        if market_id:
            return RemoveOneMarket(event_id=event_id, market_id=market_id)
        return RemoveOneEvent(event_id=event_id)

    def _resolve(self, words: Words) -> Command:
        event_id, market_id = market_key(words[0])
        void = "void" in words
        pairs = []
        for word in words[1:]:
            if word != "void":
                first, second = word.split("/")
                pairs.append((int(first), int(second)))
        if market_id:
            payouts = pairs[0] if pairs else None
            return Resolve(event_id=event_id, market_id=market_id, payouts=payouts, void=void)
        by_market = dict(enumerate(pairs, 1)) if pairs else None
        return ResolveEvent(event_id=event_id, payouts=by_market, void=void)

    def _pause(self, words: Words) -> Command:
        if not words:
            return StopAllEvents()
        event_id, market_id = market_key(words[0])
        return PauseMarket(event_id=event_id, market_id=market_id)

    def _resume(self, words: Words) -> Command:
        if not words:
            return ResumeAllEvents()
        if words[0] == "post":
            return ResumeAllEvents(post_only_ms=int(words[1]))
        event_id, market_id = market_key(words[0])
        return ResumeMarket(event_id=event_id, market_id=market_id)

    def _post(self, words: Words) -> Command:
        return PostOnly(for_ms=int(words[0]))

    def _tick(self, words: Words) -> Command:
        return Tick()

    _trade: Final[dict[str, Callable[..., Command]]] = {
        "buy": _order,
        "sell": _order,
        "spend": _order,
        "dump": _order,
        "cancel": _cancel,
        "cancel-all": _cancel_all,
        "amend": _amend,
        "group": _group,
        "heartbeat": _heartbeat,
        "deposit": _cash,
        "withdraw": _cash,
        "split": _pairs,
        "merge": _pairs,
        "convert": _convert,
    }
    _administration: Final[dict[str, Callable[..., Command]]] = {
        "list": _list,
        "add": _add,
        "remove": _remove,
        "resolve": _resolve,
        "pause": _pause,
        "resume": _resume,
        "post": _post,
        "tick": _tick,
    }


def market_key(text: str) -> tuple[int, int]:
    """Event and market of `1/2`; the market is 0 where only an event is named."""
    event_id, _, market_id = text.partition("/")
    return int(event_id), int(market_id or 0)


def _options(words: Words) -> list[tuple[str, str]]:
    """Flags, `name value` pairs and `@<ticks>`, each as name and value."""
    options = []
    rest = iter(words)
    for word in rest:
        if word.startswith("@"):
            options.append(("@", word[1:]))
        else:
            options.append((word, "" if word in _FLAGS else next(rest)))
    return options


def _is_pair(word: str) -> bool:
    return re.fullmatch(r"[^/\d]\S*/\S+", word) is not None


def _spelt(word: str) -> str:
    r"""A word with `\n` and the like as the characters they mean."""
    return word.encode().decode("unicode_escape") if "\\" in word else word
