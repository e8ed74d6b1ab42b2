/** What the order in the ticket would cost, bring and pay, said before it is sent. */
import type { WireToken } from '../api/wire';
import { showRate, type Estimate, type Fees } from '../amounts/estimate';
import { showDecimal, showMoney, showPrice, showProfit, showQuantity } from '../amounts/units';
import type { Draft } from '../app/draft';

interface SummaryProps {
  draft: Draft;
  token: WireToken;
  fees: Fees | null;
  expected: Estimate | null;
  isLive: boolean;
  /** The price of an own order that this one would meet. */
  inTheWay: bigint | null;
}

export function Summary({ draft, token, fees, expected, isLive, inTheWay }: SummaryProps) {
  const isBuy = draft.side === 'buy';
  const rows: [string, string, string?][] = [];
  if (expected) {
    rows.push(['Trades at once', `${showQuantity(expected.filled)} shares`]);
    if (expected.average !== null) rows.push(['Average price', showDecimal(roundedTick(expected.average), 4, 2)]);
    if (expected.left > 0n && draft.kind === 'limit') {
      const rests = draft.timeInForce === 'gtc' || draft.timeInForce === 'gtd';
      rows.push([rests ? 'Waits in the book' : 'Not filled, cancelled', `${showQuantity(expected.left)} shares`]);
    }
    if (fees) rows.push(['Fee', showMoney(expected.fee)]);
    if (isBuy) {
      rows.push(['You pay at most', showMoney(expected.cost), 'strong']);
      rows.push([`Payout if ${token.outcome}`, showMoney(expected.payout), 'strong']);
      rows.push([`Profit if ${token.outcome}`, showProfit(expected.payout - expected.cost), 'gain']);
    } else {
      rows.push(['You receive at once', showMoney(expected.proceeds), 'strong']);
    }
  }
  const warning =
    expected && draft.kind === 'limit'
      ? draft.postOnly && expected.filled > 0n && (draft.timeInForce === 'gtc' || draft.timeInForce === 'gtd')
        ? 'Some of it would trade at once: a post-only order is refused.'
        : draft.timeInForce === 'fok' && expected.left > 0n
          ? 'There is not enough in the book: it would be refused.'
          : null
      : expected && expected.filled === 0n
        ? 'Nothing in the book can be taken at this price.'
        : null;
  return (
    <div class="summary" aria-label="What it costs and pays" role="group">
      {rows.length === 0 ? (
        <p class="hint">Cost, fee and payout are shown here before you send.</p>
      ) : (
        <dl>
          {rows.map(([name, value, tone]) => (
            <div key={name} class={tone}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {warning && <p class="warning">{warning}</p>}
      {inTheWay !== null && (
        <p class="warning">
          Your own order at {showPrice(inTheWay)} is in the way. You do not trade with yourself: what would meet it may
          be cancelled.
        </p>
      )}
      {expected && !isLive && <p class="warning">Prices are not live: this may be out of date.</p>}
      <p class="hint">
        {fees
          ? `Fees: ${showRate(fees.taker)} for who takes, ${showRate(fees.maker)} for who waits, of ${
              fees.kind === 'linear' ? 'the smaller of price and 1 − price' : 'price × (1 − price)'
            }.`
          : 'No fees in this market.'}
      </p>
    </div>
  );
}

const roundedTick = (millionths: bigint): bigint => (millionths + 50n) / 100n;
