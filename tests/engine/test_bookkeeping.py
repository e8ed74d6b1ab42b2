"""The lines of the ledger add up to what the engine says, whatever happens."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from pmengine.bookkeeping import Bookkeeper
from pmengine.engine import Engine
from pmstore import (
    CASH,
    Batch,
    Change,
    EntryKind,
    Holder,
    LedgerEntry,
    State,
)
from tests.engine.listings import opening
from tests.engine.tapes import START_MS, Tape
from tests.engine.told import MONEY, facts_of

COMMANDS = 700
TRADED = f"""admin list 1/1 yes no
{MONEY}
ann buy b yes 10 @5000
bob sell s1 yes 4 @5000
"""


def batch(number: int, changes: list[Change], time_ms: int) -> Batch:
    return Batch(
        number=number, epoch=1, time=time_ms, prev_hash="", hash="", input={}, changes=changes
    )


def of_users(lines: list[LedgerEntry]) -> dict[tuple[str, str], tuple[int, int]]:
    """What each user has of each asset by the lines alone."""
    rows: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        if line.holder is Holder.USER:
            row = rows[line.account, line.asset]
            row[0] += line.available
            row[1] += line.frozen
            assert (line.available_after, line.frozen_after) == tuple(row)
    return {key: (row[0], row[1]) for key, row in rows.items() if any(row)}


def check_sums(lines: list[LedgerEntry]) -> None:
    """Every transaction adds up to zero for each asset, and its lines stand together."""
    sums: Counter[tuple[int, int, str]] = Counter()
    for at, line in enumerate(lines):
        assert line.transaction <= line.line
        if at and lines[at - 1].number == line.number:
            assert line.line == lines[at - 1].line + 1
            assert line.transaction in (lines[at - 1].transaction, line.line)
        else:
            assert line.line == line.transaction == 0
        sums[line.number, line.transaction, line.asset] += line.available + line.frozen
    assert not any(sums.values())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("options", [{}, {"step_max": 2}], ids=["plain", "small steps"])
def test_lines_of_a_random_tape_balance_and_add_up_to_the_balances(
    seed: int, options: dict[str, int]
) -> None:
    engine, state = Engine(**options), State()
    bookkeeper, lines = Bookkeeper("log", "fees"), []
    commands = [(command, START_MS) for command in opening(exclusive=True)]
    commands += Tape(seed, exclusive=True).run(COMMANDS)
    kinds: Counter[EntryKind] = Counter()
    for number, (command, time_ms) in enumerate(commands, 1):
        facts = list(engine.handle(command, time_ms).facts)
        for fact in facts:
            state.apply(fact)
        made = bookkeeper.lines(batch(number, facts, time_ms))
        lines += made
        kinds.update(line.kind for line in made)
        if number % 50 and number < len(commands):
            continue
        told = {
            (row.user_id, asset): (row.available, row.frozen)
            for asset, rows in state.balances.items()
            for row in rows.values()
        }
        assert of_users(lines) == told
    check_sums(lines)
    assert kinds.keys() >= set(EntryKind) - {EntryKind.OPENING, EntryKind.CORRECTION}
    assert not kinds[EntryKind.CORRECTION]
    world = sum(line.available for line in lines if line.holder is Holder.WORLD)
    assert world == -state.deposited
    others: Counter[tuple[Holder, str, str]] = Counter()
    for line in lines:
        if line.holder in (Holder.MARKET, Holder.EVENT):
            others[line.holder, line.account, line.asset] += line.available
    for event in state.events.values():
        for market in event.markets.values():
            whose = (
                (Holder.EVENT, str(event.event_id))
                if event.exclusive
                else (Holder.MARKET, f"{event.event_id}/{market.market_id}")
            )
            for token in market.token_ids:
                held = sum(
                    row.available + row.frozen for row in state.balances.get(token, {}).values()
                )
                assert others[*whose, token] == -held


def lines_of(script: str) -> list[LedgerEntry]:
    bookkeeper = Bookkeeper("log", "fees")
    return [
        line
        for number, (facts, time_ms) in enumerate(facts_of(script), 1)
        for line in bookkeeper.lines(batch(number, facts, time_ms))
    ]


def test_every_line_says_why() -> None:
    """What a line refers to: the command's id, the order, the trade."""
    lines = lines_of(f"{TRADED}\nann cancel b")
    check_sums(lines)
    said = [
        (
            line.kind.value,
            line.reference,
            line.account,
            line.asset == CASH,
            line.available,
            line.frozen,
        )
        for line in lines
        if line.holder is Holder.USER and line.number > 4
    ]
    trade = next(line.reference for line in lines if line.kind is EntryKind.TRADE)
    assert said == [
        ("hold", "b", "ann", True, -50_000, 50_000),
        ("trade", trade, "bob", False, -4, 0),
        ("trade", trade, "bob", True, 20_000, 0),
        ("trade", trade, "ann", True, 0, -20_000),
        ("trade", trade, "ann", False, 4, 0),
        ("release", "b", "ann", True, 30_000, -30_000),
    ]
    deposits = [line for line in lines if line.kind is EntryKind.DEPOSIT]
    assert {line.reference for line in deposits} == {"d"}
    assert [line.available for line in deposits if line.holder is Holder.WORLD] == [
        -1_000_000,
        -1_500_000,
    ]


def test_a_ledger_that_begins_later_begins_with_what_is_there() -> None:
    """Lines from a number on, over rows of before, come to the same as all of them."""
    told = facts_of(TRADED)
    whole = lines_of(TRADED)
    state = State()
    for facts, _ in told[:-1]:
        for fact in facts:
            state.apply(fact)
    late = Bookkeeper("log", "fees")
    for number, (facts, time_ms) in enumerate(told[:-1], 1):
        late.pass_over(batch(number, facts, time_ms), rows=False)
    rows = [row for by_user in state.balances.values() for row in by_user.values()]
    lines = late.corrections(rows, len(told) - 1, START_MS, EntryKind.OPENING)
    check_sums(lines)
    facts, time_ms = told[-1]
    lines += late.lines(batch(len(told), facts, time_ms))
    assert of_users(lines) == of_users(whole)
    assert [line for line in lines if line.number == len(told)] == [
        line for line in whole if line.number == len(told)
    ]
