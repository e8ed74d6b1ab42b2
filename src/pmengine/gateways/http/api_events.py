"""The operations about events and markets, and the pause of everything."""

from __future__ import annotations

from typing import Final

from pmengine.gateways.http import answers, event_list, events, examples, filters, requests, titling
from pmengine.gateways.http.operations import Answer, Operation
from pmengine.gateways.http.reasons import (
    CHANGING,
    MALFORMED,
    NOT_APPLIED,
    READING,
    TOO_LARGE,
    UNKNOWN,
    WRITING,
)

_ID: Final = {"event_id": "$response.body#/event_id"}
_SWITCHING: Final = {400: MALFORMED, 413: TOO_LARGE, 503: NOT_APPLIED, 504: UNKNOWN}
_ITS_ID: Final = {"getEvent": _ID, "listTops": _ID, "resolveEvent": _ID}

EVENTS: Final[tuple[Operation, ...]] = (
    Operation(
        method="POST",
        path="/events",
        handle=events.add_event,
        name="addEvent",
        says="List an event with its markets (admin); the same again changes nothing.",
        body=requests.NewEvent,
        body_example=examples.NEW_EVENT,
        answers={201: Answer(answers.EventView, "The event.", examples.EVENT, _ITS_ID)},
        problems=WRITING,
    ),
    Operation(
        method="GET",
        path="/events",
        handle=event_list.list_events,
        name="listEvents",
        says="Events in the order that is asked for, with best prices of each outcome.",
        parameters=filters.EventFilter,
        answers={200: Answer(answers.EventPage, "A page of events.", examples.EVENT_PAGE)},
        problems={**READING, 410: "The ranking that `after` is of is kept no longer."},
    ),
    Operation(
        method="GET",
        path="/events/{event_id}",
        handle=events.get_event,
        name="getEvent",
        says="One event, with best prices and last trade of each outcome.",
        parameters=requests.EventPath,
        answers={200: Answer(answers.EventView, "The event.", examples.EVENT)},
        problems={**READING, 404: "There is no such event."},
    ),
    Operation(
        method="POST",
        path="/events/{event_id}/close",
        handle=titling.close_event,
        name="closeEvent",
        says="End trading in all markets of an event (admin); once more changes nothing.",
        parameters=requests.EventPath,
        answers={
            200: Answer(answers.ClosedEvent, "It is closed.", {"event_id": 1, "closed": True})
        },
        problems={**CHANGING, 404: "There is no such event."},
    ),
    Operation(
        method="POST",
        path="/events/{event_id}/markets/{market_id}/resolve",
        handle=events.resolve_market,
        name="resolveMarket",
        says="Say what the tokens of a market are paid (admin): trading ends, holders are paid.",
        parameters=requests.MarketPath,
        body=requests.Resolution,
        body_example=examples.RESOLUTION,
        answers={200: Answer(answers.MarketView, "The market.", examples.RESOLVED_MARKET)},
        problems={**WRITING, 404: "There is no such market."},
    ),
    Operation(
        method="POST",
        path="/events/{event_id}/resolve",
        handle=events.resolve_event,
        name="resolveEvent",
        says=(
            "Say what the tokens of an exclusive event are paid (admin): trading ends, holders are "
            "paid."
        ),
        parameters=requests.EventPath,
        body=requests.EventResolution,
        body_example=examples.EVENT_RESOLUTION,
        answers={200: Answer(answers.EventView, "The event.", examples.RESOLVED_EVENT)},
        problems={**WRITING, 404: "There is no such event."},
    ),
    Operation(
        method="POST",
        path="/events/{event_id}/markets/{market_id}/pause",
        handle=events.pause_market,
        name="pauseMarket",
        says="Refuse new orders in one market (admin); cancels go on.",
        parameters=requests.MarketPath,
        answers={200: Answer(answers.MarketView, "The market.", examples.PAUSED_MARKET)},
        problems={**CHANGING, 404: "There is no such market."},
    ),
    Operation(
        method="POST",
        path="/events/{event_id}/markets/{market_id}/resume",
        handle=events.resume_market,
        name="resumeMarket",
        says="Take new orders in a market again (admin).",
        parameters=requests.MarketPath,
        answers={200: Answer(answers.MarketView, "The market.", examples.MARKET)},
        problems={**CHANGING, 404: "There is no such market."},
    ),
    Operation(
        method="POST",
        path="/pause",
        handle=events.pause,
        name="pause",
        says="Refuse new orders everywhere (admin); cancels go on.",
        answers={200: Answer(answers.PauseView, "The state.", {"paused": True, "post_only_ms": 0})},
        problems=_SWITCHING,
    ),
    Operation(
        method="POST",
        path="/resume",
        handle=events.resume,
        name="resume",
        says="Take new orders again (admin), for a while only post-only ones if that is asked.",
        parameters=requests.Resumption,
        answers={
            200: Answer(answers.PauseView, "The state.", {"paused": False, "post_only_ms": 5000})
        },
        problems=_SWITCHING,
    ),
)
