"""The part of the client that is about own orders: place, change, cancel and look at them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Literal

import attrs

from pmengine.client.amounts import Amount, to_text
from pmengine.client.batches import order_body, place_batch
from pmengine.client.errors import ClientError, DoneNotShown, Ids, OutcomeUnknown
from pmengine.client.orders import (
    CancelledOrders,
    Fill,
    Group,
    NewOrder,
    Order,
    PlacedOrder,
    Session,
    Side,
    check_id,
)
from pmengine.client.paging import PAGE_SIZE, Page, all_of
from pmengine.client.requests import Repeat, Request, said
from pmengine.client.transport import PREFIX, Transport


@attrs.frozen(kw_only=True)
class _OneOrder:
    order: Order


class Trading:
    """
    Own orders. Every call raises as `Transport.ask` says, after `deadline_s` at the latest.
    """

    _transport: Transport

    async def place(self, order: NewOrder, /, *, deadline_s: float | None = None) -> PlacedOrder:
        """
        Place *order*; its outcome is durable when it is answered.

        It is one order, however often it is sent: by this call, which asks again with the same
        `client_order_id` while the outcome is not known, and by further calls with the same
        *order*, as after `OutcomeUnknown`. If it was there already, it is answered as it is now.

        Raises:
            Refused: `code` says why; it did not and will not become an order.
            OutcomeUnknown: No outcome by the deadline; it may be an order, or become one.
        """
        return await self._transport.ask(
            Request(
                method="POST",
                path=f"{PREFIX}/orders",
                answer=PlacedOrder,
                repeat=Repeat.SAME_ID,
                body=order_body(order),
                ids=Ids(client_order_id=order.client_order_id),
            ),
            deadline_s,
        )

    async def place_many(
        self, orders: Sequence[NewOrder], /, *, deadline_s: float | None = None
    ) -> list[PlacedOrder | ClientError]:
        """
        Place 1 to 100 orders, one after the other, with nobody else's between them.

        Each has an answer or an error of its own, in their order; as for `place` none of them
        is doubled. Orders that were not taken at first come after the others.

        Raises:
            ClientError: Of the request as a whole.
        """
        return await place_batch(self._transport, orders, deadline_s)

    async def amend(
        self, order_id: str, *, price: Amount | None = None, quantity: Amount | None = None
    ) -> PlacedOrder:
        """
        Give an own order a new price and/or total quantity, filled part included, in one step.

        A smaller quantity at the same price keeps its place in the queue.

        Raises:
            OutcomeUnknown: With a `refusal` of `UNKNOWN_ORDER` it is known to have ended,
                amended before or not.
        """
        texts = {"price": price, "quantity": quantity}
        return await self._transport.ask(
            Request(
                method="PATCH",
                path=_order_path(order_id),
                answer=PlacedOrder,
                repeat=Repeat.SAME_STATE,
                body={name: to_text(one) for name, one in texts.items() if one is not None},
                ids=Ids(order_id=order_id),
            )
        )

    async def cancel(self, order_id: str) -> Order:
        """
        Cancel an own order; the order as it is cancelled.

        Raises:
            Refused: It has ended before (409, `UNKNOWN_ORDER`), or is none of yours (404).
        """
        try:
            answer = await self._transport.ask(
                Request(
                    method="DELETE",
                    path=_order_path(order_id),
                    answer=_OneOrder,
                    repeat=Repeat.SAME_STATE,
                    ids=Ids(order_id=order_id),
                )
            )
        except (DoneNotShown, OutcomeUnknown) as error:
            if isinstance(error, OutcomeUnknown) and error.refusal is None:
                raise
            # An attempt without an answer may have cancelled it: the order itself says.
            with suppress(ClientError):
                order = await self.order(order_id)
                if order.status == "cancelled":
                    return order
            raise
        return answer.order

    async def cancel_all(
        self,
        *,
        event_id: int | None = None,
        market_id: int | None = None,
        group: str | None = None,
        session: str | None = None,
    ) -> CancelledOrders:
        """
        Cancel all own orders, or those of an event, market, group and session.

        Raises:
            Refused: None is open there (404, `UNKNOWN_ORDER`).
        """
        return await self._transport.ask(
            Request(
                method="DELETE",
                path=f"{PREFIX}/orders",
                answer=CancelledOrders,
                repeat=Repeat.SAME_STATE,
                parameters={
                    "event_id": event_id,
                    "market_id": market_id,
                    "group": group,
                    "session": session,
                },
            )
        )

    async def order(self, order_id: str) -> Order:
        """One own order as it is now."""
        answer = await self._transport.ask(
            Request(
                method="GET",
                path=_order_path(order_id),
                answer=_OneOrder,
                repeat=Repeat.ASKS,
                ids=Ids(order_id=order_id),
            )
        )
        return answer.order

    def orders(
        self,
        *,
        status: Literal["active", "closed"] | None = None,
        event_id: int | None = None,
        market_id: int | None = None,
        token_id: str | None = None,
        side: Side | None = None,
        client_order_id: str | None = None,
        limit: int | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Order]:
        """Own orders, oldest first; *limit* of them at most."""
        parameters = {
            "status": status,
            "event_id": event_id,
            "market_id": market_id,
            "token_id": token_id,
            "side": side,
            "client_order_id": client_order_id,
        }
        path = f"{PREFIX}/orders"
        return all_of(
            self._transport, path, Page[Order], parameters, limit=limit, page_size=page_size
        )

    def fills(
        self,
        *,
        event_id: int | None = None,
        market_id: int | None = None,
        order_id: str | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Fill]:
        """Own fills, newest first, from *start_ms* until before *end_ms*."""
        parameters = {
            "event_id": event_id,
            "market_id": market_id,
            "order_id": order_id,
            "start_ms": start_ms,
            "end_ms": end_ms,
        }
        path = f"{PREFIX}/fills"
        return all_of(
            self._transport, path, Page[Fill], parameters, limit=limit, page_size=page_size
        )

    async def set_group(self, group: str, *, quantity_max: Amount, window_ms: int = 0) -> Group:
        """
        Limit what is filled of the own orders of a group: *quantity_max* shares in *window_ms*.

        0 shares remove the group and cancel its orders.
        """
        body = {"group": group, "quantity_max": to_text(quantity_max), "window_ms": window_ms}
        return await self._transport.ask(
            Request(
                method="POST",
                path=f"{PREFIX}/groups",
                answer=Group,
                repeat=Repeat.SAME_STATE,
                body=body,
            )
        )

    async def beat(
        self, session: str, *, timeout_ms: int, deadline_s: float | None = None
    ) -> Session:
        """
        Begin a session or let it live on; 0 ends it at once.

        Unless it is renewed within *timeout_ms*, its orders are cancelled.
        """
        return await self._transport.ask(
            Request(
                method="POST",
                path=f"{PREFIX}/heartbeats",
                answer=Session,
                repeat=Repeat.SAME_STATE,
                body=said({"session": session, "timeout_ms": timeout_ms}),
            ),
            deadline_s,
        )


def _order_path(order_id: str) -> str:
    return f"{PREFIX}/orders/{check_id(order_id)}"
