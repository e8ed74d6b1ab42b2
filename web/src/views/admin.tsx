/** What admins do: events and their answers, topics, deposits, and pausing everything. */
import { useState } from 'preact/hooks';
import { isAdmin, askAsUser } from '../app/session';
import { Action } from './action';
import { AdminEvents } from './admin_events';
import { NewEvent } from './admin_new_event';
import { Topics } from './admin_topics';
import { besideField, SendingState, useSending } from './sending';
import { TextField } from './text_field';

export function Admin() {
  if (!isAdmin.value) {
    return (
      <>
        <h1>Admin</h1>
        <p class="empty">This takes a key with the scope admin.</p>
      </>
    );
  }
  return (
    <>
      <h1>Admin</h1>
      <AdminEvents />
      <div class="halves">
        <NewEvent />
        <div class="stack">
          <Topics />
          <Deposit />
          <Everywhere />
        </div>
      </div>
    </>
  );
}

function Deposit() {
  const [user, setUser] = useState('');
  const [amount, setAmount] = useState('');
  const sending = useSending();
  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const body = { user_id: user.trim(), amount: amount.trim() };
    await sending.send(
      (id) => askAsUser('POST', '/deposits', { body: { id, ...body } }),
      `${body.amount} deposited for ${body.user_id}`,
      () => setAmount(''),
    );
  }
  return (
    <section class="panel" aria-labelledby="deposit-title">
      <h2 id="deposit-title">Deposit money that came from outside</h2>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <TextField
          id="deposit-user"
          label="User"
          isWord
          value={user}
          change={(text) => {
            sending.forget();
            setUser(text);
          }}
          required
          problem={besideField(sending, 'user_id')}
        />
        <TextField
          id="deposit-amount"
          label="Amount"
          value={amount}
          change={(text) => {
            sending.forget();
            setAmount(text);
          }}
          required
          problem={besideField(sending, 'amount')}
        />
        <SendingState sending={sending} fields={['user_id', 'amount']} />
        <Action type="submit" isBusy={sending.isBusy || sending.isUnknown}>
          Deposit
        </Action>
      </form>
    </section>
  );
}

function Everywhere() {
  const sending = useSending();
  return (
    <section class="panel" aria-labelledby="everywhere-title">
      <h2 id="everywhere-title">All markets at once</h2>
      <p class="hint">While paused no new order is taken anywhere; cancels go on.</p>
      <div class="row">
        <Action
          type="button"
          class="danger"
          isBusy={sending.isBusy}
          onClick={() => void sending.send(() => askAsUser('POST', '/pause'), 'All markets are paused')}
        >
          Pause all markets
        </Action>
        <Action
          type="button"
          isBusy={sending.isBusy}
          onClick={() => void sending.send(() => askAsUser('POST', '/resume'), 'All markets take orders again')}
        >
          Resume all markets
        </Action>
      </div>
      <SendingState sending={sending} />
    </section>
  );
}
