/** A mirror of one market's ladder: snapshots and deltas in, levels out; pure. */
import { readMoney, readPrice, readQuantity } from '../amounts/units';
import type { DepthDelta, DepthSnapshot, TokenLevels, WireLevel } from '../api/wire';

/** Ticks, lots, micros. */
export interface Level {
  price: bigint;
  quantity: bigint;
  size: bigint;
}

/** One token's side of the ladder, both best first. */
export interface TokenBook {
  last: bigint | null;
  bids: readonly Level[];
  asks: readonly Level[];
}

export interface Book {
  updateId: number;
  timestamp: number;
  tokens: Readonly<Record<string, TokenBook>>;
}

export type Applied = { kind: 'applied'; book: Book } | { kind: 'old' } | { kind: 'gap' };

export const NO_LEVELS: TokenBook = { last: null, bids: [], asks: [] };

export function bookOf(snapshot: DepthSnapshot): Book {
  const tokens = byToken();
  for (const [token, told] of Object.entries(snapshot.depths)) tokens[token] = merge(NO_LEVELS, told);
  return { updateId: snapshot.update_id, timestamp: snapshot.timestamp, tokens };
}

/** The book after *delta*; a gap if something between was not heard, old if it is known already. */
export function applyDelta(book: Book, delta: DepthDelta): Applied {
  if (delta.update_id <= book.updateId) return { kind: 'old' };
  if (delta.prev_update_id !== book.updateId) return { kind: 'gap' };
  const tokens = Object.assign(byToken(), book.tokens);
  for (const [token, told] of Object.entries(delta.changes)) {
    tokens[token] = merge(tokens[token] ?? NO_LEVELS, told);
  }
  return { kind: 'applied', book: { updateId: delta.update_id, timestamp: delta.timestamp, tokens } };
}

/** Tokens may have any name, also one that objects bring along. */
const byToken = (): Record<string, TokenBook> => Object.create(null) as Record<string, TokenBook>;

function merge(book: TokenBook, told: TokenLevels): TokenBook {
  return {
    last: told.latest_trade_price === null ? null : readPrice(told.latest_trade_price),
    bids: replace(book.bids, told.bids, -1),
    asks: replace(book.asks, told.asks, 1),
  };
}

/** Sets the levels that *told* names; a quantity of 0 takes a level away. */
function replace(levels: readonly Level[], told: readonly WireLevel[], order: 1 | -1): readonly Level[] {
  if (told.length === 0) return levels;
  const changed = new Map(told.map((one) => [readPrice(one.price), one]));
  const kept = levels.filter((level) => !changed.has(level.price));
  for (const [price, one] of changed) {
    const quantity = readQuantity(one.total_quantity);
    if (quantity > 0n) kept.push({ price, quantity, size: readMoney(one.total_size) });
  }
  return kept.sort((a, b) => (a.price < b.price ? -order : a.price > b.price ? order : 0));
}

/** Quantity up to and with each level: how far an order of that size would reach. */
export function cumulated(levels: readonly Level[]): bigint[] {
  let sum = 0n;
  return levels.map((level) => (sum += level.quantity));
}
