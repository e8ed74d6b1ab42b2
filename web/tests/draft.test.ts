/** What is typed into the ticket is read as one order, or refused beside its field. */
import { expect, test } from 'vitest';
import { fieldOf, readDraft, type Draft } from '../src/app/draft';

const DRAFT: Draft = {
  side: 'buy',
  kind: 'limit',
  price: '0.5',
  quantity: '10',
  volume: '',
  worst: '',
  timeInForce: 'gtc',
  expires: '',
  postOnly: false,
};
const OFFERS = [
  { price: 4000n, quantity: 1000n },
  { price: 4500n, quantity: 1000n },
];
const NOW = Date.parse('2026-01-01T00:00:00Z');

const read = (part: Partial<Draft>, tick = 1n) => readDraft({ ...DRAFT, ...part }, tick, OFFERS, NOW);

test('a limit order is sent as it is written, in the words of the exchange', () => {
  expect(read({ price: '0.5000', quantity: '010.50' }).order).toEqual({
    side: 'buy',
    type: 'limit',
    price: '0.5',
    quantity: '10.5',
    time_in_force: 'gtc',
  });
  expect(read({ price: ',5', postOnly: true }).order).toMatchObject({ price: '0.5', post_only: true });
});

test('post-only is said only of orders that may rest', () => {
  expect(read({ timeInForce: 'ioc', postOnly: true }).order).not.toHaveProperty('post_only');
});

test.each(['0.0009', '0.9991', '1', '0', '-0.5', '0.50001', 'half'])('%s is refused beside the price', (price) => {
  const { order, problems } = read({ price });
  expect(order).toBeNull();
  expect(problems.price).toBeTruthy();
});

test('a price between the ticks of a market is refused', () => {
  expect(read({ price: '0.505' }, 100n).problems.price).toContain('0.01');
  expect(read({ price: '0.5' }, 100n).problems.price).toBeUndefined();
});

test('what is missing is not wrong yet, and no order', () => {
  expect(read({ quantity: '' })).toEqual({ terms: null, problems: {}, order: null });
});

test('no shares, or parts of a lot, are refused beside the shares', () => {
  expect(read({ quantity: '0' }).problems.quantity).toBeTruthy();
  expect(read({ quantity: '1.005' }).problems.quantity).toBeTruthy();
});

test('an order until a time needs one that is to come', () => {
  expect(read({ timeInForce: 'gtd' }).problems.expires).toBeTruthy();
  expect(read({ timeInForce: 'gtd', expires: '2025-12-31T00:00Z' }).problems.expires).toBeTruthy();
  const { order } = read({ timeInForce: 'gtd', expires: '2026-01-02T00:00Z' });
  expect(order?.expires_at_ms).toBe(NOW + 86_400_000);
});

test('a market order takes nothing much worse than the prices of now', () => {
  expect(read({ kind: 'market', volume: '3' }).order).toEqual({ side: 'buy', type: 'market', volume: '3', price: '0.42' });
  expect(read({ kind: 'market', volume: '5' }).order?.price).toBe('0.47');
  const sale = readDraft({ ...DRAFT, kind: 'market', side: 'sell' }, 1n, [{ price: 100n, quantity: 1n }], NOW);
  expect(sale.order).toEqual({ side: 'sell', type: 'market', quantity: '10', price: '0.001' });
  expect(read({ kind: 'market', volume: '3', worst: '0.6' }).order?.price).toBe('0.6');
});

test('a problem of the exchange is said beside the field that is there', () => {
  const market: Draft = { ...DRAFT, kind: 'market' };
  expect(fieldOf(DRAFT, 'INSUFFICIENT_BALANCE', null)).toBe('quantity');
  expect(fieldOf(market, 'INSUFFICIENT_BALANCE', null)).toBe('volume');
  expect(fieldOf(DRAFT, 'POST_ONLY_WOULD_TRADE', null)).toBe('price');
  expect(fieldOf(market, 'INVALID_PRICE', 'price')).toBe('worst');
  expect(fieldOf(DRAFT, 'INVALID_EXPIRY', 'expires_at_ms')).toBe('form');
  expect(fieldOf(DRAFT, 'PAUSED', null)).toBe('form');
});

test('digits that are grouped as this page groups them are one amount, and what may be two is refused', () => {
  const money = (volume: string) => read({ kind: 'market', volume });
  expect(money('100,000.00').order).toMatchObject({ volume: '100000' });
  expect(money('1,234,567').order).toMatchObject({ volume: '1234567' });
  expect(money('0,125').order).toMatchObject({ volume: '0.125' });
  expect(money('1,5').order).toMatchObject({ volume: '1.5' });
  for (const wrong of ['1,000', '1.000,5', '1,00,0', '1,2,3', '1e5']) expect(money(wrong).order).toBeNull();
  expect(money('10,000').problems.volume).toBe('Write 10000 or 10.000: a comma may mean either.');
  expect(read({ quantity: '1,000' }).order).toBeNull();
});
