"""A batch over several shards is answered as if there were one."""

from __future__ import annotations

from pathlib import Path

from pmengine.commands import SubmitOrder
from pmengine.ids import new_id
from pmengine.services.front import Answer, Front, NotTaken
from pmengine.services.fronts import Fronts
from pmstore import START, Order, OrderType, Side, Symbol, open_stream
from tests.gateways.exchange import Running, running_exchange

TIMEOUT_S = 60.0


async def no_order(order_id: str) -> Order | None:
    """No store has it."""
    return None


async def opened(running: Running, event_id: int) -> None:
    market = {"token_ids": [f"y{event_id}", f"n{event_id}"]}
    body = {"event_id": event_id, "markets": {"1": market}}
    await running.done("POST", "/events", json=body)
    deposit = {"id": "d", "user_id": "u1", "amount": "100"}
    await running.done("POST", "/deposits", json=deposit)


def bid(event_id: int, number: int) -> SubmitOrder:
    return SubmitOrder(
        order_id=f"o{number}",
        symbol=Symbol(event_id, 1, f"y{event_id}"),
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        user_id="u1",
        quantity=100,
        price=5000,
    )


async def test_each_shard_takes_its_own_and_answers_keep_their_order(tmp_path: Path) -> None:
    async with running_exchange(tmp_path / "0") as even, running_exchange(tmp_path / "1") as odd:
        await opened(even, 2)
        await opened(odd, 1)
        fronts = Fronts([even.exchange.front, odd.exchange.front], no_order)
        commands = [bid(event_id, number) for number, event_id in enumerate((1, 2, 2, 1, 3, 1))]
        answers = await fronts.send_all(commands, TIMEOUT_S)
        assert all(isinstance(one, Answer) for one in answers)
        found = [one for one in answers if isinstance(one, Answer)]
        assert [one.shard for one in found] == [1, 0, 0, 1, 1, 1]
        assert [one.order and one.order.id for one in found] == ["o0", "o1", "o2", "o3", None, "o5"]
        assert [str(one.refusal) for one in found].count("None") == 5


async def test_a_shard_that_takes_nothing_does_not_keep_others_from_it(tmp_path: Path) -> None:
    async with (
        running_exchange(tmp_path) as even,
        open_stream("memory://", "order_input_stream") as stream,
    ):
        await opened(even, 2)
        full = Front(
            order_input=stream,
            event_input=stream,
            processor=stream,
            after=START,
            new_id=new_id,
            waiting_max=0,
        )
        fronts = Fronts([even.exchange.front, full], no_order)
        answers = await fronts.send_all([bid(1, 0), bid(2, 1), bid(1, 2)], TIMEOUT_S)
        assert [type(one) for one in answers] == [NotTaken, Answer, NotTaken]
        assert await stream.bounds() is None
