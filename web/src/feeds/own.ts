/** What a user has open and holds, as the user feed tells it; pure. */
import type { UserMessage, WireOrder } from '../api/wire';
import { readMoney, readQuantity } from '../amounts/units';

/** Micros for cash, lots for tokens. */
export interface Balance {
  available: bigint;
  frozen: bigint;
}

interface ShardPart {
  updateId: number;
  orders: ReadonlyMap<string, WireOrder>;
  balances: ReadonlyMap<string, Balance>;
  /** Parts of a snapshot that has not come whole yet. */
  arriving: { orders: WireOrder[]; balances: [string, Balance][] } | null;
}

export interface Own {
  shards: ReadonlyMap<number, ShardPart>;
}

export type Told = { own: Own; missed: boolean };

export const NOTHING_OWN: Own = { shards: new Map() };
export const CASH = 'cash';

/** The state after *message*; `missed` when something before it was not heard. */
export function tell(own: Own, message: UserMessage): Told {
  if (message.type === 'snapshot') return { own: withSnapshot(own, message), missed: false };
  if (message.type !== 'open_order_change' && message.type !== 'position_change') {
    return { own, missed: false };
  }
  const shard = message.shard ?? 0;
  const part = own.shards.get(shard);
  if (!part) return { own, missed: true };
  if (message.update_id <= part.updateId) return { own, missed: false };
  if (message.update_id !== part.updateId + 1) return { own, missed: true };
  const next = { ...part, updateId: message.update_id };
  if (message.type === 'position_change') {
    const balances = new Map(part.balances);
    if (message.event === 'position_removed') balances.delete(message.asset);
    else balances.set(message.asset, readBalance(message));
    next.balances = balances;
  } else {
    const orders = new Map(part.orders);
    const isOpen = message.event === 'open_order_created' || message.event === 'open_order_updated';
    if (isOpen && message.order && isResting(message.order)) orders.set(message.order_id, message.order);
    else orders.delete(message.order_id);
    next.orders = orders;
  }
  return { own: withShard(own, shard, next), missed: false };
}

/** What to say to go on behind: one id, or one for each shard; null before any snapshot. */
export function resumeAfter(own: Own): number | number[] | null {
  if (own.shards.size === 0) return null;
  const ids = [...own.shards].sort(([a], [b]) => a - b).map(([, part]) => part.updateId);
  return ids.length === 1 ? (ids[0] ?? null) : ids;
}

/** Open orders of all shards, the newest first. */
export function openOrders(own: Own): WireOrder[] {
  const all = [...own.shards.values()].flatMap((part) => [...part.orders.values()]);
  return all.sort((a, b) => b.timestamp - a.timestamp || (a.id < b.id ? 1 : -1));
}

/** What is held of *asset* over all shards. */
export function held(own: Own, asset: string): Balance {
  let available = 0n;
  let frozen = 0n;
  for (const part of own.shards.values()) {
    const balance = part.balances.get(asset);
    if (balance) {
      available += balance.available;
      frozen += balance.frozen;
    }
  }
  return { available, frozen };
}

/** Orders that were created may never rest; what ended is not open. */
const isResting = (order: WireOrder): boolean =>
  order.status === 'new' || order.status === 'partially_filled';

function readBalance(told: { asset: string; available: string; frozen: string }): Balance {
  const read = told.asset === CASH ? readMoney : readQuantity;
  return { available: read(told.available), frozen: read(told.frozen) };
}

function withSnapshot(own: Own, told: Extract<UserMessage, { type: 'snapshot' }>): Own {
  const shard = told.shard ?? 0;
  const part = own.shards.get(shard);
  const orders = [...(part?.arriving?.orders ?? []), ...told.orders];
  const balances = [
    ...(part?.arriving?.balances ?? []),
    ...told.balances.map((one): [string, Balance] => [one.asset, readBalance(one)]),
  ];
  if (told.more) {
    const before = part ?? { updateId: told.update_id, orders: new Map(), balances: new Map() };
    return withShard(own, shard, { ...before, arriving: { orders, balances } });
  }
  return withShard(own, shard, {
    updateId: told.update_id,
    orders: new Map(orders.map((order) => [order.id, order])),
    balances: new Map(balances),
    arriving: null,
  });
}

function withShard(own: Own, shard: number, part: ShardPart): Own {
  return { shards: new Map(own.shards).set(shard, part) };
}
