"""A fold over rows as they are written says what the fold over models says."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pmstore import (
    START,
    Batch,
    Change,
    CorruptData,
    Counters,
    OrderCreated,
    Position,
    Remembered,
    Snapshot,
    State,
)
from pmstore.codec import (
    GENESIS_HASH,
    decode_batch,
    decode_snapshot,
    encode_batch,
    encode_changes,
    encode_snapshot,
)
from pmstore.codec.written_batches import WrittenBatch, decode_written_batch
from pmstore.written import WrittenState
from tests.codec import strategies
from tests.state.facts import histories, order


def entry(number: int, changes: list[Change]) -> tuple[Batch, WrittenBatch]:
    position = {"order_input_stream": Position(number, 0)}
    payload, _ = encode_batch(number, 1, number, GENESIS_HASH, position, encode_changes(changes))
    return decode_batch(payload, "log"), decode_written_batch(payload, "log")


def fold(
    state: State, written: WrittenState, changes: list[Change], *, start: int = 1, together: int = 3
) -> None:
    for number, at in enumerate(range(0, len(changes), together), start):
        batch, as_written = entry(number, changes[at : at + together])
        state.apply_batch(Position(number, 0), batch)
        written.apply_batch(Position(number, 0), as_written)


def file(snapshot: Snapshot) -> bytes:
    return b"".join(encode_snapshot(snapshot))


def without_answers(snapshot: Snapshot) -> Snapshot:
    """As the rows are: without what only the answer to a command needs."""
    return attrs.evolve(
        snapshot, memories=[attrs.evolve(one, correlation_id="") for one in snapshot.memories]
    )


@given(histories, histories)
def test_rows_and_models_are_folded_to_the_same(before: list[Change], after: list[Change]) -> None:
    state, written = State(id_memory_s=0), WrittenState(id_memory_s=0)
    fold(state, written, before)
    assert written.freeze(7) == without_answers(state.freeze(7))
    assert written.digest() == state.digest()
    fold(state, written, after, start=1_000)
    assert written.freeze(7) == without_answers(state.freeze(7))


@given(histories, histories)
def test_a_file_of_rows_is_one_of_models(before: list[Change], after: list[Change]) -> None:
    state, written = State(), WrittenState()
    fold(state, written, before)
    of_rows, of_models = file(written.freeze(7)), file(without_answers(state.freeze(7)))
    assert decode_snapshot(of_rows, "file") == decode_snapshot(of_models, "file")
    for payload in (of_rows, of_models):
        again = WrittenState.restore(decode_snapshot(payload, "file"))
        model = State.restore(decode_snapshot(payload, "file"))
        fold(model, again, after, start=1_000)
        assert again.freeze(7) == without_answers(model.freeze(7))


@given(strategies.snapshots)
def test_any_snapshot_is_taken_up_as_rows(snapshot: Snapshot) -> None:
    written = WrittenState.restore(decode_snapshot(file(snapshot), "file"))
    assert written.digest() == State.restore(snapshot).digest()
    assert WrittenState.restore(snapshot).digest() == written.digest()


@example("},{")
@example('"},{"id":"')
@given(st.text(st.sampled_from('},{"\\:[]aö'), min_size=1, max_size=8))
def test_no_text_is_taken_for_the_end_of_a_row(text: str) -> None:
    first = attrs.evolve(order(1), client_order_id=text, group=text)
    answer = Remembered("ann", "SubmitOrder", text, "accepted", first.id, 5, (text,), text)
    later = attrs.evolve(order(2), session=text)
    state, written = State(), WrittenState()
    fold(state, written, [OrderCreated(first), answer, OrderCreated(later)])
    assert written.freeze(7) == without_answers(state.freeze(7))
    of_file = decode_snapshot(file(written.freeze(7)), "file")
    assert WrittenState.restore(of_file).digest() == state.digest()


def test_what_a_snapshot_shows_is_not_touched_by_later_changes() -> None:
    written = WrittenState()
    fold(State(), written, [OrderCreated(order(1))])
    snapshot = written.freeze(7)
    fold(State(), written, [OrderCreated(order(2)), Counters(9, 5)], start=2)
    assert [one.order_num for one in snapshot.orders] == [1]
    assert snapshot.deposited == 0


@pytest.mark.parametrize(
    "changes", [b'[{"OrderCreated":{"id":"o"}}]', b'[{"New":{}}]', b"[{}]", b'[{"Remembered":1}]']
)
def test_what_no_model_can_be_made_of_is_no_row_either(changes: bytes) -> None:
    payload, _ = encode_batch(1, 1, 1, GENESIS_HASH, {"orders": START}, changes)
    for decode in (decode_batch, decode_written_batch):
        with pytest.raises(CorruptData, match=r"^log 1-0: this is not a log entry"):
            decode(payload, "log 1-0")
