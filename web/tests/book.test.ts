/** The mirror of a ladder is what the exchange has, or known not to be. */
import { expect, test } from 'vitest';
import type { DepthDelta, DepthSnapshot, WireLevel } from '../src/api/wire';
import { applyDelta, bookOf, cumulated, type Book } from '../src/feeds/book';

const level = (price: string, quantity: string): WireLevel => ({
  price,
  total_quantity: quantity,
  total_size: quantity === '0' ? '0' : '1',
});

const SNAPSHOT: DepthSnapshot = {
  type: 'snapshot',
  event_id: 1,
  market_id: 1,
  update_id: 7,
  timestamp: 1,
  depths: {
    y1: { latest_trade_price: '0.49', bids: [level('0.48', '5'), level('0.4', '1')], asks: [level('0.5', '2')] },
    n1: { latest_trade_price: '0.51', bids: [level('0.5', '2')], asks: [level('0.52', '5'), level('0.6', '1')] },
  },
};

function delta(from: number, to: number, bids: WireLevel[], asks: WireLevel[] = []): DepthDelta {
  return {
    type: 'delta',
    event_id: 1,
    market_id: 1,
    prev_update_id: from,
    update_id: to,
    timestamp: 2,
    changes: { y1: { latest_trade_price: '0.5', bids, asks } },
  };
}

function applied(book: Book, change: DepthDelta): Book {
  const result = applyDelta(book, change);
  if (result.kind !== 'applied') throw new Error(result.kind);
  return result.book;
}

const bids = (book: Book) => book.tokens['y1']?.bids.map((one) => [one.price, one.quantity]);

test('a delta sets levels, takes away those of 0, and keeps the best first', () => {
  const book = applied(bookOf(SNAPSHOT), delta(7, 8, [level('0.48', '0'), level('0.45', '3'), level('0.49', '1')]));
  expect(bids(book)).toEqual([
    [4900n, 100n],
    [4500n, 300n],
    [4000n, 100n],
  ]);
  expect(book.updateId).toBe(8);
  expect(book.tokens['y1']?.last).toBe(5000n);
});

test('asks are sorted the other way', () => {
  const book = applied(bookOf(SNAPSHOT), delta(7, 9, [], [level('0.55', '1'), level('0.495', '1')]));
  expect(book.tokens['y1']?.asks.map((one) => one.price)).toEqual([4950n, 5000n, 5500n]);
});

test('an outcome that a delta does not name stays as it is', () => {
  const before = bookOf(SNAPSHOT);
  expect(applied(before, delta(7, 8, [level('0.48', '1')])).tokens['n1']).toBe(before.tokens['n1']);
});

test('a delta that does not go on from the last one is a gap, and changes nothing', () => {
  const book = bookOf(SNAPSHOT);
  expect(applyDelta(book, delta(8, 9, [level('0.48', '0')])).kind).toBe('gap');
  expect(bids(book)?.[0]).toEqual([4800n, 500n]);
});

test('what is known already is passed over', () => {
  const book = applied(bookOf(SNAPSHOT), delta(7, 8, [level('0.48', '1')]));
  expect(applyDelta(book, delta(7, 8, [level('0.48', '0')])).kind).toBe('old');
});

test('merged deltas lead to the same ladder as single ones', () => {
  const start = bookOf(SNAPSHOT);
  const single = applied(applied(start, delta(7, 8, [level('0.48', '9')])), delta(8, 9, [level('0.4', '0')]));
  const merged = applied(start, delta(7, 9, [level('0.48', '9'), level('0.4', '0')]));
  expect(merged.tokens).toEqual(single.tokens);
});

test('sums grow with each level', () => {
  expect(cumulated(bookOf(SNAPSHOT).tokens['y1']?.bids ?? [])).toEqual([500n, 600n]);
});

test('a token may have the name of what objects bring along', () => {
  const depths = JSON.parse('{"__proto__":{"latest_trade_price":null,"bids":[],"asks":[]}}') as DepthSnapshot['depths'];
  const changes = JSON.parse('{"__proto__":{"latest_trade_price":"0.5","bids":[],"asks":[]}}') as DepthSnapshot['depths'];
  let book = bookOf({ ...SNAPSHOT, depths });
  for (const from of [7, 8]) {
    const applied = applyDelta(book, { ...delta(from, from + 1, []), changes });
    if (applied.kind !== 'applied') throw new Error(applied.kind);
    book = applied.book;
  }
  expect(book.tokens['__proto__']).toEqual({ last: 5000n, bids: [], asks: [] });
});
