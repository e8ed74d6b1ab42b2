/** What is own is what the user feed told without a gap. */
import { expect, test } from 'vitest';
import type { UserMessage, WireOrder } from '../src/api/wire';
import { CASH, held, NOTHING_OWN, openOrders, resumeAfter, tell, type Own } from '../src/feeds/own';

function order(id: string, status: WireOrder['status'] = 'new', timestamp = 1): WireOrder {
  return {
    id,
    client_order_id: `c-${id}`,
    event_id: 1,
    market_id: 1,
    token_id: 'y1',
    side: 'buy',
    type: 'limit',
    time_in_force: 'gtc',
    post_only: false,
    status,
    price: '0.5',
    quantity: '2',
    filled_quantity: '0',
    remaining_quantity: '2',
    timestamp,
    version: 1,
  };
}

type Of<T extends UserMessage['type']> = Extract<UserMessage, { type: T }>;

const snapshot = (update_id: number, part: Partial<Of<'snapshot'>> = {}): UserMessage => ({
  type: 'snapshot',
  update_id,
  reason: 'asked',
  orders: [],
  balances: [],
  more: false,
  ...part,
});

const changed = (
  update_id: number,
  event: Of<'open_order_change'>['event'],
  of: WireOrder,
  shard?: number,
): UserMessage => ({ type: 'open_order_change', event, update_id, order_id: of.id, order: of, shard });

const balance = (update_id: number, asset: string, available: string, event = 'position_updated'): UserMessage => ({
  type: 'position_change',
  event,
  update_id,
  asset,
  available,
  frozen: '0',
});

function all(...messages: UserMessage[]): Own {
  return messages.reduce((own, message) => {
    const told = tell(own, message);
    expect(told.missed).toBe(false);
    return told.own;
  }, NOTHING_OWN);
}

const ids = (own: Own) => openOrders(own).map((one) => one.id);

test('orders come and go as they are told', () => {
  const own = all(
    snapshot(3, { orders: [order('a', 'new', 1)] }),
    changed(4, 'open_order_created', order('b', 'new', 2)),
    changed(5, 'open_order_updated', order('b', 'partially_filled', 2)),
    changed(6, 'open_order_cancelled', order('a', 'cancelled')),
  );
  expect(ids(own)).toEqual(['b']);
  expect(openOrders(own)[0]?.status).toBe('partially_filled');
});

test('an order that never rests is told as created, and is not open', () => {
  expect(ids(all(snapshot(0), changed(1, 'open_order_created', order('a', 'filled'))))).toEqual([]);
});

test('a change that does not follow is missed, and changes nothing', () => {
  const own = all(snapshot(3, { orders: [order('a')] }));
  const told = tell(own, changed(5, 'open_order_cancelled', order('a', 'cancelled')));
  expect(told.missed).toBe(true);
  expect(ids(told.own)).toEqual(['a']);
});

test('a change without any snapshot is missed', () => {
  expect(tell(NOTHING_OWN, changed(1, 'open_order_created', order('a'))).missed).toBe(true);
});

test('a change that was told before is passed over', () => {
  const own = all(snapshot(3), changed(4, 'open_order_created', order('a')));
  const again = tell(own, changed(4, 'open_order_cancelled', order('a', 'cancelled')));
  expect(again.missed).toBe(false);
  expect(ids(again.own)).toEqual(['a']);
});

test('a snapshot in parts counts when its last part is there, and stands in place of all before', () => {
  const before = all(snapshot(3, { orders: [order('a')] }));
  const half = tell(before, snapshot(9, { orders: [order('b')], more: true })).own;
  expect(ids(half)).toEqual(['a']);
  const whole = tell(half, snapshot(9, { orders: [order('c')] })).own;
  expect(new Set(ids(whole))).toEqual(new Set(['b', 'c']));
  expect(resumeAfter(whole)).toBe(9);
});

test('money is in micros, shares in lots, and what is removed is not held', () => {
  const own = all(
    snapshot(1, { balances: [{ asset: CASH, available: '10.5', frozen: '1' }] }),
    balance(2, 'y1', '2.25', 'position_created'),
    balance(3, CASH, '9.000001'),
  );
  expect(held(own, CASH)).toEqual({ available: 9000001n, frozen: 0n });
  expect(held(own, 'y1').available).toBe(225n);
  expect(held(tell(own, balance(4, 'y1', '0', 'position_removed')).own, 'y1').available).toBe(0n);
});

test('shards count for themselves, and their cash adds up', () => {
  const cash = (available: string) => [{ asset: CASH, available, frozen: '0' }];
  const own = all(
    snapshot(7, { shard: 1, balances: cash('2'), orders: [order('b')] }),
    snapshot(5, { shard: 0, balances: cash('1') }),
    changed(6, 'open_order_created', order('a'), 0),
  );
  expect(held(own, CASH).available).toBe(3000000n);
  expect(resumeAfter(own)).toEqual([6, 7]);
  expect(new Set(ids(own))).toEqual(new Set(['a', 'b']));
});
