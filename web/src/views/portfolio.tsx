/** What the user has everywhere: money, positions, open orders, and what was traded. */
import { useState } from 'preact/hooks';
import type { Page, WireFill, WirePosition } from '../api/wire';
import {
  amountOf,
  readMoney,
  readPrice,
  readQuantity,
  shortMoney,
  shortProfit,
  showMoney,
  showPrice,
  showProfit,
  showQuantity,
} from '../amounts/units';
import { dayAndTime } from '../app/times';
import { askAsUser, mayRead, mayTrade, ownChanges, signedIn } from '../app/session';
import { CASH, held, openOrders } from '../feeds/own';
import { own } from '../feeds/user_feed';
import { Action } from './action';
import { useEvents } from './events_named';
import { MarketLink, outcomeName } from './market_link';
import { MyOrders } from './my_orders';
import { PositionTable, useSettled } from './my_positions';
import { useResource } from './resource';
import { besideField, SendingState, useSending } from './sending';
import { TextField } from './text_field';

const REFRESH_MS = 15_000;
const FILLS = 50;
const POSITIONS_MAX = 1_000;

export function Portfolio() {
  const turn = useSettled(ownChanges.value);
  const user = mayRead.value ? (signedIn.value?.userId ?? null) : null;
  const positions = useResource(
    user && `positions ${user}`,
    (signal) =>
      askAsUser<Page<WirePosition>>('GET', '/positions', { query: { limit: POSITIONS_MAX, status: 'open' }, signal }),
    REFRESH_MS,
    turn,
  );
  const fills = useResource(
    user && `fills ${user}`,
    (signal) => askAsUser<Page<WireFill>>('GET', '/fills', { query: { limit: FILLS }, signal }),
    REFRESH_MS,
    turn,
  );
  const listed = positions.data?.items ?? [];
  const orders = openOrders(own.value);
  const events = useEvents([...listed, ...orders, ...(fills.data?.items ?? [])].map((one) => one.event_id));
  if (user === null) {
    return (
      <>
        <h1>Portfolio</h1>
        <p class="empty">Sign in to see what you have.</p>
      </>
    );
  }
  return (
    <>
      <h1>Portfolio</h1>
      <Worth positions={positions.data?.items ?? null} />
      <section class="panel" aria-labelledby="positions-title">
        <h2 id="positions-title">My positions</h2>
        {positions.error && <p class="warning">{positions.error}</p>}
        <PositionTable positions={positions.data?.items ?? null} events={events} isOfAll />
      </section>
      <MyOrders events={events} />
      <section class="panel" aria-labelledby="fills-title">
        <h2 id="fills-title">My last trades</h2>
        {fills.error && <p class="warning">{fills.error}</p>}
        {fills.data?.items.length === 0 && <p class="empty">Nothing traded yet.</p>}
        {(fills.data?.items.length ?? 0) > 0 && (
          <table class="wide">
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col" class="text">Market</th>
                <th scope="col" class="text">Trade</th>
                <th scope="col">Price</th>
                <th scope="col">Amount</th>
                <th scope="col">Fee</th>
              </tr>
            </thead>
            <tbody>
              {fills.data?.items.map((fill) => (
                <tr key={`${fill.trade_id}/${fill.order_id}`}>
                  <td data-label="Time">{dayAndTime(fill.timestamp)}</td>
                  <td data-label="Market" class="text">
                    <MarketLink events={events} of={fill} />
                  </td>
                  <td data-label="Trade" class={`text ${fill.side}`}>
                    {fill.side === 'buy' ? 'Bought' : 'Sold'} {showQuantity(readQuantity(fill.quantity))}{' '}
                    {outcomeName(events, fill)}
                  </td>
                  <td data-label="Price">{showPrice(readPrice(fill.price))}</td>
                  <td data-label="Amount">
                    {showMoney(amountOf(readPrice(fill.price), readQuantity(fill.quantity)))}
                  </td>
                  <td data-label="Fee">{showMoney(readMoney(fill.fee))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {mayTrade.value && <Withdrawal />}
    </>
  );
}

function Worth({ positions }: { positions: WirePosition[] | null }) {
  const cash = held(own.value, CASH);
  const sum = (read: (position: WirePosition) => string | null) =>
    (positions ?? []).reduce((total, position) => total + readMoney(read(position) ?? '0'), 0n);
  const value = sum((position) => position.value);
  const open = sum((position) => position.unrealised_profit);
  const all = cash.available + cash.frozen + value;
  const tone = open > 0n ? 'gain' : open < 0n ? 'loss' : '';
  return (
    <dl class="panel worth">
      <div>
        <dt>Cash</dt>
        <dd title={showMoney(cash.available)}>{shortMoney(cash.available)}</dd>
      </div>
      <div>
        <dt>In open orders</dt>
        <dd title={showMoney(cash.frozen)}>{shortMoney(cash.frozen)}</dd>
      </div>
      <div>
        <dt>Shares at the last prices</dt>
        <dd title={showMoney(value)}>{shortMoney(value)}</dd>
      </div>
      <div>
        <dt>Open profit</dt>
        <dd class={tone} title={showProfit(open)}>{shortProfit(open)}</dd>
      </div>
      <div>
        <dt>All together</dt>
        <dd title={showMoney(all)}>{shortMoney(all)}</dd>
      </div>
    </dl>
  );
}

function Withdrawal() {
  const [amount, setAmount] = useState('');
  const sending = useSending();
  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const text = amount.trim();
    await sending.send(
      (id) => askAsUser('POST', '/withdrawals', { body: { id, amount: text } }),
      `${text} withdrawn`,
      () => setAmount(''),
    );
  }
  return (
    <details class="panel">
      <summary>Withdraw money</summary>
      <form class="stack narrow" onSubmit={(event) => void submit(event)}>
        <TextField
          id="withdraw-amount"
          label="Amount"
          value={amount}
          change={(text) => {
            sending.forget();
            setAmount(text);
          }}
          required
          hint={`You have ${showMoney(held(own.value, CASH).available)}`}
          problem={besideField(sending, 'amount')}
        />
        <SendingState sending={sending} fields={['amount']} />
        <Action type="submit" isBusy={sending.isBusy || sending.isUnknown}>
          Withdraw
        </Action>
      </form>
    </details>
  );
}
