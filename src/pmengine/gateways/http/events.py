"""Events and markets: list them, resolve them, pause everything."""

from __future__ import annotations

from pmengine.commands import AddOneEvent, NewMarket, Resolve, ResumeAllEvents, StopAllEvents
from pmengine.facts import Refusal
from pmengine.gateways.http.answers import EventPage, EventView, MarketView, PauseView
from pmengine.gateways.http.lookup import find_event, find_market, is_gone
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.http.reading import parse_end_date, parse_id, parse_payout
from pmengine.gateways.http.requests import (
    EventFilter,
    EventPath,
    MarketDefinition,
    MarketPath,
    NewEvent,
    Resolution,
)
from pmengine.gateways.http.sending import accepted, refused, send, valid_until_ms
from pmengine.gateways.http.showing import show_event, show_market
from pmstore import PAYOUT, PRICE_DECIMALS, EventQuery, Market
from pmstore.decimals import format_decimal


async def add_event(call: Call) -> Reply:
    """List an event with its markets."""
    body: NewEvent = call.body
    command = AddOneEvent(
        event_id=body.event_id,
        markets={id: _new_market(id, market) for id, market in body.markets.items()},
        end_date=None if body.end_date is None else parse_end_date(body.end_date),
        valid_until_ms=valid_until_ms(call),
    )
    await accepted(call, command, listing=True)
    return 201, await _event_view(call, body.event_id)


async def get_event(call: Call) -> Reply:
    """One event with the best prices of its markets."""
    parameters: EventPath = call.parameters
    return 200, await _event_view(call, parameters.event_id)


async def list_events(call: Call) -> Reply:
    """Events by id, with the best prices of their markets."""
    parameters: EventFilter = call.parameters
    await call.freshness.reached()
    page = await call.venue.history.events.find(
        EventQuery(after=parameters.after, limit=parameters.limit)
    )
    feed = call.venue.depth
    listed = [show_event(event, feed) for event in page.items if not is_gone(event)]
    return 200, EventPage(items=listed, next=page.next)


async def resolve_market(call: Call) -> Reply:
    """Say what the tokens of a market are paid; trading ends, holders are paid."""
    parameters: MarketPath = call.parameters
    body: Resolution = call.body
    first, second = (parse_payout(text, "payouts") for text in body.payouts)
    if first + second != PAYOUT:
        total = format_decimal(first + second, PRICE_DECIMALS)
        raise Problem(
            422, "MALFORMED", f"the payouts add up to {total}; they must to 1", field="payouts"
        )
    command = Resolve(
        event_id=parameters.event_id,
        market_id=parameters.market_id,
        payouts=(first, second),
        valid_until_ms=valid_until_ms(call),
    )
    answer = await send(call, command, listing=True)
    refusal = answer.refusal
    if refusal is not None:
        unknown = refusal in (Refusal.UNKNOWN_EVENT, Refusal.UNKNOWN_MARKET)
        raise refused(refusal, 404 if unknown else 422)
    market = await find_market(
        call.venue.history, call.freshness, parameters.event_id, parameters.market_id
    )
    return 200, _market_view(call, parameters.event_id, market)


async def pause(call: Call) -> Reply:
    """Refuse new orders everywhere; cancels go on."""
    await accepted(call, StopAllEvents(valid_until_ms=valid_until_ms(call)), listing=True)
    return 200, PauseView(paused=True)


async def resume(call: Call) -> Reply:
    """Take new orders again."""
    await accepted(call, ResumeAllEvents(valid_until_ms=valid_until_ms(call)), listing=True)
    return 200, PauseView(paused=False)


async def _event_view(call: Call, event_id: int) -> EventView:
    return show_event(
        await find_event(call.venue.history, call.freshness, event_id), call.venue.depth
    )


def _market_view(call: Call, event_id: int, market: Market) -> MarketView:
    return show_market(market, call.venue.depth.depth((event_id, market.market_id)))


def _new_market(market_id: int, market: MarketDefinition) -> NewMarket:
    field = f"markets.{market_id}.token_ids"
    first, second = (parse_id(token, field) for token in market.token_ids)
    yes, no = market.outcomes
    return NewMarket((first, second), (yes, no), market.tick_size)
