"""Events and markets: list, pause and resolve them; pause everything."""

from __future__ import annotations

from pmengine.commands import (
    AddOneEvent,
    Command,
    NewFees,
    NewMarket,
    PauseMarket,
    Resolve,
    ResolveEvent,
    ResumeAllEvents,
    ResumeMarket,
    StopAllEvents,
)
from pmengine.facts import Refusal
from pmengine.gateways.http.answers import EventView, MarketView, PauseView
from pmengine.gateways.http.lookup import find_event, find_market
from pmengine.gateways.http.operations import Call, Reply
from pmengine.gateways.http.problems import Problem
from pmengine.gateways.http.reading import parse_end_date, parse_id, parse_payout
from pmengine.gateways.http.requests import (
    EventPath,
    EventResolution,
    MarketDefinition,
    MarketPath,
    NewEvent,
    Payouts,
    Resolution,
    Resumption,
)
from pmengine.gateways.http.sending import accepted, refused, send, valid_until_ms
from pmengine.gateways.http.showing import show_event, show_market
from pmengine.gateways.http.titling import add_titled_event, check_untitled
from pmengine.gateways.http.words import newest, words_of
from pmstore import PAYOUT, PRICE_DECIMALS, Market
from pmstore.decimals import format_decimal


async def add_event(call: Call) -> Reply:
    """List an event with its markets."""
    body: NewEvent = call.body
    if body.title is not None:
        event_id = await add_titled_event(call, body.title, _markets(body))
        return 201, await _event_view(call, event_id)
    check_untitled(body)
    if body.event_id is None:
        raise Problem(422, "INVALID_ID", "an event without a title needs an id", field="event_id")
    command = AddOneEvent(
        event_id=body.event_id,
        markets=_markets(body),
        end_date=None if body.end_date is None else parse_end_date(body.end_date),
        exclusive=body.exclusive,
        valid_until_ms=valid_until_ms(call),
    )
    await accepted(call, command, listing=True)
    return 201, await _event_view(call, body.event_id)


async def get_event(call: Call) -> Reply:
    """One event with the best prices of its markets."""
    parameters: EventPath = call.parameters
    return 200, await _event_view(call, parameters.event_id)


async def resolve_market(call: Call) -> Reply:
    """Say what the tokens of a market are paid; trading ends, holders are paid."""
    parameters: MarketPath = call.parameters
    body: Resolution = call.body
    _check_answer(body)
    payouts = None if body.payouts is None else _payouts(body.payouts, "payouts")
    command = Resolve(
        event_id=parameters.event_id,
        market_id=parameters.market_id,
        payouts=payouts,
        void=body.void,
        valid_until_ms=valid_until_ms(call),
    )
    return await _change_market(call, command)


async def resolve_event(call: Call) -> Reply:
    """Say what the tokens of an exclusive event are paid; trading ends, holders are paid."""
    parameters: EventPath = call.parameters
    body: EventResolution = call.body
    _check_answer(body)
    payouts = None
    if body.payouts is not None:
        payouts = {id: _payouts(pair, f"payouts.{id}") for id, pair in body.payouts.items()}
        _check_whole(sum(first for first, _ in payouts.values()), "the first payouts", "payouts")
    command = ResolveEvent(
        event_id=parameters.event_id,
        payouts=payouts,
        void=body.void,
        valid_until_ms=valid_until_ms(call),
    )
    await _change(call, command)
    return 200, await _event_view(call, parameters.event_id)


async def pause_market(call: Call) -> Reply:
    """Refuse new orders in one market; cancels go on."""
    parameters: MarketPath = call.parameters
    command = PauseMarket(
        event_id=parameters.event_id,
        market_id=parameters.market_id,
        valid_until_ms=valid_until_ms(call),
    )
    return await _change_market(call, command)


async def resume_market(call: Call) -> Reply:
    """Take new orders in a market again."""
    parameters: MarketPath = call.parameters
    command = ResumeMarket(
        event_id=parameters.event_id,
        market_id=parameters.market_id,
        valid_until_ms=valid_until_ms(call),
    )
    return await _change_market(call, command)


async def pause(call: Call) -> Reply:
    """Refuse new orders everywhere; cancels go on."""
    await accepted(call, StopAllEvents(valid_until_ms=valid_until_ms(call)), listing=True)
    return 200, PauseView(paused=True, post_only_ms=0)


async def resume(call: Call) -> Reply:
    """Take new orders again, for a while only post-only ones if that is asked."""
    parameters: Resumption = call.parameters
    command = ResumeAllEvents(
        post_only_ms=parameters.post_only_ms, valid_until_ms=valid_until_ms(call)
    )
    await accepted(call, command, listing=True)
    return 200, PauseView(paused=False, post_only_ms=parameters.post_only_ms)


async def _change(call: Call, command: Command) -> None:
    """Have what the path names changed."""
    refusal = (await send(call, command, listing=True)).refusal
    if refusal is not None:
        unknown = refusal in (Refusal.UNKNOWN_EVENT, Refusal.UNKNOWN_MARKET)
        raise refused(refusal, 404 if unknown else 422)


async def _change_market(call: Call, command: Command) -> Reply:
    parameters: MarketPath = call.parameters
    await _change(call, command)
    market = await find_market(
        call.venue.history, call.freshness, parameters.event_id, parameters.market_id
    )
    return 200, _market_view(call, parameters.event_id, market)


def _check_answer(body: Resolution | EventResolution) -> None:
    if body.void == (body.payouts is not None):
        raise Problem(
            422,
            "MALFORMED",
            "send either payouts or void: true, to say what is paid",
            field="void" if body.void else "payouts",
        )


def _payouts(pair: Payouts, field: str) -> tuple[int, int]:
    first, second = (parse_payout(text, field) for text in pair)
    _check_whole(first + second, "the payouts", field)
    return first, second


def _check_whole(ticks: int, what: str, field: str) -> None:
    if ticks != PAYOUT:
        total = format_decimal(ticks, PRICE_DECIMALS)
        raise Problem(422, "MALFORMED", f"{what} add up to {total}; they must to 1", field=field)


async def _event_view(call: Call, event_id: int) -> EventView:
    event = await find_event(call.venue.history, call.freshness, event_id)
    catalogue = await newest(call.venue.events)
    return show_event(event, call.venue.depth, words_of(catalogue, event_id, in_full=True))


def _market_view(call: Call, event_id: int, market: Market) -> MarketView:
    return show_market(market, call.venue.depth.depth((event_id, market.market_id)))


def _markets(body: NewEvent) -> dict[int, NewMarket]:
    return {id: _new_market(id, market) for id, market in body.markets.items()}


def _new_market(market_id: int, market: MarketDefinition) -> NewMarket:
    field = f"markets.{market_id}.token_ids"
    first, second = (parse_id(token, field) for token in market.token_ids)
    yes, no = market.outcomes
    fees = market.fees
    return NewMarket(
        token_ids=(first, second),
        outcomes=(yes, no),
        tick_size=market.tick_size,
        fees=None if fees is None else NewFees(fees.kind, fees.maker_ppm, fees.taker_ppm),
    )
