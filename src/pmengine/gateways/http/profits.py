"""What shares cost and brought: the average-cost rule over fills, for one user; pure."""

from __future__ import annotations

import attrs

from pmstore import PAYOUT, Event


@attrs.define
class Holding:
    """
    What a user has of one token by the average-cost rule.

    Negative lots were sold before they were there: what a split is about to explain. `cost`
    is what the lots cost, fees included, or minus what they brought if they are negative;
    `realised` what selling brought beyond its cost. In lots and micros.
    """

    lots: int = 0
    cost: int = 0
    realised: int = 0

    def buy(self, lots: int, money: int) -> None:
        """Lots that came for *money*; those that were sold before are made good first."""
        self._change(lots, money)

    def sell(self, lots: int, money: int) -> None:
        """Lots that left for *money*, first those that are there, at their average cost."""
        self._change(-lots, -money)

    def _change(self, lots: int, money: int) -> None:
        if self.lots * lots < 0:
            closed = min(abs(lots), abs(self.lots))
            # What is left keeps the rest, so that nothing is lost to rounding.
            cost = self.cost * closed // abs(self.lots)
            part = money * closed // abs(lots)
            self.realised -= cost + part
            self.cost -= cost
            self.lots += closed if lots > 0 else -closed
            money -= part
            lots -= closed if lots > 0 else -closed
        self.lots += lots
        self.cost += money

    def reconcile(self, lots: int, par: int) -> None:
        """
        Let it be *lots*: what is not explained by fills came or left at *par* ticks.

        Splits, merges and conversions do; see `par_of`.
        """
        if lots > self.lots:
            self.buy(lots - self.lots, (lots - self.lots) * par)
        elif lots < self.lots:
            self.sell(self.lots - lots, (self.lots - lots) * par)

    def settle(self, payout: int) -> None:
        """Let everything be paid at *payout* ticks."""
        self.reconcile(0, payout)


def par_of(event: Event, market_id: int, index: int) -> int:
    """
    What a share of a token counts that came or left other than by a trade, in ticks.

    The tokens of a market are worth 1 together, and the first tokens of an exclusive event
    are. Whatever is changed into whatever, what the exchange gives or takes for it is the
    difference at these prices: they are what a void pays.
    """
    if not event.exclusive:
        first = PAYOUT // 2
    else:
        share, rest = divmod(PAYOUT, len(event.markets))
        first = share + rest if market_id == min(event.markets) else share
    return PAYOUT - first if index else first
