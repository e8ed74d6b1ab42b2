"""The rules behind the steps of an order's life, each with its place on the page of the rules."""

from __future__ import annotations

import enum
from typing import Final

PAGE: Final = "docs/reference/rules.md"


class Rule(enum.Enum):
    """A rule in one sentence, and the heading of the page under which it stands."""

    ADMISSION = (
        "one-step",
        "An order is judged, matched and settled in one step; a refused one changes nothing.",
    )
    RESTING = (
        "one-ladder",
        "What is left of a limit order rests behind everything at its price, in one queue for both "
        "tokens, and what it can still need is frozen.",
    )
    NORMAL = (
        "match-types",
        "A buyer and a seller of one token trade it at the price of the one who was there first.",
    )
    MINT = (
        "match-types",
        "Buyers of both tokens pay 1 together, each its own price, and a new pair is made.",
    )
    MERGE = (
        "match-types",
        "Sellers of both tokens give a pair back, and share the 1 behind it by their prices.",
    )
    PRIORITY = (
        "price-then-time",
        "A taker meets the best price first, and at one price whoever came first.",
    )
    IMPROVEMENT = (
        "price-improvement",
        "The maker trades at its limit; what the taker pays less than its own is released at once.",
    )
    FILLED = ("status", "An order is Filled when nothing remains of it.")
    IOC = ("order-kinds", "What an IOC order does not fill at once is cancelled.")
    FOK = ("order-kinds", "A FOK order is filled as a whole at once, or refused.")
    MARKET_SELL = ("order-kinds", "What a market sell does not fill at once is cancelled.")
    MARKET_BUY = (
        "order-kinds",
        "A market buy spends up to its volume, and what it does not spend is released.",
    )
    OWNER = ("cancelling", "Whoever has an order may cancel it at any time, paused or not.")
    CANCEL_ALL = (
        "cancelling",
        "All orders that are meant leave the ladder at once; their ends follow in steps.",
    )
    SELF_TRADE = (
        "self-trade",
        "Nobody trades with oneself: the taking order's mode says which order is cancelled.",
    )
    EXPIRED = (
        "time",
        "An order with an end is cancelled by the engine's time, before the next command.",
    )
    MARKET_CLOSED = (
        "ends-of-markets",
        "When a market ends, its orders are cancelled and what was frozen is released.",
    )
    GROUP = (
        "order-groups",
        "A group that filled more than its limit within its window has its orders cancelled.",
    )
    SESSION = (
        "sessions",
        "When the heartbeats of a session stop, the orders of the session are cancelled.",
    )
    AMEND_KEEPS = (
        "amending",
        "A smaller quantity at the same price keeps its place, and the rest is released.",
    )
    AMEND_QUEUES = (
        "amending",
        "Another price or a larger quantity queues again under a new number, and may trade.",
    )
    AMEND_ENDS = (
        "amending",
        "A total at or below what is filled ends the order as a cancel would.",
    )
    AMEND_NOTHING = ("amending", "An amend to the terms that an order has changes nothing.")
    REPEAT = (
        "remembered-ids",
        "The same id with the same content is answered with the first outcome, and does nothing.",
    )
    ID_REUSED = (
        "remembered-ids",
        "An id that was used before with other content is refused.",
    )
    REFUSED = ("refusals", "A refused command changes nothing but its remembered outcome.")

    @property
    def anchor(self) -> str:
        """The heading of the page under which the rule stands, as a link names it."""
        return self.value[0]

    @property
    def sentence(self) -> str:
        """The rule."""
        return self.value[1]
