"""Two buyers of opposite outcomes meet: a new pair is issued; two sellers give it back."""

from pmengine.commands import AddOneEvent, Command, Deposit, NewMarket, SubmitOrder
from pmengine.engine import Engine
from pmstore import OrderType, Side, Symbol

YES, NO = Symbol(1, 1, "yes"), Symbol(1, 1, "no")


def order(id: str, user: str, symbol: Symbol, side: Side, price: int) -> SubmitOrder:
    return SubmitOrder(
        order_id=id,
        user_id=user,
        symbol=symbol,
        side=side,
        order_type=OrderType.LIMIT,
        price=price,
        quantity=100,
    )


engine = Engine()
commands: list[Command] = [
    AddOneEvent(event_id=1, markets={1: NewMarket(("yes", "no"))}),
    Deposit(id="d1", user_id="alice", amount=10_000_000),  # micros: 10.00
    Deposit(id="d2", user_id="bob", amount=10_000_000),
    order("a1", "alice", YES, Side.BUY, 6_000),
    order("b1", "bob", NO, Side.BUY, 4_500),  # pays 0.40: the improvement is his
    order("a2", "alice", YES, Side.SELL, 7_000),
    order("b2", "bob", NO, Side.SELL, 3_000),
]
for time_ms, command in enumerate(commands, start=1):
    for trade in engine.handle(command, time_ms).trades:
        print(
            f"{trade.match_type.value}: {trade.taker_user_id} at {trade.price}, "
            f"{trade.maker_user_id} at {trade.maker_price}, {trade.quantity} lots"
        )
for asset, rows in engine.state.balances.items():
    for row in rows.values():
        print(f"{row.user_id} has {row.available} of {asset}")
