/** The trades of a market, newest first, each once; pure. */
import type { WireTrade } from '../api/wire';

/** *trades* and *more* together: at most *max*, whatever order they came in. */
export function withTrades(
  trades: readonly WireTrade[],
  more: readonly WireTrade[],
  max: number,
): readonly WireTrade[] {
  const byId = new Map(trades.map((trade) => [trade.trade_id, trade]));
  for (const trade of more) byId.set(trade.trade_id, trade);
  return [...byId.values()].sort((a, b) => b.trade_id - a.trade_id).slice(0, max);
}
