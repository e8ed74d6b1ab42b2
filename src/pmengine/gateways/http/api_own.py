"""The operations about what users did and have: own fills, positions and the ledger."""

from __future__ import annotations

from typing import Final

from pmengine.gateways.http import (
    fills,
    filters,
    ledger,
    ledger_views,
    own_examples,
    own_views,
    positions,
)
from pmengine.gateways.http.operations import Answer, Operation
from pmengine.gateways.http.reasons import NO_ID, NO_USER, READING

OWN: Final[tuple[Operation, ...]] = (
    Operation(
        method="GET",
        path="/fills",
        handle=fills.list_fills,
        name="listFills",
        says="Own fills, newest first, each in the terms of the own order.",
        parameters=filters.FillFilter,
        answers={200: Answer(own_views.FillPage, "A page of fills.", own_examples.FILL_PAGE)},
        problems={**READING, 401: NO_USER, 422: NO_ID},
        user=True,
    ),
    Operation(
        method="GET",
        path="/positions",
        handle=positions.list_positions,
        name="listPositions",
        says="Own positions with average price and profit, by event, market and token.",
        parameters=filters.PositionFilter,
        answers={
            200: Answer(own_views.PositionPage, "A page of positions.", own_examples.POSITION_PAGE)
        },
        problems={**READING, 401: NO_USER},
        user=True,
    ),
    Operation(
        method="GET",
        path="/ledger",
        handle=ledger.list_own_ledger,
        name="listLedger",
        says="What moved own money and shares, newest first, with what there was afterwards.",
        parameters=ledger_views.LedgerFilter,
        answers={
            200: Answer(ledger_views.LedgerPage, "A page of lines.", ledger_views.LEDGER_PAGE)
        },
        problems={**READING, 401: NO_USER, 422: NO_ID, 501: ledger.NOT_KEPT},
        user=True,
    ),
    Operation(
        method="GET",
        path="/users/{user_id}/ledger",
        handle=ledger.list_user_ledger,
        name="listUserLedger",
        says="The same of any user, for an admin.",
        parameters=ledger_views.UserLedgerFilter,
        answers={
            200: Answer(ledger_views.LedgerPage, "A page of lines.", ledger_views.LEDGER_PAGE)
        },
        problems={**READING, 422: NO_ID, 501: ledger.NOT_KEPT},
        admin=True,
    ),
)
