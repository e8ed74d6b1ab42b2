/** What the ticket says an order costs and pays is what the engine's rules make of it. */
import { expect, test } from 'vitest';
import { estimate, neededFor, showRate, type Fees, type Offer } from '../src/amounts/estimate';
import { readMoney, readPrice, readQuantity } from '../src/amounts/units';

const offer = (price: string, quantity: string): Offer => ({
  price: readPrice(price),
  quantity: readQuantity(quantity),
});
const ASKS = [offer('0.4', '10'), offer('0.45', '5'), offer('0.6', '100')];
const BIDS = [offer('0.38', '10'), offer('0.3', '5')];
const LINEAR: Fees = { kind: 'linear', maker: 0n, taker: 20_000n };
const QUADRATIC: Fees = { kind: 'quadratic', maker: 10_000n, taker: 20_000n };

const limit = (side: 'buy' | 'sell', price: string, quantity: string, rests = true) =>
  ({ kind: 'limit', side, price: readPrice(price), quantity: readQuantity(quantity), rests }) as const;

test('a purchase takes the best offers first, each at its own price, and rests with what is left', () => {
  const said = estimate(limit('buy', '0.45', '20'), ASKS, null);
  expect(said.filled).toBe(readQuantity('15'));
  expect(said.amount).toBe(readMoney('6.25'));
  expect(said.average).toBe(416_666n);
  expect(said.left).toBe(readQuantity('5'));
  expect(said.setAside).toBe(readMoney('2.25'));
  expect(said.cost).toBe(readMoney('8.5'));
  expect(said.payout).toBe(readMoney('20'));
});

test('what does not rest costs and pays nothing', () => {
  const said = estimate(limit('buy', '0.45', '20', false), ASKS, null);
  expect(said.cost).toBe(readMoney('6.25'));
  expect(said.payout).toBe(readMoney('15'));
  expect(said.left).toBe(readQuantity('5'));
});

test('a sale brings what the bids pay less the fee', () => {
  const said = estimate(limit('sell', '0.35', '12'), BIDS, LINEAR);
  expect(said.filled).toBe(readQuantity('10'));
  expect(said.fee).toBe(readMoney('0.076'));
  expect(said.proceeds).toBe(readMoney('3.724'));
  expect(said.cost).toBe(0n);
  expect(said.payout).toBe(0n);
});

test('fees of many fills are rounded up once', () => {
  const tiny: Fees = { kind: 'quadratic', maker: 0n, taker: 1n };
  const offers = Array.from({ length: 10 }, () => offer('0.5', '0.01'));
  expect(estimate(limit('buy', '0.5', '0.1', false), offers, tiny).fee).toBe(1n);
});

test('a linear fee is the same for an outcome and for its opposite', () => {
  const yes = estimate(limit('buy', '0.3', '7', false), [offer('0.3', '7')], LINEAR);
  const no = estimate(limit('buy', '0.7', '7', false), [offer('0.7', '7')], LINEAR);
  expect(yes.fee).toBe(no.fee);
  expect(yes.fee).toBe(readMoney('0.042'));
});

test('a market purchase spends its money, fees included, and not a micro more', () => {
  const volume = readMoney('5');
  const terms = { kind: 'market', side: 'buy', volume, worst: readPrice('0.999') } as const;
  const said = estimate(terms, ASKS, QUADRATIC);
  expect(said.cost).toBeLessThanOrEqual(volume);
  const more = estimate({ ...terms, volume: said.cost - 1n }, ASKS, QUADRATIC);
  expect(more.filled).toBeLessThan(said.filled);
  // One lot more would not fit.
  const next = estimate(limit('buy', '0.999', '0', false), [], QUADRATIC);
  expect(next.cost).toBe(0n);
  const bought = said.filled + 1n;
  const dearer = estimate(
    { kind: 'limit', side: 'buy', price: readPrice('0.999'), quantity: bought, rests: false },
    ASKS,
    QUADRATIC,
  );
  expect(dearer.cost).toBeGreaterThan(volume);
});

test('a market order takes nothing beyond its worst price', () => {
  const terms = { kind: 'market', side: 'buy', volume: readMoney('100'), worst: readPrice('0.45') } as const;
  expect(estimate(terms, ASKS, null).filled).toBe(readQuantity('15'));
  const sale = { kind: 'market', side: 'sell', quantity: readQuantity('15'), worst: readPrice('0.35') } as const;
  expect(estimate(sale, BIDS, null).proceeds).toBe(readMoney('3.8'));
});

test('what a purchase needs at most is its price and the higher of both fees', () => {
  const terms = limit('buy', '0.5', '10');
  expect(neededFor(terms, null)).toBe(readMoney('5'));
  expect(neededFor(terms, { kind: 'quadratic', maker: 30_000n, taker: 20_000n })).toBe(readMoney('5.075'));
  expect(neededFor(limit('sell', '0.5', '10'), LINEAR)).toBe(0n);
});

test('rates are said in percent', () => {
  expect(showRate(20_000n)).toBe('2%');
  expect(showRate(500n)).toBe('0.05%');
  expect(showRate(0n)).toBe('0%');
});
