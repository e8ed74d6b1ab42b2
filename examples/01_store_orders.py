"""Open an order store by its URL, save an order, and ask for it."""

import asyncio

import pmstore


async def main() -> None:
    order = pmstore.Order(
        id="order-1",
        symbol=pmstore.Symbol(event_id=1, market_id=1, token_id="yes"),
        side=pmstore.Side.BUY,
        order_type=pmstore.OrderType.LIMIT,
        quantity=100,  # lots: 1.00 share
        price=5_000,  # ticks: 0.5000
        status=pmstore.OrderStatus.NEW,
        filled_quantity=0,
        remaining_quantity=100,
        timestamp=1_704_110_400_000,
        user_id="alice",
        order_num=1_024,
        version=1,
    )
    async with pmstore.open_order_store("memory://") as orders:
        await orders.save([order])
        page = await orders.find(pmstore.OrderQuery(user_id="alice", side=pmstore.Side.BUY))
    for found in page.items:
        print(f"{found.id}: {found.side.value} {found.remaining_quantity} lots at {found.price}")


asyncio.run(main())
