/** Follows the ladders of markets over `/depth`: one connection, a mirror for each market. */
import { signal, type Signal } from '@preact/signals';
import type { DepthDelta, DepthSnapshot, WireTrade } from '../api/wire';
import { applyDelta, bookOf, type Book } from './book';
import { lostSince, type Health } from './health';
import { openLine, socketUrl, type Line } from './line';

export interface MarketId {
  event_id: number;
  market_id: number;
}

export interface Watched {
  book: Signal<Book | null>;
  health: Signal<Health>;
  stop(): void;
}

interface Watch {
  market: MarketId;
  book: Signal<Book | null>;
  health: Signal<Health>;
  traded: (trades: WireTrade[]) => void;
  began: () => void;
}

type Message =
  | DepthSnapshot
  | DepthDelta
  | ({ type: 'subscribe_error'; code: string; detail: string } & Partial<MarketId>)
  | { type: 'connected' | 'subscribed' | 'unsubscribed' | 'pong' | 'error' };

const REPEAT_MS = 1_000;
const AGAIN = new Set(['HISTORY_BEHIND', 'STORE_UNAVAILABLE']);

const watches = new Map<string, Watch>();
let line: Line | null = null;

/**
 * Follow a market until `stop`.
 *
 * `traded` hears of every trade while the feed is whole; `began` is called with each snapshot, behind
 * which trades may have been missed.
 */
export function watchMarket(
  market: MarketId,
  heard: { traded: (trades: WireTrade[]) => void; began: () => void },
): Watched {
  const key = keyOf(market);
  const watch: Watch = {
    market,
    book: signal<Book | null>(null),
    health: signal<Health>({ kind: 'connecting' }),
    ...heard,
  };
  watches.set(key, watch);
  if (line) subscribe(line, watch);
  else line = openLine(socketUrl('/depth'), { opened, heard: hear, lost });
  return {
    book: watch.book,
    health: watch.health,
    stop() {
      if (watches.get(key) !== watch) return;
      watches.delete(key);
      line?.send({ action: 'unsubscribe', ...market });
      if (watches.size === 0) {
        line?.close();
        line = null;
      }
    },
  };
}

const keyOf = (market: MarketId): string => `${market.event_id}/${market.market_id}`;

const subscribe = (to: Line, watch: Watch): void => to.send({ action: 'subscribe', ...watch.market });

function opened(to: Line): void {
  for (const watch of watches.values()) subscribe(to, watch);
}

function lost(heardMs: number): void {
  for (const watch of watches.values()) watch.health.value = lostSince(watch.health.value, Date.now(), heardMs);
}

function hear(said: unknown, from: Line): void {
  const message = said as Message;
  if (message.type === 'snapshot') {
    const watch = watches.get(keyOf(message));
    if (!watch) return;
    watch.book.value = bookOf(message);
    watch.health.value = { kind: 'live' };
    watch.began();
  } else if (message.type === 'delta') {
    const watch = watches.get(keyOf(message));
    if (!watch?.book.value || watch.health.value.kind !== 'live') return;
    const applied = applyDelta(watch.book.value, message);
    if (applied.kind === 'gap') {
      watch.health.value = lostSince(watch.health.value, Date.now());
      from.send({ action: 'snapshot', ...watch.market });
    } else if (applied.kind === 'applied') {
      watch.book.value = applied.book;
      if (message.trades?.length) watch.traded(message.trades);
    }
  } else if (message.type === 'subscribe_error') {
    const watch = watches.get(keyOf(message as MarketId));
    if (!watch) return;
    if (AGAIN.has(message.code)) setTimeout(() => line && subscribe(line, watch), REPEAT_MS);
    else watch.health.value = { kind: 'refused', detail: message.detail };
  }
}
