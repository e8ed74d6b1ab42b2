/** Candles of one token, oldest first, in ticks and lots; pure. */
import { ONE, readPrice, readQuantity } from '../amounts/units';
import type { WireCandle, WireTrade } from '../api/wire';

export interface Candle {
  startMs: number;
  open: bigint;
  high: bigint;
  low: bigint;
  close: bigint;
  volume: bigint;
}

export const INTERVALS = { '1m': 60_000, '5m': 300_000, '1h': 3_600_000, '1d': 86_400_000 } as const;
export type Interval = keyof typeof INTERVALS;

export const candleOf = (told: WireCandle): Candle => ({
  startMs: told.start_ms,
  open: readPrice(told.open),
  high: readPrice(told.high),
  low: readPrice(told.low),
  close: readPrice(told.close),
  volume: readQuantity(told.volume),
});

/** *candles* with those of *newer* in place of the ones that begin when they do. */
export function withCandles(candles: readonly Candle[], newer: readonly Candle[]): readonly Candle[] {
  const byStart = new Map(candles.map((candle) => [candle.startMs, candle]));
  for (const candle of newer) byStart.set(candle.startMs, candle);
  return [...byStart.values()].sort((a, b) => a.startMs - b.startMs);
}

/**
 * *candles* with the price of *trade*.
 *
 * Taking a trade twice changes nothing, so it may be in the candle already; its volume is not added
 * for the same reason, but read again.
 */
export function withTrade(
  candles: readonly Candle[],
  trade: WireTrade,
  tokenId: string,
  intervalMs: number,
): readonly Candle[] {
  const told = readPrice(trade.price);
  const price = trade.token_id === tokenId ? told : ONE - told;
  const startMs = Math.floor(trade.timestamp / intervalMs) * intervalMs;
  const last = candles.at(-1);
  if (last && startMs < last.startMs) return candles;
  if (!last || startMs > last.startMs) {
    return [...candles, { startMs, open: price, high: price, low: price, close: price, volume: 0n }];
  }
  const high = price > last.high ? price : last.high;
  const low = price < last.low ? price : last.low;
  return [...candles.slice(0, -1), { ...last, high, low, close: price }];
}
