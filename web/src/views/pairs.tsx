/** Money into pairs of shares of a market, and back. */
import { useState } from 'preact/hooks';
import type { WireEvent, WireMarket } from '../api/wire';
import { shortMoney, showQuantity } from '../amounts/units';
import { askAsUser } from '../app/session';
import { CASH, held } from '../feeds/own';
import { own } from '../feeds/user_feed';
import { Action } from './action';
import { Choice } from './choice';
import { besideField, SendingState, useSending } from './sending';
import { TextField } from './text_field';

export function Pairs({ event, market }: { event: WireEvent; market: WireMarket }) {
  const [amount, setAmount] = useState('');
  const [way, setWay] = useState('splits');
  const sending = useSending();
  const names = market.tokens.map((token) => token.outcome).join(' and one ');
  const least = market.tokens
    .map((token) => held(own.value, token.token_id).available)
    .reduce((a, b) => (a < b ? a : b));
  const hint =
    way === 'splits'
      ? `1 of money becomes one ${names}. You have ${shortMoney(held(own.value, CASH).available)}.`
      : `One ${names} become 1 of money. You have ${showQuantity(least)} pairs.`;
  async function submit(submitted: Event): Promise<void> {
    submitted.preventDefault();
    const body = { event_id: event.event_id, market_id: market.market_id, amount: amount.trim() };
    await sending.send(
      (id) => askAsUser('POST', `/${way}`, { body: { id, ...body } }),
      way === 'splits' ? `${body.amount} of money split into pairs` : `${body.amount} pairs merged into money`,
      () => setAmount(''),
    );
  }
  return (
    <details class="panel">
      <summary>Split money into pairs, or merge pairs</summary>
      <form class="stack narrow" onSubmit={(submitted) => void submit(submitted)}>
        <Choice
          legend="Split or merge"
          name="pairs"
          value={way}
          choices={[
            { value: 'splits', text: 'Split' },
            { value: 'merges', text: 'Merge' },
          ]}
          choose={setWay}
        />
        <TextField
          id="pairs-amount"
          label="Pairs"
          value={amount}
          change={(text) => {
            sending.forget();
            setAmount(text);
          }}
          required
          hint={hint}
          problem={besideField(sending, 'amount')}
        />
        <SendingState sending={sending} fields={['amount']} />
        <Action type="submit" isBusy={sending.isBusy || sending.isUnknown}>
          {way === 'splits' ? 'Split' : 'Merge'}
        </Action>
      </form>
    </details>
  );
}
