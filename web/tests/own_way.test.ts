/** An own order that an order would meet is seen, whichever token it is for. */
import { expect, test } from 'vitest';
import type { WireOrder } from '../src/api/wire';
import { ownInTheWay, ownOrderMet } from '../src/app/own_way';

const open = (token_id: string, side: 'buy' | 'sell', price: string) => ({ token_id, side, price }) as WireOrder;
const limit = (side: 'buy' | 'sell', price: bigint) =>
  ({ kind: 'limit', side, price, quantity: 100n, rests: true }) as const;

const limitOf = (quantity: bigint) => ({ ...limit('buy', 7000n), quantity });

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

test('an order that others fill first does not come to the own one', () => {
  const orders = [open('y', 'sell', '0.6')];
  const met = (quantity: bigint, offered: bigint) =>
    ownOrderMet(orders, 'y', limitOf(quantity), [{ price: 5000n, quantity: offered }], null);
  expect(met(100n, 100n)).toBeNull();
  expect(met(101n, 100n)).toBe(6000n);
  const purchase = (volume: bigint) => ({ kind: 'market', side: 'buy', volume, worst: 9990n }) as const;
  const offers = [{ price: 5000n, quantity: 100n }];
  expect(ownOrderMet(orders, 'y', purchase(500_000n), offers, null)).toBeNull();
  expect(ownOrderMet(orders, 'y', purchase(506_000n), offers, null)).toBe(6000n);
});
