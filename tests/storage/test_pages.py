"""Pages of what was found."""

import base64

import pytest

from pmstore.errors import InvalidQuery
from pmstore.models.market import Event
from pmstore.storage import event_place, page_of, read_cursor


def _events(count: int) -> list[Event]:
    return [Event(event_id=number, markets={}) for number in range(1, count + 1)]


def test_a_page_names_where_its_last_record_stands_only_if_there_is_more() -> None:
    whole = page_of(_events(2), 2, event_place)
    first = page_of(_events(3), 2, event_place)

    assert whole.next is None
    assert [event.event_id for event in first.items] == [1, 2]
    assert first.next is not None
    assert read_cursor(first.next, int) == (2,)


def test_a_page_of_nothing_is_the_last_one() -> None:
    assert page_of([], 1, event_place).next is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"7", b"[]", b"[1]", b'[1, "a", 2]', b'["1", "a"]', b'[true, "a"]', b"[" * 100_000],
    ids=lambda content: repr(content[:12]),
)
def test_a_cursor_that_somebody_made_up_is_refused(content: bytes) -> None:
    text = base64.urlsafe_b64encode(content).decode()

    with pytest.raises(InvalidQuery, match="is not a cursor of this store"):
        read_cursor(text, int, str)
