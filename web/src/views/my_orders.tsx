/** Own open orders, live; each can be changed and cancelled, and all at once. */
import { useState } from 'preact/hooks';
import { Problem, told } from '../api/problem';
import type { WireEvent, WireOrder } from '../api/wire';
import {
  parseDecimal,
  PRICE_DIGITS,
  QUANTITY_DIGITS,
  readPrice,
  readQuantity,
  showPrice,
  showQuantity,
} from '../amounts/units';
import { say, tellOf } from '../app/announcing';
import { eventName, orderKind } from '../app/names';
import { marketAddress } from '../app/route';
import { askAsUser, mayTrade } from '../app/session';
import { nowMs } from '../app/now';
import { dayAndTime } from '../app/times';
import { inWords } from '../feeds/health';
import { openOrders } from '../feeds/own';
import { own, ownHealth } from '../feeds/user_feed';
import { TextField } from './text_field';

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
  const words = inWords(ownHealth.value, nowMs.value);
  async function cancelAll(): Promise<void> {
    setBusy(true);
    try {
      await askAsUser('DELETE', '/orders', { query: { event_id: eventId, market_id: marketId } });
      tellOf(eventId === undefined ? 'All orders are cancelled.' : 'All orders in this market are cancelled.', 'good');
    } catch (error) {
      tellOf(`Not cancelled: ${told(error)}`, 'bad');
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
        {words.tone !== 'live' && <span class={`feed ${words.tone}`}>{words.text}</span>}
        {orders.length > 0 && mayTrade.value && (
          <button type="button" class="small" disabled={isBusy} onClick={() => void cancelAll()}>
            {eventId === undefined ? 'Cancel all' : 'Cancel all here'}
          </button>
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
            {orders.map((order) => (
              <OrderRow key={order.id} order={order} events={events} isOfAll={eventId === undefined} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

export function outcomeName(events: readonly WireEvent[], order: { event_id: number; market_id: number; token_id: string }): string {
  const event = events.find((one) => one.event_id === order.event_id);
  const tokens = event?.markets[String(order.market_id)]?.tokens;
  return tokens?.find((token) => token.token_id === order.token_id)?.outcome ?? order.token_id;
}

export function MarketLink({ events, of }: { events: readonly WireEvent[]; of: { event_id: number; market_id: number; token_id: string } }) {
  const event = events.find((one) => one.event_id === of.event_id);
  const name = event ? eventName(event) : `Event ${of.event_id}`;
  const isOne = event !== undefined && Object.keys(event.markets).length === 1;
  return (
    <a href={marketAddress(of.event_id, of.market_id, of.token_id)}>
      {isOne ? name : `${name}, market ${of.market_id}`}
    </a>
  );
}

function OrderRow({ order, events, isOfAll }: { order: WireOrder; events: readonly WireEvent[]; isOfAll: boolean }) {
  const [isBusy, setBusy] = useState(false);
  const [isChanging, setChanging] = useState(false);
  const what = `${order.side === 'buy' ? 'Buy' : 'Sell'} ${showQuantity(readQuantity(order.quantity))} ${outcomeName(events, order)}`;
  async function cancel(): Promise<void> {
    setBusy(true);
    try {
      await askAsUser('DELETE', `/orders/${encodeURIComponent(order.id)}`);
      say(`Cancelled: ${what}`);
    } catch (error) {
      // The order has ended meanwhile: the feed says how.
      if (!(error instanceof Problem && error.status === 409)) tellOf(`Not cancelled: ${told(error)}`, 'bad');
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
                type="button"
                class="small"
                aria-expanded={isChanging}
                aria-label={`Change: ${what} at ${order.price}`}
                onClick={() => setChanging(!isChanging)}
              >
                Change
              </button>
              <button
                type="button"
                class="small danger"
                disabled={isBusy}
                aria-label={`Cancel: ${what} at ${order.price}`}
                onClick={() => void cancel()}
              >
                Cancel
              </button>
            </>
          )}
        </td>
      </tr>
      {isChanging && (
        <tr class="changing">
          <td colSpan={isOfAll ? 6 : 5}>
            <Amendment order={order} close={() => setChanging(false)} />
          </td>
        </tr>
      )}
    </>
  );
}

/** A new price and total quantity, in one step. */
function Amendment({ order, close }: { order: WireOrder; close: () => void }) {
  const [price, setPrice] = useState(order.price);
  const [quantity, setQuantity] = useState(order.quantity);
  const [problem, setProblem] = useState<{ field: string | null; text: string } | null>(null);
  const [isBusy, setBusy] = useState(false);
  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (parseDecimal(price.trim(), PRICE_DIGITS) === null) {
      setProblem({ field: 'price', text: 'Write a price with at most 4 digits after the point.' });
      return;
    }
    if (parseDecimal(quantity.trim(), QUANTITY_DIGITS) === null) {
      setProblem({ field: 'quantity', text: 'Write shares with at most 2 digits after the point.' });
      return;
    }
    setBusy(true);
    try {
      const body = { price: price.trim(), quantity: quantity.trim() };
      await askAsUser('PATCH', `/orders/${encodeURIComponent(order.id)}`, { body });
      say('The order is changed.');
      close();
    } catch (error) {
      setProblem({ field: error instanceof Problem ? error.field : null, text: told(error) });
      setBusy(false);
    }
  }
  const id = `amend-${order.id}`;
  const at = (field: string) => (problem?.field === field ? problem.text : undefined);
  return (
    <form class="row amend" onSubmit={(event) => void submit(event)}>
      <TextField id={`${id}-price`} label="New price" value={price} change={setPrice} problem={at('price')} />
      <TextField
        id={`${id}-quantity`}
        label="New total of shares"
        value={quantity}
        change={setQuantity}
        problem={at('quantity')}
      />
      <button type="submit" class="small primary" disabled={isBusy}>
        Save the change
      </button>
      <button type="button" class="small" onClick={close}>
        Leave as it is
      </button>
      {problem && problem.field !== 'price' && problem.field !== 'quantity' && (
        <p class="problem" role="alert">
          {problem.text}
        </p>
      )}
    </form>
  );
}
