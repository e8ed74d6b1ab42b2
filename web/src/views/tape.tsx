/** The tape: the newest trades of a market. */
import type { WireMarket, WireTrade } from '../api/wire';
import { alignedPrice, alignedQuantity, readPrice, readQuantity } from '../amounts/units';
import { nowMs } from '../app/now';
import { whenOf } from '../app/times';

export function Tape({ trades, market }: { trades: readonly WireTrade[]; market: WireMarket }) {
  return (
    <section class="panel tape" aria-labelledby="tape-title">
      <h2 id="tape-title">Trades</h2>
      {trades.length === 0 ? (
        <p class="empty">No trades yet.</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="The newest trades">
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">Taker</th>
                <th scope="col">Price</th>
                <th scope="col">Shares</th>
              </tr>
            </thead>
            <tbody>
              {trades.map((trade) => (
                <tr key={trade.trade_id}>
                  <td>
                    <time dateTime={new Date(trade.timestamp).toISOString()}>{whenOf(trade.timestamp, nowMs.value)}</time>
                  </td>
                  <td class={trade.side}>
                    {trade.side === 'buy' ? 'Bought' : 'Sold'} {outcomeOf(market, trade.token_id)}
                  </td>
                  <td>{alignedPrice(readPrice(trade.price))}</td>
                  <td>{alignedQuantity(readQuantity(trade.quantity))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

const outcomeOf = (market: WireMarket, tokenId: string): string =>
  market.tokens.find((token) => token.token_id === tokenId)?.outcome ?? tokenId;
