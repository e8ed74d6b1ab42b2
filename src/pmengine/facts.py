"""What comes out of the engine: the facts of a command, or why it was refused."""

from __future__ import annotations

import enum

from pmstore import Change, Trade
from pmstore.codec import decode_changes


class Refusal(enum.Enum):
    """Why a command changed nothing; `text` says it to a person."""

    UNKNOWN_EVENT = "there is no event with this id"
    UNKNOWN_MARKET = "the event has no market with this id"
    UNKNOWN_TOKEN = "the token does not belong to the market"
    MARKET_CLOSED = "trading in the market has ended"
    EVENT_EXPIRED = "the end date of the event has passed"
    PAUSED = "the exchange is paused; cancels still work"
    DUPLICATE_ORDER = "an order with this order_id exists or existed"
    ID_REUSED = "this id was used before with other content; choose a new one"
    INVALID_PRICE = "the price is outside 0.0010 .. 0.9990"
    INVALID_TICK = "the price is not a multiple of the market's tick size"
    INVALID_QUANTITY = "the quantity is outside 0.01 .. 10000000000.00 shares"
    INVALID_VOLUME = "the amount of money is not positive or beyond what can be held"
    INVALID_EXPIRY = "the time is in the past, too far ahead, or does not fit the order"
    TOO_LATE = "the command reached the engine after its valid_until_ms"
    INSUFFICIENT_BALANCE = "the user does not have that much available"
    POST_ONLY_WOULD_TRADE = "a post-only order would have traded at once"
    FOK_NOT_FILLABLE = "the order cannot be filled as a whole at its price"
    UNKNOWN_ORDER = "no open order has this id"
    NOT_OWNER = "the order belongs to another user"
    TOO_MANY_ORDERS = "the user has as many open orders as are allowed"
    TOO_MANY_GROUPS = "the user has as many order groups as are allowed; remove one first"
    TOO_MANY_SESSIONS = "the user has as many sessions as are allowed; end one first"
    UNKNOWN_GROUP = "the user has no order group of this name"
    GROUP_TRIGGERED = "the order group is full; it takes orders once it is armed again"
    SESSION_ENDED = "the user has no session of this name, or it has ended"
    INVALID_ID = "an id is empty, longer than 255 bytes, or has control characters"
    MALFORMED = "the command contradicts itself or what stands already"

    @property
    def text(self) -> str:
        """The reason in words."""
        return self.value


class Outcome:
    """
    What one command did.

    `encoded` are its facts as the log has them, a JSON array; `facts` the same as models,
    made when first asked for. They are complete: folding them gives the engine's state. A
    refused command changed nothing but its remembered outcome, and what was due before it.
    """

    def __init__(self, encoded: bytes, refusal: Refusal | None) -> None:
        self.encoded = encoded
        self.refusal = refusal
        self._facts: list[Change] | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Outcome):
            return NotImplemented
        return (self.encoded, self.refusal) == (other.encoded, other.refusal)

    @property
    def facts(self) -> list[Change]:
        """The facts in the order in which they happened."""
        if self._facts is None:
            self._facts = decode_changes(self.encoded, "the facts of a command")
        return self._facts

    @property
    def trades(self) -> list[Trade]:
        """The fills among the facts, in the order in which they happened."""
        return [fact for fact in self.facts if type(fact) is Trade]
