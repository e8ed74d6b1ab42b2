"""What a client is owed is sent when it becomes due, in order, and fails for that client alone."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from pmengine.gateways.websocket.conversation import Conversation


@attrs.define
class Wire:
    """A connection to a client that says nothing; `is_open` is whether it takes more now."""

    sent: list[str] = attrs.Factory(list)
    is_open: bool = True

    async def receive(self) -> Any:
        await asyncio.Event().wait()

    async def send(self, message: Any) -> None:
        self.sent.append(message["text"])

    def at_once(self, following: Callable[[], str | None]) -> bool:
        while self.is_open:
            text = following()
            if text is None:
                return True
            self.sent.append(text)
        return False


class Debt(deque[str]):
    """What a client is owed."""

    def next(self) -> str | None:
        return self.popleft() if self else None


async def hear(text: str | bytes) -> None:
    raise AssertionError(f"nobody said {text!r}")


def conversation(wire: Wire, owed: Callable[[], str | None]) -> Conversation:
    return Conversation(wire.receive, wire.send, at_once=wire.at_once, hear=hear, owed=owed)


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_becomes_due_is_sent_without_another_turn_of_the_loop() -> None:
    wire, debt = Wire(), Debt()
    talk = conversation(wire, debt.next)
    running = asyncio.create_task(talk.run())
    await turns()
    debt.extend(["a", "b"])
    talk.wake()
    assert wire.sent == ["a", "b"]
    running.cancel()


async def test_what_has_to_wait_is_sent_by_the_task_and_nothing_overtakes_it() -> None:
    wire, debt = Wire(is_open=False), Debt()
    talk = conversation(wire, debt.next)
    running = asyncio.create_task(talk.run())
    await turns()
    debt.append("a")
    talk.wake()
    wire.is_open = True
    debt.append("b")
    talk.wake()
    assert wire.sent == []
    await turns()
    assert wire.sent == ["a", "b"]
    running.cancel()


async def test_a_reply_that_waits_goes_before_what_becomes_due() -> None:
    wire, debt = Wire(), Debt()
    talk = conversation(wire, debt.next)
    running = asyncio.create_task(talk.run())
    await turns()
    talk.reply("reply")
    debt.append("a")
    talk.wake()
    await turns()
    assert wire.sent == ["reply", "a"]
    running.cancel()


async def test_what_fails_for_one_client_is_not_met_by_who_wakes_it() -> None:
    def owed() -> str | None:
        raise KeyError("broken")

    talk = conversation(Wire(), owed)
    running = asyncio.create_task(talk.run())
    await turns()
    talk.wake()
    with pytest.raises(KeyError, match="broken"):
        await running
