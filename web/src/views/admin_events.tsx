/** Events for admins: paused, resumed, closed, and resolved. */
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../api/client';
import type { Page, WireEvent, WireMarket } from '../api/wire';
import { eventName, marketName, stateName, timeLeft } from '../app/names';
import { nowMs } from '../app/now';
import { marketAddress } from '../app/route';
import { askAsUser } from '../app/session';
import { Action } from './action';
import { useResource } from './resource';
import { SendingState, useSending, type Sending } from './sending';

const PAGE = 20;
const REFRESH_MS = 5_000;
const TYPING_MS = 250;

export function AdminEvents() {
  const [typed, setTyped] = useState('');
  const [text, setText] = useState('');
  const [status, setStatus] = useState('open');
  useEffect(() => {
    const timer = setTimeout(() => setText(typed.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const { data, error, reload } = useResource(
    `admin ${status} ${text}`,
    (signal) => ask<Page<WireEvent>>('GET', '/events', { query: { sort: 'newest', status, text, limit: PAGE }, signal }),
    REFRESH_MS,
  );
  return (
    <section class="panel" aria-labelledby="events-title">
      <h2 id="events-title">Events</h2>
      <div class="filters">
        <div class="field grow">
          <label for="admin-search">Search</label>
          <input
            id="admin-search"
            type="search"
            maxLength={64}
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </div>
        <div class="field">
          <label for="admin-status">Status</label>
          <select id="admin-status" value={status} onChange={(event) => setStatus(event.currentTarget.value)}>
            <option value="open">Open</option>
            <option value="closed">Closed, to be resolved</option>
            <option value="resolved">Resolved</option>
          </select>
        </div>
      </div>
      {error && <p class="warning">{error}</p>}
      {data?.items.length === 0 && <p class="empty">No event is like that.</p>}
      <ul class="stack">
        {data?.items.map((event) => (
          <EventControls key={event.event_id} event={event} reload={reload} />
        ))}
      </ul>
      {data?.next && <p class="hint">The newest {PAGE} are shown; search for others.</p>}
    </section>
  );
}

function EventControls({ event, reload }: { event: WireEvent; reload: () => void }) {
  const sending = useSending();
  const markets = Object.values(event.markets);
  const isTrading = markets.some((market) => market.state === 'open' || market.state === 'paused');
  const isAnswered = markets.every((market) => market.state === 'resolved' || market.state === 'void');
  const name = eventName(event);
  return (
    <li class="boxed" aria-label={name}>
      <div class="row between">
        <h3>
          {name} <span class="soft">#{event.event_id}</span>
        </h3>
        <span class="soft">{timeLeft(event.end_date, nowMs.value)}</span>
        {isTrading && (
          <Action
            type="button"
            class="small danger"
            isBusy={sending.isBusy}
            onClick={() => {
              if (!confirm(`End trading in ${name}? Its orders are cancelled.`)) return;
              void sending
                .send(() => askAsUser('POST', `/events/${event.event_id}/close`), `${name} is closed`)
                .then(reload);
            }}
          >
            Close <span class="unseen">{name}</span>
          </Action>
        )}
      </div>
      <ul class="stack">
        {markets.map((market) => (
          <MarketControls key={market.market_id} event={event} market={market} sending={sending} reload={reload} />
        ))}
      </ul>
      {event.exclusive && !isAnswered && <ExclusiveAnswer event={event} sending={sending} reload={reload} />}
      <SendingState sending={sending} />
    </li>
  );
}

interface ControlsProps {
  event: WireEvent;
  market: WireMarket;
  sending: Sending;
  reload: () => void;
}

function MarketControls({ event, market, sending, reload }: ControlsProps) {
  const [answer, setAnswer] = useState('');
  const name = marketName(event, market);
  const path = `/events/${event.event_id}/markets/${market.market_id}`;
  const isAnswered = market.state === 'resolved' || market.state === 'void';
  const turn = (what: 'pause' | 'resume') =>
    sending
      .send(() => askAsUser('POST', `${path}/${what}`), `${name} is ${what === 'pause' ? 'paused' : 'resumed'}`)
      .then(reload);
  function resolve(): void {
    const right = market.tokens.find((token) => token.token_id === answer);
    const says = right ? `${right.outcome} is right` : 'no answer: both outcomes are paid 0.5';
    if (!confirm(`${name}: ${says}? Everybody is paid, and it cannot be taken back.`)) return;
    const body = right
      ? { payouts: market.tokens.map((token) => (token === right ? '1' : '0')) }
      : { void: true };
    void sending.send(() => askAsUser('POST', `${path}/resolve`, { body }), `${name} is resolved`).then(reload);
  }
  return (
    <li class="row between controls">
      <span>
        <a href={marketAddress(event.event_id, market.market_id)}>{name}</a>{' '}
        <span class={`state ${market.state}`}>{stateName(market.state)}</span>
      </span>
      {market.state === 'open' && (
        <Action type="button" class="small" isBusy={sending.isBusy} onClick={() => void turn('pause')}>
          Pause <span class="unseen">{name}</span>
        </Action>
      )}
      {market.state === 'paused' && (
        <Action type="button" class="small" isBusy={sending.isBusy} onClick={() => void turn('resume')}>
          Resume <span class="unseen">{name}</span>
        </Action>
      )}
      {!isAnswered && !event.exclusive && (
        <>
          <select
            aria-label={`Answer of ${name}`}
            class="answer"
            value={answer}
            onChange={(changed) => setAnswer(changed.currentTarget.value)}
          >
            <option value="">Answer…</option>
            {market.tokens.map((token) => (
              <option key={token.token_id} value={token.token_id}>
                {token.outcome}
              </option>
            ))}
            <option value="void">No answer (void)</option>
          </select>
          <Action type="button" class="small" disabled={!answer} isBusy={sending.isBusy} onClick={resolve}>
            Resolve <span class="unseen">{name}</span>
          </Action>
        </>
      )}
    </li>
  );
}

/** At most one market of an exclusive event is right: it is resolved as a whole. */
function ExclusiveAnswer({ event, sending, reload }: Omit<ControlsProps, 'market'>) {
  const [answer, setAnswer] = useState('');
  const markets = Object.values(event.markets);
  function resolve(): void {
    const right = markets.find((market) => String(market.market_id) === answer);
    const says = right
      ? `${marketName(event, right)} ends with ${right.tokens[0]?.outcome}, all others do not`
      : 'no answer: the first outcomes are all paid the same';
    if (!confirm(`${eventName(event)}: ${says}? Everybody is paid, and it cannot be taken back.`)) return;
    const payouts = Object.fromEntries(
      markets.map((market) => [market.market_id, market === right ? ['1', '0'] : ['0', '1']]),
    );
    const body = right ? { payouts } : { void: true };
    void sending
      .send(() => askAsUser('POST', `/events/${event.event_id}/resolve`, { body }), `${eventName(event)} is resolved`)
      .then(reload);
  }
  return (
    <div class="row between controls">
      <span>The event as a whole</span>
      <select
        aria-label={`Answer of ${eventName(event)}`}
        class="answer"
        value={answer}
        onChange={(changed) => setAnswer(changed.currentTarget.value)}
      >
        <option value="">Answer…</option>
        {markets.map((market) => (
          <option key={market.market_id} value={String(market.market_id)}>
            {marketName(event, market)}: {market.tokens[0]?.outcome}
          </option>
        ))}
        <option value="void">No answer (void)</option>
      </select>
      <Action type="button" class="small" disabled={!answer} isBusy={sending.isBusy} onClick={resolve}>
        Resolve <span class="unseen">{eventName(event)}</span>
      </Action>
    </div>
  );
}
