/** What became of an order is said with its amounts. */
import { expect, test } from 'vitest';
import { NoAnswer, Problem } from '../src/api/problem';
import type { PlacedOrder, WireOrder } from '../src/api/wire';
import { cancelInWords, changeInWords, orderInWords, outcomeInWords, refusalInWords } from '../src/app/order_words';

const placed = (part: Partial<WireOrder>): PlacedOrder => ({
  order: {
    id: 'o1',
    client_order_id: 'c1',
    event_id: 1,
    market_id: 1,
    token_id: 'y1',
    side: 'buy',
    type: 'limit',
    time_in_force: 'gtc',
    post_only: false,
    status: 'new',
    price: '0.5',
    quantity: '10',
    filled_quantity: '0',
    remaining_quantity: '10',
    timestamp: 1,
    version: 1,
    ...part,
  },
  trades: [],
});

test.each([
  [{}, 'Order accepted: 10 Yes wait at 0.50.'],
  [{ status: 'filled', filled_quantity: '10', remaining_quantity: '0', average_price: '0.49' }, 'Bought 10 Yes at 0.49.'],
  [
    { status: 'partially_filled', filled_quantity: '4', remaining_quantity: '6', average_price: '0.5' },
    'Bought 4 Yes at 0.5; 6 Yes wait at 0.50.',
  ],
  [
    { side: 'sell', status: 'cancelled', filled_quantity: '1.5', average_price: '0.4' },
    'Sold 1.5 Yes at 0.4; the rest was cancelled.',
  ],
  [{ status: 'cancelled' }, 'Nothing could be taken: the order was cancelled.'],
] as const)('%j', (part, words) => {
  expect(outcomeInWords(placed(part), 'Yes')).toBe(words);
});

test('what was done and cannot be shown was accepted', () => {
  expect(outcomeInWords(null, 'Yes')).toBe('The order was accepted.');
});

test('a refusal is in the words of the exchange, but for what people have too little of', () => {
  expect(refusalInWords(new Problem(422, 'PAUSED', 'the market is paused'), 'buy')).toBe('The market is paused');
  expect(refusalInWords(new Problem(422, 'INSUFFICIENT_BALANCE', 'x'), 'buy')).toContain('less cash available');
  expect(refusalInWords(new Problem(422, 'INSUFFICIENT_BALANCE', 'x'), 'sell')).toContain('fewer shares available');
});

test('what is not known is not said to be undone', () => {
  for (const lost of [new NoAnswer(), new Problem(504, 'OUTCOME_UNKNOWN', 'nothing was heard')]) {
    expect(cancelInWords(lost)).toMatch(/^It is not known whether it was cancelled\. /);
    expect(changeInWords(lost)).toMatch(/^It is not known whether it was changed\. /);
  }
  expect(cancelInWords(new Problem(503, 'NOT_APPLIED', 'try again'))).toBe('Not cancelled: Try again');
  expect(changeInWords(new Problem(422, 'INVALID_TICK', 'no such price'))).toBe('No such price');
});

test('money and shares are told apart in what was asked for', () => {
  const where = { client_order_id: 'c1', event_id: 1, market_id: 1, token_id: 'y1' };
  const asked = { ...where, type: 'limit', side: 'buy', price: '0.6', quantity: '3' } as const;
  expect(orderInWords(asked, 'Yes')).toBe('Buy 3 Yes at 0.6');
  const purchase = { ...where, type: 'market', side: 'buy', price: '0.6', volume: '3' } as const;
  expect(orderInWords(purchase, 'Yes')).toBe('Buy Yes for 3, at 0.6 at most');
  expect(orderInWords({ ...asked, type: 'market', side: 'sell' }, 'Yes')).toBe('Sell 3 Yes, at 0.6 at least');
});
