/** All markets: searched, filtered, in the order that one wants. */
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../api/client';
import { Problem } from '../api/problem';
import type { Page, WireEvent, WireMarket, WireToken, WireTopic } from '../api/wire';
import { readMoney, readPrice, shortMoney, showChance, showPrice } from '../amounts/units';
import { filtersAddress, filtersOf, type Filters } from '../app/filters';
import { eventName, marketName, stateName, timeLeft } from '../app/names';
import { nowMs } from '../app/now';
import { marketAddress, route, routeOf } from '../app/route';
import { useResource } from './resource';

const PAGE = 24;
const REFRESH_MS = 5_000;
const TYPING_MS = 250;
const MARKETS_SHOWN = 4;

export function Markets() {
  const [filters, setFilters] = useState(() => filtersOf(location.hash));
  const [typed, setTyped] = useState(filters.text);
  const { text, sort, status, topic, pages } = filters;
  const change = (part: Partial<Filters>) => setFilters((before) => ({ ...before, pages: 1, ...part }));
  useEffect(() => {
    if (typed.trim() === text) return undefined;
    const timer = setTimeout(() => change({ text: typed.trim() }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  // Who comes back from a market, or begins anew, finds what was looked for.
  useEffect(() => {
    if (route.peek().name === 'markets') history.replaceState(null, '', filtersAddress(filters));
  }, [filters]);
  useEffect(() => {
    const told = () => {
      if (routeOf(location.hash).name !== 'markets') return;
      const next = filtersOf(location.hash);
      setFilters(next);
      setTyped(next.text);
    };
    addEventListener('hashchange', told);
    return () => removeEventListener('hashchange', told);
  }, []);
  const topics = useResource('topics', readTopics);
  const query = { text, sort, status, topic };
  const { data, error } = useResource(
    JSON.stringify([query, pages]),
    (signal) => readEvents(query, pages, signal),
    REFRESH_MS,
  );
  const [shown, setShown] = useState<typeof data>(null);
  useEffect(() => {
    if (data) setShown(data);
  }, [data]);
  return (
    <>
      <h1>Markets</h1>
      <form class="filters" role="search" aria-label="Markets" onSubmit={(event) => event.preventDefault()}>
        <div class="field grow">
          <label for="search">Search</label>
          <input
            id="search"
            type="search"
            placeholder="Title, outcome or token"
            maxLength={64}
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </div>
        <div class="field">
          <label for="sort">Sort by</label>
          <select id="sort" value={sort} onChange={(event) => change({ sort: event.currentTarget.value })}>
            <option value="newest">Newest</option>
            <option value="volume">Volume, 24 h</option>
            <option value="ending_soon">Ending soon</option>
          </select>
        </div>
        <div class="field">
          <label for="status">Status</label>
          <select id="status" value={status} onChange={(event) => change({ status: event.currentTarget.value })}>
            <option value="open">Open</option>
            <option value="closed">Closed</option>
            <option value="resolved">Resolved</option>
            <option value="">All</option>
          </select>
        </div>
        {(topics.data?.length ?? 0) > 0 && (
          <div class="field">
            <label for="topic">Topic</label>
            <select id="topic" value={topic} onChange={(event) => change({ topic: event.currentTarget.value })}>
              <option value="">All</option>
              {topics.data?.map((one) => (
                <option key={one.topic} value={one.topic}>
                  {one.name}
                </option>
              ))}
            </select>
          </div>
        )}
      </form>
      {error && (
        <p class="banner bad" role="status">
          {error} Trying again.
        </p>
      )}
      {shown === null && !error && <p class="empty">Loading…</p>}
      {shown?.items.length === 0 && <p class="empty">No market is like that.</p>}
      <ul class="cards" aria-label="Events">
        {shown?.items.map((event) => (
          <EventCard key={event.event_id} event={event} />
        ))}
      </ul>
      {shown?.next && (
        <div class="row center">
          <button type="button" onClick={() => change({ pages: pages + 1 })}>
            Show more
          </button>
        </div>
      )}
    </>
  );
}

interface Listed {
  items: WireEvent[];
  next: string | null;
}

type Query = Record<'text' | 'sort' | 'status' | 'topic', string>;

/** The first *pages* pages in one walk, so that what is shown is of one moment. */
async function readEvents(query: Query, pages: number, signal: AbortSignal): Promise<Listed> {
  const items: WireEvent[] = [];
  let next: string | null = null;
  for (let page = 0; page < pages; page++) {
    const after: string | undefined = next ?? undefined;
    const answer: Page<WireEvent> = await ask('GET', '/events', { query: { ...query, limit: PAGE, after }, signal });
    items.push(...answer.items);
    next = answer.next;
    if (next === null) break;
  }
  return { items, next };
}

async function readTopics(signal: AbortSignal): Promise<WireTopic[]> {
  try {
    const answer = await ask<Page<WireTopic>>('GET', '/topics', { signal });
    return answer.items.filter((topic) => topic.active);
  } catch (error) {
    // An exchange without the event service has no topics: then there is nothing to choose.
    if (error instanceof Problem && error.status === 404) return [];
    throw error;
  }
}

function EventCard({ event }: { event: WireEvent }) {
  const markets = Object.values(event.markets);
  const [first] = markets;
  const isOne = markets.length === 1 && first;
  return (
    <li class="card event">
      <div class="event-head">
        {event.image_url?.startsWith('/') && <img src={event.image_url} alt="" width={40} height={40} loading="lazy" />}
        <h2>
          {first ? (
            <a href={marketAddress(event.event_id, first.market_id)}>{eventName(event)}</a>
          ) : (
            eventName(event)
          )}
        </h2>
      </div>
      <p class="facts">
        {event.topic && <span>{event.topic.name}</span>}
        <span>{timeLeft(event.end_date, nowMs.value)}</span>
        {event.volume_24h !== undefined && <span>Volume {shortMoney(readMoney(event.volume_24h))}</span>}
        {markets.length > 1 && <span>{markets.length} markets</span>}
      </p>
      <ul class="market-rows" aria-label={`Markets of ${eventName(event)}`}>
        {markets.slice(0, MARKETS_SHOWN).map((market) => (
          <li key={market.market_id}>
            {!isOne && (
              <a class="market-name" href={marketAddress(event.event_id, market.market_id)}>
                {marketName(event, market)}
              </a>
            )}
            <Outcomes event={event} market={market} />
          </li>
        ))}
      </ul>
      {first && markets.length > MARKETS_SHOWN && (
        <p class="facts">
          <a href={marketAddress(event.event_id, first.market_id)}>and {markets.length - MARKETS_SHOWN} more</a>
        </p>
      )}
    </li>
  );
}

/** Both outcomes with their price and a way to trade each. */
function Outcomes({ event, market }: { event: WireEvent; market: WireMarket }) {
  if (market.state !== 'open') {
    return (
      <p class="outcome-pair">
        <span class={`state ${market.state}`}>{stateName(market.state)}</span>
        {market.tokens.map((token) => (
          <span key={token.token_id}>
            {token.outcome} {token.payout === null ? chanceOf(token) : `paid ${showPrice(readPrice(token.payout))}`}
          </span>
        ))}
      </p>
    );
  }
  return (
    <div class="outcome-pair">
      {market.tokens.map((token, index) => (
        <a
          key={token.token_id}
          class={`outcome o${index}`}
          href={marketAddress(event.event_id, market.market_id, token.token_id)}
        >
          <span class="outcome-name">{token.outcome}</span> <span class="chance">{chanceOf(token)}</span>{' '}
          <span class="ask">{token.best_ask ? `Buy ${showPrice(readPrice(token.best_ask))}` : 'No offers'}</span>
          <span class="unseen">, {marketName(event, market)}</span>
        </a>
      ))}
    </div>
  );
}

function chanceOf(token: WireToken): string {
  if (token.last_price !== null) return showChance(readPrice(token.last_price));
  if (token.best_bid !== null && token.best_ask !== null) {
    return showChance((readPrice(token.best_bid) + readPrice(token.best_ask)) / 2n);
  }
  return '–';
}
