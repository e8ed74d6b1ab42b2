/** Orders on their way: each is kept with its id until its outcome is known, over reloads too. */
import { effect, signal } from '@preact/signals';
import { PATIENT, sendOnce, type Outcome } from '../api/asking_again';
import type { NewOrder, PlacedOrder } from '../api/wire';
import { tellOf } from './announcing';
import { keepText, keptText } from './kept';
import { openOrders } from '../feeds/own';
import { own } from '../feeds/user_feed';
import { askAsUser, onOwnChange, signedIn } from './session';

export interface Unsettled {
  userId: string;
  order: NewOrder;
  /** When it was sent first. */
  sentMs: number;
  isAsking: boolean;
}

const KEPT = 'pmengine.unsettled';

export const unsettled = signal<readonly Unsettled[]>(restore());

function restore(): Unsettled[] {
  const kept = keptText('sessionStorage', KEPT);
  const orders = kept ? (JSON.parse(kept) as Unsettled[]) : [];
  return orders.map((one) => ({ ...one, isAsking: false }));
}

function keep(next: readonly Unsettled[]): void {
  unsettled.value = next;
  keepText('sessionStorage', KEPT, JSON.stringify(next));
}

const drop = (id: string | null): void =>
  keep(unsettled.value.filter((one) => one.order.client_order_id !== id));

function settle(id: string | null): void {
  drop(id);
  tellOf('An order whose outcome was unknown was accepted.', 'good');
}

// The own feed may know of an order whose answer never came.
onOwnChange((change) => {
  if (change.type !== 'open_order_change' || !change.order) return;
  const id = change.order.client_order_id;
  if (unsettled.value.some((one) => one.order.client_order_id === id && !one.isAsking)) settle(id);
});

effect(() => {
  const open = new Set(openOrders(own.value).map((order) => order.client_order_id));
  for (const one of unsettled.value) {
    if (one.isAsking || !open.has(one.order.client_order_id)) continue;
    settle(one.order.client_order_id);
    return;
  }
});

/** Place *order*, which may have been sent before under the same id. */
export async function placeOrder(order: NewOrder, wasUnknown = false): Promise<Outcome<PlacedOrder>> {
  const id = order.client_order_id;
  const others = unsettled.value.filter((one) => one.order.client_order_id !== id);
  const before = unsettled.value.find((one) => one.order.client_order_id === id);
  const sentMs = before?.sentMs ?? Date.now();
  keep([...others, { userId: signedIn.value?.userId ?? '', order, sentMs, isAsking: true }]);
  const outcome = await sendOnce(
    () => askAsUser<PlacedOrder>('POST', '/orders', { body: order }),
    wasUnknown,
    PATIENT,
  );
  if (outcome.kind === 'unknown') {
    keep(unsettled.value.map((one) => (one.order.client_order_id === id ? { ...one, isAsking: false } : one)));
  } else {
    drop(id);
  }
  return outcome;
}

/** Stop asking what became of an order; it may still be taken. */
export const giveUp = (order: NewOrder): void => drop(order.client_order_id);
