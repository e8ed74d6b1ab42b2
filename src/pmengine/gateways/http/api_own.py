"""The operations about what users did and have: own fills and positions."""

from __future__ import annotations

from typing import Final

from pmengine.gateways.http import fills, filters, own_examples, own_views, positions
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
)
