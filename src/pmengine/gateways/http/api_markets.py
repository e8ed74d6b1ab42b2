"""The operations about what everybody may see of a market: its book and its trades."""

from __future__ import annotations

from typing import Final

from pmengine.gateways.depth_view import DepthSnapshot
from pmengine.gateways.http import (
    answers,
    candles,
    examples,
    filters,
    market_data,
    market_examples,
    market_views,
    requests,
    tops,
)
from pmengine.gateways.http.operations import Answer, Operation
from pmengine.gateways.http.reasons import NO_ID, READING

MARKETS: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/depth",
        handle=market_data.get_depth,
        name="getDepth",
        says="The levels of both tokens of a market.",
        parameters=requests.DepthFilter,
        answers={200: Answer(DepthSnapshot, "As the WebSocket snapshot.", examples.DEPTH)},
        problems={**READING, 404: "There is no such market."},
    ),
    Operation(
        method="GET",
        path="/top",
        handle=tops.list_tops,
        name="listTops",
        says="Best bid and ask of both tokens, of an event's markets by id or of one of them.",
        parameters=filters.TopFilter,
        answers={200: Answer(market_views.TopPage, "A page of markets.", market_examples.TOP_PAGE)},
        problems={**READING, 404: "There is no such event or market."},
    ),
    Operation(
        method="GET",
        path="/trades",
        handle=market_data.list_trades,
        name="listTrades",
        says="Trades, newest first.",
        parameters=requests.TradeFilter,
        answers={200: Answer(answers.TradePage, "A page of trades.", examples.TRADE_PAGE)},
        problems=READING,
    ),
    Operation(
        method="GET",
        path="/candles",
        handle=candles.list_candles,
        name="listCandles",
        says="What was traded in a market by interval (UTC), newest first.",
        parameters=filters.CandleFilter,
        answers={
            200: Answer(market_views.CandlePage, "A page of candles.", market_examples.CANDLE_PAGE)
        },
        problems={**READING, 404: "There is no such market or token.", 422: NO_ID},
    ),
)
