/** Trades and candles are each there once, whatever was told twice. */
import { expect, test } from 'vitest';
import type { WireTrade } from '../src/api/wire';
import { candleOf, withCandles, withTrade } from '../src/feeds/candles';
import { withTrades } from '../src/feeds/tape';

const trade = (trade_id: number, price = '0.5', timestamp = 60_000, token_id = 'y1'): WireTrade => ({
  trade_id,
  event_id: 1,
  market_id: 1,
  token_id,
  side: 'buy',
  price,
  quantity: '1',
  match_type: 'normal',
  timestamp,
});

const candle = (start_ms: number, close: string, volume = '1') =>
  candleOf({ start_ms, open: close, high: close, low: close, close, volume, turnover: '1', trades: 1 });

test('the tape is newest first, has each trade once, and has an end', () => {
  const tape = withTrades([trade(3), trade(2)], [trade(2), trade(4), trade(1)], 3);
  expect(tape.map((one) => one.trade_id)).toEqual([4, 3, 2]);
});

test('a trade moves the candle of its minute, and taking it twice changes nothing', () => {
  const start = [candle(60_000, '0.5')];
  const once = withTrade(start, trade(1, '0.6'), 'y1', 60_000);
  expect(once.at(-1)).toMatchObject({ open: 5000n, high: 6000n, low: 5000n, close: 6000n });
  expect(withTrade(once, trade(1, '0.6'), 'y1', 60_000)).toEqual(once);
});

test('a trade of the other outcome is one at the price that is left of 1', () => {
  expect(withTrade([], trade(1, '0.3', 60_000, 'n1'), 'y1', 60_000).at(-1)?.close).toBe(7000n);
});

test('a new interval begins a candle; an old trade changes none', () => {
  const candles = withTrade([candle(60_000, '0.5')], trade(2, '0.4', 125_000), 'y1', 60_000);
  expect(candles.map((one) => one.startMs)).toEqual([60_000, 120_000]);
  expect(withTrade(candles, trade(1, '0.9', 60_000), 'y1', 60_000)).toBe(candles);
});

test('candles that are read again stand in place of the ones before', () => {
  const candles = withCandles([candle(0, '0.1'), candle(60_000, '0.2')], [candle(60_000, '0.3', '7')]);
  expect(candles.map((one) => [one.close, one.volume])).toEqual([
    [1000n, 100n],
    [3000n, 700n],
  ]);
});
