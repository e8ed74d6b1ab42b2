/** Lists a new event with its markets. */
import { useRef, useState } from 'preact/hooks';
import { newId } from '../api/asking_again';
import type { WireEvent } from '../api/wire';
import { readEvent, tokenIds, type EventDraft, type MarketDraft } from '../app/new_event';
import { askAsUser } from '../app/session';
import { nowMs } from '../app/now';
import { Action } from './action';
import { readAllTopics } from './admin_topics';
import { useResource } from './resource';
import { besideField, SendingState, useSending } from './sending';
import { TextField } from './text_field';
import { focusWrong } from './wrong_field';

const TOPICS_MS = 5_000;
const SALT = 5;

const emptyMarket = (key: number): MarketDraft => ({ key, first: 'Yes', second: 'No', firstToken: '', secondToken: '' });

const EMPTY: EventDraft = {
  title: '',
  topic: '',
  description: '',
  imageUrl: '',
  end: '',
  exclusive: false,
  markets: [emptyMarket(1)],
  feeKind: '',
  makerPercent: '0',
  takerPercent: '1',
};

export function NewEvent() {
  const [draft, setDraft] = useState<EventDraft>(EMPTY);
  const [wrong, setWrong] = useState<{ field: string; problem: string } | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const salt = useRef(newId().slice(-SALT));
  const topics = useResource('all topics for a new event', readAllTopics, TOPICS_MS);
  const sending = useSending();
  const change = (part: Partial<EventDraft>) => {
    setWrong(null);
    sending.forget();
    setDraft((before) => ({ ...before, ...part }));
  };
  const changeMarket = (key: number, part: Partial<MarketDraft>) =>
    change({ markets: draft.markets.map((one) => (one.key === key ? { ...one, ...part } : one)) });
  const at = (field: string) => (wrong?.field === field ? wrong.problem : besideField(sending, field));
  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const read = readEvent(draft, salt.current, nowMs.value);
    if ('field' in read) {
      setWrong(read);
      focusWrong(form.current);
      return;
    }
    const isDone = await sending.send(
      () => askAsUser<WireEvent>('POST', '/events', { body: read.body }),
      `${draft.title.trim()} is listed`,
      () => {
        setDraft(EMPTY);
        salt.current = newId().slice(-SALT);
      },
    );
    if (!isDone) focusWrong(form.current);
  }
  const active = topics.data?.filter((topic) => topic.active) ?? [];
  return (
    <section class="panel" aria-labelledby="new-event-title">
      <h2 id="new-event-title">New event</h2>
      <form ref={form} class="stack" noValidate onSubmit={(event) => void submit(event)}>
        <TextField
          id="event-title"
          label="Title"
          isWord
          value={draft.title}
          change={(title) => change({ title })}
          problem={at('title')}
          placeholder="Will it rain on Sunday?"
        />
        <div class="field">
          <label for="event-topic">Topic</label>
          <select
            id="event-topic"
            value={draft.topic}
            aria-describedby="event-topic-problem"
            aria-invalid={at('topic') !== undefined}
            onChange={(event) => change({ topic: event.currentTarget.value })}
          >
            <option value="">Choose one</option>
            {active.map((topic) => (
              <option key={topic.topic} value={topic.topic}>
                {topic.name}
              </option>
            ))}
          </select>
          <p class="problem" id="event-topic-problem" role="alert">
            {at('topic')}
          </p>
        </div>
        <div class="field">
          <label for="event-description">Description</label>
          <textarea
            id="event-description"
            rows={3}
            maxLength={4000}
            value={draft.description}
            onInput={(event) => change({ description: event.currentTarget.value })}
          />
        </div>
        <TextField
          id="event-end"
          label="Trading ends"
          type="datetime-local"
          value={draft.end}
          change={(end) => change({ end })}
          hint="Empty: when the event is resolved"
          problem={at('end_date')}
        />
        {draft.markets.map((market, index) => {
          const [first, second] = tokenIds(draft, index, salt.current);
          return (
            <fieldset key={market.key} class="boxed">
              <legend>Market {index + 1}</legend>
              <div class="pair">
                <TextField
                  id={`first-${market.key}`}
                  label="First outcome"
                  isWord
                  value={market.first}
                  hint={draft.markets.length > 1 ? 'It names the market, such as Rapid' : undefined}
                  change={(text) => changeMarket(market.key, { first: text })}
                />
                <TextField
                  id={`second-${market.key}`}
                  label="Second outcome"
                  isWord
                  value={market.second}
                  change={(text) => changeMarket(market.key, { second: text })}
                />
                <TextField
                  id={`first-token-${market.key}`}
                  label="Its token"
                  isWord
                  value={market.firstToken}
                  placeholder={first}
                  change={(text) => changeMarket(market.key, { firstToken: text })}
                />
                <TextField
                  id={`second-token-${market.key}`}
                  label="Its token"
                  isWord
                  value={market.secondToken}
                  placeholder={second}
                  change={(text) => changeMarket(market.key, { secondToken: text })}
                />
              </div>
              {draft.markets.length > 1 && (
                <button
                  type="button"
                  class="small"
                  onClick={() => change({ markets: draft.markets.filter((one) => one.key !== market.key) })}
                >
                  Leave out market {index + 1}
                </button>
              )}
            </fieldset>
          );
        })}
        <div class="row">
          <button
            type="button"
            class="small"
            onClick={() =>
              change({ markets: [...draft.markets, emptyMarket(Math.max(...draft.markets.map((one) => one.key)) + 1)] })
            }
          >
            Add a market
          </button>
        </div>
        <label class="check">
          <input
            type="checkbox"
            checked={draft.exclusive}
            onChange={(event) => change({ exclusive: event.currentTarget.checked })}
          />
          Exclusive: at most one market ends with its first outcome
        </label>
        <details class="options">
          <summary>Picture and fees</summary>
          <div class="stack">
            <TextField
              id="event-image"
              label="Address of a picture"
              isWord
              value={draft.imageUrl}
              change={(imageUrl) => change({ imageUrl })}
              hint="This page shows only pictures of its own host, such as /images/cup.png"
              problem={at('image_url')}
            />
            <div class="field">
              <label for="fee-kind">Fees</label>
              <select
                id="fee-kind"
                value={draft.feeKind}
                onChange={(event) => change({ feeKind: event.currentTarget.value as EventDraft['feeKind'] })}
              >
                <option value="">None</option>
                <option value="linear">Of the smaller of price and 1 − price</option>
                <option value="quadratic">Of price × (1 − price)</option>
              </select>
            </div>
            {draft.feeKind && (
              <div class="pair">
                <TextField
                  id="fee-maker"
                  label="Who waits pays"
                  unit="%"
                  value={draft.makerPercent}
                  change={(makerPercent) => change({ makerPercent })}
                />
                <TextField
                  id="fee-taker"
                  label="Who takes pays"
                  unit="%"
                  value={draft.takerPercent}
                  change={(takerPercent) => change({ takerPercent })}
                  problem={at('fees')}
                />
              </div>
            )}
          </div>
        </details>
        <SendingState sending={sending} fields={['title', 'topic', 'end_date', 'image_url']} />
        <Action type="submit" class="primary" isBusy={sending.isBusy || sending.isUnknown}>
          List the event
        </Action>
      </form>
    </section>
  );
}
