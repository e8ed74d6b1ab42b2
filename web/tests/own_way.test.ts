/** An own order that an order would meet is seen, whichever token it is for. */
import { expect, test } from 'vitest';
import type { WireOrder } from '../src/api/wire';
import { ownInTheWay } from '../src/app/own_way';

const open = (token_id: string, side: 'buy' | 'sell', price: string) => ({ token_id, side, price }) as WireOrder;
const limit = (side: 'buy' | 'sell', price: bigint) =>
  ({ kind: 'limit', side, price, quantity: 100n, rests: true }) as const;

test('who buys meets own sales of the token, and own purchases of the other', () => {
  const orders = [open('y', 'sell', '0.6'), open('n', 'buy', '0.45'), open('y', 'buy', '0.3'), open('n', 'sell', '0.9')];
  expect(ownInTheWay(orders, 'y', limit('buy', 7000n))).toBe(5500n);
  expect(ownInTheWay(orders, 'y', limit('buy', 5500n))).toBe(5500n);
  expect(ownInTheWay(orders, 'y', limit('buy', 5400n))).toBeNull();
});

test('who sells meets the opposite of these', () => {
  const orders = [open('y', 'buy', '0.3'), open('n', 'sell', '0.6'), open('y', 'sell', '0.9')];
  expect(ownInTheWay(orders, 'y', limit('sell', 2000n))).toBe(4000n);
  expect(ownInTheWay(orders, 'y', limit('sell', 4100n))).toBeNull();
});
