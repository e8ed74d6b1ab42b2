"""Commands as they stand on the input streams."""

import pytest

from pmengine.commands import Deposit, Tick, decode_commands, encode_command
from pmstore import INTEGER_MAX

DEPOSIT = Deposit(id="d", user_id="u", amount=INTEGER_MAX)


def test_an_entry_is_one_document_or_an_array_of_them() -> None:
    one, other = encode_command(DEPOSIT), encode_command(Tick())
    assert decode_commands(one) == [DEPOSIT]
    assert decode_commands(b"[%b,%b]" % (one, other)) == [DEPOSIT, Tick()]


def test_fields_that_are_not_known_are_ignored() -> None:
    assert decode_commands(b'{"types":"Tick","since":"tomorrow"}') == [Tick()]


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", "truncated"),
        (b"\xff", "malformed"),
        (b'{"types":"Teleport"}', "Teleport"),
        (b'{"types":"Deposit","id":"d","user_id":"u"}', "amount"),
        (b'{"types":"Deposit","id":"d","user_id":"u","amount":"1"}', "amount"),
        (b'{"types":"Deposit","id":"d","user_id":"u","amount":9223372036854775808}', "amount"),
        (b'{"types":"Deposit","id":"d","user_id":"u","amount":-9223372036854775808}', "amount"),
    ],
)
def test_what_cannot_be_read_is_named(payload: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decode_commands(payload)
