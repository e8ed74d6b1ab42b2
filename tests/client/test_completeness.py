"""The client leaves nothing out of what the API takes and answers."""

from __future__ import annotations

import inspect
from typing import Any

import attrs
import msgspec
import pytest

from pmengine import client as face
from pmengine.client import Client, NewOrder
from pmengine.client.accounts import Position
from pmengine.gateways import depth_view
from pmengine.gateways.http import answers, callers, ledger_views, market_views, own_views, requests
from pmengine.gateways.http.api import OPERATIONS
from pmengine.gateways.http.operations import Operation
from pmengine.gateways.websocket import user_messages
from tests.client.test_calls import CALLS

ANSWERS: list[tuple[type, type]] = [
    (answers.OrderView, face.Order),
    (answers.TradeView, face.Trade),
    (answers.PlacedOrder, face.PlacedOrder),
    (answers.CancelledOrders, face.CancelledOrders),
    (answers.GroupView, face.Group),
    (answers.SessionView, face.Session),
    (callers.CallerView, face.Caller),
    (answers.EventView, face.Event),
    (answers.ClosedEvent, face.ClosedEvent),
    (answers.TopicName, face.TopicName),
    (answers.TopicView, face.Topic),
    (answers.MarketView, face.Market),
    (answers.TokenView, face.Token),
    (answers.FeesView, face.Fees),
    (answers.AccountView, face.Account),
    (answers.CashView, face.Cash),
    (answers.PositionView, face.Holding),
    (answers.PauseView, face.Pause),
    (own_views.FillView, face.Fill),
    (own_views.HeldPosition, Position),
    (ledger_views.LedgerLine, face.LedgerLine),
    (market_views.BestView, face.Best),
    (market_views.TokenTop, face.TokenTop),
    (market_views.TopView, face.Top),
    (market_views.CandleView, face.Candle),
    (depth_view.LevelView, face.Level),
    (depth_view.TokenDepth, face.TokenDepth),
    (depth_view.DepthSnapshot, face.Depth),
    (user_messages.BalanceView, face.Balance),
]


def fields(kind: Any) -> set[str]:
    """The names of a class's fields."""
    if attrs.has(kind):
        return {field.name for field in attrs.fields(kind)}
    return {field.name for field in msgspec.structs.fields(kind)}


@pytest.mark.parametrize(("shown", "read"), ANSWERS, ids=lambda kind: kind.__name__)
def test_every_field_of_an_answer_is_read(shown: type, read: type) -> None:
    assert fields(read) == fields(shown)


def test_every_field_of_an_order_can_be_said() -> None:
    assert fields(NewOrder) == fields(requests.NewOrder)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_parameter_of_an_operation_can_be_given(operation: Operation) -> None:
    taken = set(inspect.signature(getattr(Client, CALLS[operation.name])).parameters)
    wanted = fields(operation.parameters) - {"after"}
    if operation.body not in (None, requests.NewOrder):
        wanted |= fields(operation.body)
    assert wanted - taken == set()
