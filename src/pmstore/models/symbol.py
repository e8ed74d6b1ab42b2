"""What an order names: one outcome of one market."""

import attrs


@attrs.frozen
class Symbol:
    """One token of one market of one event."""

    event_id: int
    market_id: int
    token_id: str
