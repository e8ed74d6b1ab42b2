/** Own open orders, live; each can be changed and cancelled, and all at once. */
import { useRef, useState } from 'preact/hooks';
import { Problem } from '../api/problem';
import type { WireEvent, WireOrder } from '../api/wire';
import { readPrice, readQuantity, showPrice, showQuantity } from '../amounts/units';
import { say, tellOf } from '../app/announcing';
import { orderKind } from '../app/names';
import { nowMs } from '../app/now';
import { cancelInWords } from '../app/order_words';
import { askAsUser, mayTrade } from '../app/session';
import { dayAndTime } from '../app/times';
import { inWords } from '../feeds/health';
import { openOrders } from '../feeds/own';
import { own, ownHealth } from '../feeds/user_feed';
import { Action } from './action';
import { Amendment } from './amendment';
import { MarketLink, outcomeName } from './market_link';

/** How many are shown at first: who makes markets has thousands, which change all the time. */
const SHOWN = 100;

interface MyOrdersProps {
  /** Of which market; of all without. */
  eventId?: number;
  marketId?: number;
  events: readonly WireEvent[];
}

export function MyOrders({ eventId, marketId, events }: MyOrdersProps) {
  const orders = openOrders(own.value).filter(
    (order) =>
      (eventId === undefined || order.event_id === eventId) &&
      (marketId === undefined || order.market_id === marketId),
  );
  const [isBusy, setBusy] = useState(false);
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? orders : orders.slice(0, SHOWN);
  async function cancelAll(): Promise<void> {
    setBusy(true);
    try {
      await askAsUser('DELETE', '/orders', { query: { event_id: eventId, market_id: marketId } });
      tellOf(eventId === undefined ? 'All orders are cancelled.' : 'All orders in this market are cancelled.', 'good');
    } catch (error) {
      tellOf(cancelInWords(error), 'bad');
    } finally {
      setBusy(false);
    }
  }
  return (
    <section class="panel" aria-labelledby="orders-title">
      <div class="row between">
        <h2 id="orders-title">
          My open orders <span class="count">{orders.length}</span>
        </h2>
        <OwnFeedState />
        {orders.length > 0 && mayTrade.value && (
          <Action type="button" class="small" isBusy={isBusy} onClick={() => void cancelAll()}>
            {eventId === undefined ? 'Cancel all' : 'Cancel all here'}
          </Action>
        )}
      </div>
      {orders.length === 0 ? (
        <p class="empty">No open orders.</p>
      ) : (
        <table class="wide">
          <thead>
            <tr>
              {eventId === undefined && <th scope="col">Market</th>}
              <th scope="col" class="text">Order</th>
              <th scope="col">Price</th>
              <th scope="col">Filled</th>
              <th scope="col" class="text">Kind</th>
              <th scope="col">
                <span class="unseen">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((order) => (
              <OrderRow key={order.id} order={order} events={events} isOfAll={eventId === undefined} />
            ))}
          </tbody>
        </table>
      )}
      {shown.length < orders.length && (
        <div class="row center">
          <button type="button" onClick={() => setWhole(true)}>
            Show all {orders.length} orders
          </button>
        </div>
      )}
    </section>
  );
}

/** On its own, for what is told of a loss changes with the time. */
function OwnFeedState() {
  const words = inWords(ownHealth.value, nowMs.value);
  return words.tone === 'live' ? null : <span class={`feed ${words.tone}`}>{words.text}</span>;
}

function OrderRow({ order, events, isOfAll }: { order: WireOrder; events: readonly WireEvent[]; isOfAll: boolean }) {
  const [isBusy, setBusy] = useState(false);
  const [isChanging, setChanging] = useState(false);
  const changer = useRef<HTMLButtonElement>(null);
  const what = `${order.side === 'buy' ? 'Buy' : 'Sell'} ${showQuantity(readQuantity(order.quantity))} ${outcomeName(events, order)}`;
  async function cancel(): Promise<void> {
    setBusy(true);
    try {
      await askAsUser('DELETE', `/orders/${encodeURIComponent(order.id)}`);
      say(`Cancelled: ${what}`);
    } catch (error) {
      // The order has ended meanwhile: the feed says how.
      if (!(error instanceof Problem && error.status === 409)) tellOf(cancelInWords(error), 'bad');
      setBusy(false);
    }
  }
  return (
    <>
      <tr data-testid={`order-${order.client_order_id ?? order.id}`}>
        {isOfAll && (
          <td data-label="Market">
            <MarketLink events={events} of={order} />
          </td>
        )}
        <td data-label="Order" class={`text ${order.side}`}>
          {what}
        </td>
        <td data-label="Price">{showPrice(readPrice(order.price))}</td>
        <td data-label="Filled">
          {showQuantity(readQuantity(order.filled_quantity))} of {showQuantity(readQuantity(order.quantity))}
        </td>
        <td data-label="Kind" class="text">
          {orderKind(order)}
          {order.expires_at_ms !== undefined && ` until ${dayAndTime(order.expires_at_ms)}`}
        </td>
        <td class="actions">
          {mayTrade.value && (
            <>
              <button
                ref={changer}
                type="button"
                class="small"
                aria-expanded={isChanging}
                aria-label={`Change: ${what} at ${order.price}`}
                onClick={() => setChanging(!isChanging)}
              >
                Change
              </button>
              <Action
                type="button"
                class="small danger"
                isBusy={isBusy}
                aria-label={`Cancel: ${what} at ${order.price}`}
                onClick={() => void cancel()}
              >
                Cancel
              </Action>
            </>
          )}
        </td>
      </tr>
      {isChanging && (
        <tr class="changing">
          <td colSpan={isOfAll ? 6 : 5}>
            <Amendment
              order={order}
              close={() => {
                setChanging(false);
                changer.current?.focus();
              }}
            />
          </td>
        </tr>
      )}
    </>
  );
}
