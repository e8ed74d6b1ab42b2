"""Commands as they stand on the input streams."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmengine.commands import (
    Command,
    Convert,
    Deposit,
    NewFees,
    NewMarket,
    Resolve,
    ResolveEvent,
    Tick,
    decode_commands,
    encode_command,
)
from pmengine.engine import Engine
from pmengine.facts import Refusal
from pmstore import INTEGER_MAX, Symbol
from tests.engine.listings import START_MS, opening, tokens

DEPOSIT = Deposit(id="d", user_id="u", amount=INTEGER_MAX)
COMMANDS: tuple[type[msgspec.Struct], ...] = typing.get_args(Command)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
INTEGERS = st.integers(-INTEGER_MAX, INTEGER_MAX)


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type, all that its bounds allow."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return INTEGERS
    if origin in (typing.Union, types.UnionType):
        return st.one_of([of_type(argument) for argument in arguments])
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(of_type(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*[of_type(argument) for argument in arguments])
    if origin is dict:
        return st.dictionaries(*[of_type(argument) for argument in arguments], max_size=3)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        hints = typing.get_type_hints(hint, include_extras=True)
        return st.builds(hint, **{name: of_type(field) for name, field in hints.items()})
    if hint is Symbol:
        return st.builds(Symbol, INTEGERS, INTEGERS, TEXT)
    return TEXT if hint is str else st.from_type(hint)


def numbers(kind: type[msgspec.Struct]) -> Iterator[str]:
    """The names of the fields of a command that hold one number."""
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        union = typing.get_origin(hint) in (typing.Union, types.UnionType)
        choices = typing.get_args(hint) if union else [hint]
        if any(typing.get_origin(choice) is typing.Annotated for choice in choices):
            yield name


@given(st.one_of([of_type(kind) for kind in COMMANDS]))
def test_what_is_written_is_read_again(command: Any) -> None:
    assert decode_commands(encode_command(command)) == [command]


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("beyond", [INTEGER_MAX + 1, -INTEGER_MAX - 1, 1.5, "1", True])
def test_a_number_is_an_integer_of_64_bits(kind: type[msgspec.Struct], beyond: object) -> None:
    plain = {
        "types": kind.__name__,
        "symbol": {"event_id": 1, "market_id": 1, "token_id": "t"},
        "side": "Buy",
        "order_type": "Limit",
        "market": {"token_ids": ["a", "b"]},
        "markets": {},
        "market_ids": [],
        **dict.fromkeys(("order_id", "user_id", "id", "group", "session"), "x"),
        **dict.fromkeys(numbers(kind), 1),
    }
    decode_commands(msgspec.json.encode(plain))
    for name in numbers(kind):
        with pytest.raises(ValueError, match=name):
            decode_commands(msgspec.json.encode({**plain, name: beyond}))


@pytest.mark.parametrize("beyond", [INTEGER_MAX + 1, -INTEGER_MAX - 2, 10**30])
def test_a_symbol_of_numbers_of_any_size_is_answered(beyond: int) -> None:
    engine = Engine()

    def refusal(types: str, event_id: int, market_id: int, **terms: object) -> Refusal | None:
        symbol = {"event_id": event_id, "market_id": market_id, "token_id": tokens(1, 1)[0]}
        said = {"types": types, "order_id": "o", "user_id": "ann", "symbol": symbol, **terms}
        (command,) = decode_commands(msgspec.json.encode(said))
        return engine.handle(command, START_MS).refusal

    for command in opening():
        engine.handle(command, START_MS)
    terms = {"side": "Buy", "order_type": "Limit", "quantity": 1, "price": 5_000}
    named = [(beyond, 1), (1, beyond), (1, 1)]
    assert [
        refusal("SubmitOrder", *market, client_order_id=f"c{number}", **terms)
        for number, market in enumerate(named)
    ] == [Refusal.UNKNOWN_EVENT, Refusal.UNKNOWN_MARKET, None]
    assert [refusal("CancelOrder", *market) for market in named] == [
        Refusal.UNKNOWN_ORDER,
        Refusal.UNKNOWN_ORDER,
        None,
    ]


def test_an_entry_is_one_document_or_an_array_of_them() -> None:
    one, other = encode_command(DEPOSIT), encode_command(Tick())
    assert decode_commands(one) == [DEPOSIT]
    assert decode_commands(b"[%b,%b]" % (one, other)) == [DEPOSIT, Tick()]


def test_fields_that_are_not_known_are_ignored() -> None:
    assert decode_commands(b'{"types":"Tick","since":"tomorrow"}') == [Tick()]


@pytest.mark.parametrize(
    ("payload", "command"),
    [
        (
            b'{"types":"Resolve","event_id":1,"market_id":2,"payouts":[10000,0]}',
            Resolve(event_id=1, market_id=2, payouts=(10_000, 0)),
        ),
        (
            b'{"types":"Resolve","event_id":1,"market_id":2,"void":true}',
            Resolve(event_id=1, market_id=2, void=True),
        ),
        (
            b'{"types":"ResolveEvent","event_id":1,"payouts":{"1":[10000,0],"2":[0,10000]}}',
            ResolveEvent(event_id=1, payouts={1: (10_000, 0), 2: (0, 10_000)}),
        ),
        (
            b'{"types":"Convert","id":"c","user_id":"u","event_id":1,"market_ids":[2,3],'
            b'"quantity":100}',
            Convert(id="c", user_id="u", event_id=1, market_ids=(2, 3), quantity=100),
        ),
    ],
)
def test_tuples_are_arrays_and_keys_are_text(payload: bytes, command: Command) -> None:
    assert decode_commands(payload) == [command]


def test_a_market_says_what_it_charges_or_charges_nothing() -> None:
    payload = (
        b'{"types":"AddOneMarket","event_id":1,"market_id":1,"market":{"token_ids":["y","n"]%b}}'
    )
    fees = b',"fees":{"kind":"quadratic","maker_ppm":0,"taker_ppm":20000}'
    for said, charged in ((b"", None), (fees, NewFees("quadratic", 0, 20_000))):
        (command,) = decode_commands(payload % said)
        assert command.market == NewMarket(("y", "n"), fees=charged)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", "truncated"),
        (b"\xff", "malformed"),
        (b'{"types":"Teleport"}', "Teleport"),
        (b'{"types":"Deposit","id":"d","user_id":"u"}', "amount"),
        (b'{"types":"Resolve","event_id":1,"market_id":1,"payouts":[1,2,3]}', "payouts"),
        (b'{"types":"ResolveEvent","event_id":1,"payouts":{"9223372036854775808":[1,2]}}', "int"),
        (
            b'{"types":"Convert","id":"c","user_id":"u","event_id":1,"quantity":1,'
            b'"market_ids":[9223372036854775808]}',
            "market_ids",
        ),
        (
            b'{"types":"AddOneMarket","event_id":1,"market_id":1,"market":{"token_ids":["y","n"],'
            b'"fees":{"kind":"cubic","maker_ppm":0,"taker_ppm":0}}}',
            "cubic",
        ),
    ],
)
def test_what_cannot_be_read_is_named(payload: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decode_commands(payload)
