/** One market: its live ladder, chart and tape, the ticket, and what the user has in it. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { ask } from '../api/client';
import type { Page, WireEvent, WireTrade } from '../api/wire';
import { readPrice, showChance, showPrice } from '../amounts/units';
import { say } from '../app/announcing';
import { eventName, marketName, stateName, timeLeft } from '../app/names';
import { nowMs } from '../app/now';
import { marketAddress } from '../app/route';
import { mayRead, mayTrade } from '../app/session';
import type { Draft } from '../app/draft';
import { NO_LEVELS, type Book } from '../feeds/book';
import { watchMarket } from '../feeds/depth_feed';
import { inWords, STALE_MS, type Health } from '../feeds/health';
import { withTrades } from '../feeds/tape';
import { Chart } from './chart';
import { Ladders } from './ladder';
import { MyOrders } from './my_orders';
import { MyPositions } from './my_positions';
import { Pairs } from './pairs';
import { useResource } from './resource';
import { Tape } from './tape';
import { EMPTY, Ticket } from './ticket';

const STATE_MS = 10_000;
const TAPE_MAX = 60;

interface MarketProps {
  eventId: number;
  marketId: number;
  tokenId: string | null;
}

export function MarketView({ eventId, marketId, tokenId }: MarketProps) {
  const event = useResource(
    `event ${eventId}`,
    (signal) => ask<WireEvent>('GET', `/events/${eventId}`, { signal }),
    STATE_MS,
  );
  const book = useSignal<Book | null>(null);
  const health = useSignal<Health>({ kind: 'connecting' });
  const trades = useSignal<readonly WireTrade[]>([]);
  const began = useSignal(0);
  const [draft, setDraft] = useState<Draft>(EMPTY);
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));

  useEffect(() => {
    const watched = watchMarket(
      { event_id: eventId, market_id: marketId },
      {
        traded: (told) => {
          trades.value = withTrades(trades.value, told, TAPE_MAX);
        },
        began: () => {
          began.value++;
        },
      },
    );
    // Changes may come more often than frames: what is drawn is the newest of each.
    let frame = 0;
    const draw = () => {
      frame = 0;
      book.value = watched.book.peek();
    };
    const stops = [
      watched.book.subscribe(() => {
        frame ||= requestAnimationFrame(draw);
      }),
      () => cancelAnimationFrame(frame),
      watched.health.subscribe((next) => {
        health.value = next;
      }),
    ];
    return () => {
      for (const stop of stops) stop();
      watched.stop();
    };
  }, [eventId, marketId]);

  // What was traded before the feed began, or while it was lost.
  const before = useResource(
    began.value > 0 ? `trades ${eventId}/${marketId}` : null,
    (signal) =>
      ask<Page<WireTrade>>('GET', '/trades', {
        query: { event_id: eventId, market_id: marketId, limit: TAPE_MAX },
        signal,
      }),
    0,
    began.value,
  );
  useEffect(() => {
    if (before.data) trades.value = withTrades(trades.value, before.data.items, TAPE_MAX);
  }, [before.data]);

  const title = event.data && eventName(event.data);
  useEffect(() => {
    if (!title) return;
    document.title = `${title} · pmengine`;
    say(title);
  }, [title]);

  // The prices change many times a second, which draws all of this anew; own orders change on their own.
  const mine = useMemo(
    () => event.data && <MyOrders eventId={eventId} marketId={marketId} events={[event.data]} />,
    [event.data, eventId, marketId],
  );

  const market = event.data?.markets[String(marketId)];
  if (!event.data || !market) {
    return (
      <div class="empty">
        <h1>{event.data ? 'No such market' : event.error ? 'This market cannot be shown' : 'Market'}</h1>
        <p>{event.error ?? (event.data ? 'The event has no market of this number.' : 'Loading…')}</p>
        <p>
          <a href="#/">All markets</a>
        </p>
      </div>
    );
  }
  const token = market.tokens.find((one) => one.token_id === tokenId) ?? market.tokens[0];
  if (!token) return null;
  const choose = (id: string) => location.replace(marketAddress(eventId, marketId, id));
  const isLive = health.value.kind === 'live';
  const levels = book.value?.tokens[token.token_id] ?? NO_LEVELS;
  const others = Object.values(event.data.markets).filter((one) => one.market_id !== marketId);
  return (
    <div class="market">
      <div class="market-head">
        <p class="crumbs">
          <a href="#/">Markets</a>
          {event.data.topic && <span>{event.data.topic.name}</span>}
        </p>
        <h1>{eventName(event.data)}</h1>
        {(Object.keys(event.data.markets).length > 1 || !event.data.title) && (
          <p class="subtitle">{marketName(event.data, market)}</p>
        )}
        <p class="facts">
          <span class={`state ${market.state}`}>{stateName(market.state)}</span>
          <span>{timeLeft(event.data.end_date, nowMs.value)}</span>
          {event.data.exclusive && <span>Only one market of this event can be right</span>}
          <FeedState health={health.value} />
        </p>
        <dl class="prices">
          {market.tokens.map((one, index) => {
            const last = book.value?.tokens[one.token_id]?.last ?? null;
            return (
              <div key={one.token_id} class={`o${index}`}>
                <dt>{one.outcome}</dt>
                {one.payout === null ? (
                  <dd>
                    <strong>{last === null ? '–' : showChance(last)}</strong>{' '}
                    <span data-testid={`last-price-${one.token_id}`}>
                      {last === null ? 'no trade yet' : showPrice(last)}
                    </span>
                  </dd>
                ) : (
                  <dd>
                    <strong>{showPrice(readPrice(one.payout))}</strong> <span>paid for a share</span>
                  </dd>
                )}
              </div>
            );
          })}
        </dl>
      </div>
      <div class="market-chart">
        <Chart
          key={token.token_id}
          eventId={eventId}
          marketId={marketId}
          token={token}
          trades={trades.value}
          began={began.value}
        />
      </div>
      <div class="market-ticket">
        <Ticket
          event={event.data}
          market={market}
          token={token}
          choose={choose}
          book={levels}
          isLive={isLive}
          draft={draft}
          change={change}
        />
      </div>
      <div class="market-ladder">
        <Ladders
          market={market}
          chosen={token.token_id}
          choose={choose}
          book={book.value}
          isLive={isLive}
          take={(id, price) => {
            if (id !== token.token_id) choose(id);
            change({ price, kind: 'limit' });
          }}
        />
      </div>
      <div class="market-tape">
        <Tape trades={trades.value} market={market} />
      </div>
      {mayRead.value && (
        <div class="market-own">
          {mine}
          <MyPositions eventId={eventId} marketId={marketId} book={book.value} events={[event.data]} />
          {mayTrade.value && <Pairs event={event.data} market={market} />}
        </div>
      )}
      {(event.data.description || others.length > 0) && (
        <div class="market-about">
          {event.data.description && (
            <section class="panel" aria-labelledby="about-title">
              <h2 id="about-title">About this event</h2>
              <p class="prose">{event.data.description}</p>
            </section>
          )}
          {others.length > 0 && (
            <section class="panel" aria-labelledby="others-title">
              <h2 id="others-title">Other markets of this event</h2>
              <ul class="links">
                {others.map((one) => (
                  <li key={one.market_id}>
                    <a href={marketAddress(eventId, one.market_id)}>{marketName(event.data as WireEvent, one)}</a>
                  </li>
                ))}
              </ul>
            </section>
          )}
        </div>
      )}
    </div>
  );
}

/** Whether the prices are live; screen readers hear only of a loss that lasts, and of its end. */
function FeedState({ health }: { health: Health }) {
  const words = inWords(health, nowMs.value);
  const wasSaid = useSignal(false);
  const isStale = health.kind === 'lost' && nowMs.value - health.lostMs >= STALE_MS;
  useEffect(() => {
    if (isStale) {
      wasSaid.value = true;
      say('The connection is lost. Prices are not live.');
    } else if (wasSaid.value && health.kind === 'live') {
      wasSaid.value = false;
      say('Prices are live again.');
    }
  }, [isStale, health.kind]);
  return (
    <span class={`feed ${words.tone}`} data-testid="feed-state">
      {words.text}
    </span>
  );
}
