"""The laws that `pmengine verify` checks, each with a name, and what breaking one looks like."""

from __future__ import annotations

import enum

import attrs


class Law(enum.Enum):
    """A law of the exchange; its value says it in one sentence."""

    CHAIN = "every entry of the log has the next number and continues the hash of the one before"
    ENTRY = "every entry of the log can be read and is as its writer wrote it"
    FORWARD = "engine time, epoch and consumed input never go back from entry to entry"

    CROSSED = "the best bid of a market is below its best ask"
    QUEUE = "orders stand in order of arrival, and no number is given twice"
    QUANTITY = "filled and remaining are the quantity of an order, and something remains"
    STATUS = "an open order is New without fills and PartiallyFilled with some"
    TERMS = "what rests is a limit order at a price of its market's grid, in a listed market"
    DUE = "what is due by the engine's time has happened"

    PAIRS = "of a plain market as many lots of one token are held as of the other"
    EXCLUSIVE = "Yes less No is the same in every market of an exclusive event"
    MONEY = "cash and collateral of all are what came in less what left"
    FROZEN = "what is frozen of a user is what the user's orders can still need"
    ROWS = "no balance is negative, kept at zero, or of an asset that is not listed"
    PAYOUTS = "payouts add up to the payout of one, and holders of what is resolved are paid"
    MEMORY = "an outcome is remembered until its time is over and no longer"
    VERSIONS = "the changes of a user carry the user's update numbers without a gap"

    ADMISSION = "no order comes in where and while new orders are refused"
    REFUSED = "a command that is refused, or a repeat, changes nothing but what is remembered"
    LIFE = "an order is made once, changes while it is open, and ends once"
    FILLS = "an order has filled what it traded"
    TRADE_PRICE = "a trade is at the maker's limit and never worse than the taker's"
    TRADE_PARTIES = "a trade is of two orders that fit its match type"
    TRADE_NUMBERS = "trade ids grow"
    SELF_TRADE = "nobody trades with oneself unless the taking order allows it"
    PRIORITY = "a taker meets the best price first, and at one price who came first"
    FEES = "an order has paid the sum of its exact fees, rounded up once"
    HOLDINGS = "holdings change by what trades, commands and payouts say, and by nothing else"
    DEPTH = "the published levels are the levels of the orders, and no update is left out"
    GROUP = "a group counts its fills, and at its limit it is triggered and its orders are gone"

    LADDER = "the engine's ladder is a picture of the open orders"

    SNAPSHOT = "a snapshot is what the log adds up to at its number"
    ORDER_STORE = "the order store has what the log says at its position"
    TRADE_STORE = "the trade store has every trade of the log once, and no other"
    ACCOUNT_STORE = "the account store has what the log says at its position"
    EVENT_STORE = "the event store has what the log says at its position"
    LEDGER = "lines of the ledger balance, follow on each other, and come to what users have"
    PROJECTION = "a projection has one entry for every entry of the log, derived from it"

    @property
    def slug(self) -> str:
        """Its name in reports, as in `trade-price`."""
        return self.name.lower().replace("_", "-")


@attrs.frozen
class Violation:
    """
    A law that is broken.

    `subject` names the order, trade, user or market; `text` says what was found.
    """

    law: Law
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


def market_name(event_id: int, market_id: int) -> str:
    """How a market is called in a report."""
    return f"market {event_id}/{market_id}"
