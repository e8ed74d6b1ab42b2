/** What events, markets and outcomes are called. */
import type { WireEvent, WireMarket, WireOrder } from '../api/wire';

export const eventName = (event: WireEvent): string => event.title || `Event ${event.event_id}`;

/**
 * A market within its event: the exchange has no names for markets.
 *
 * Its first outcome says what it is about, unless that is just Yes; else what its tokens' ids have in common.
 */
export function marketName(event: WireEvent, market: WireMarket): string {
  const many = Object.keys(event.markets).length > 1;
  if (!many && event.title) return event.title;
  const outcome = market.tokens[0]?.outcome ?? '';
  if (many && outcome && outcome.toLowerCase() !== 'yes') return outcome;
  const [first = '', second = ''] = market.tokens.map((token) => token.token_id);
  let shared = 0;
  while (shared < first.length && first[shared] === second[shared]) shared++;
  const stem = first.slice(0, shared).replace(/[-_.:]+$/, '');
  return stem.length >= 3 ? `Market ${market.market_id}: ${stem}` : `Market ${market.market_id}`;
}

const STATES = {
  open: 'Open',
  paused: 'Paused',
  closed: 'Closed',
  resolved: 'Resolved',
  void: 'Void',
} as const;

export const stateName = (state: WireMarket['state']): string => STATES[state];

export function orderKind(order: WireOrder): string {
  if (order.type === 'market') return 'Market';
  const kind = order.time_in_force === 'gtc' ? 'Limit' : `Limit, ${order.time_in_force.toUpperCase()}`;
  return order.post_only ? `${kind}, post-only` : kind;
}

export function timeLeft(endDate: string | null, nowMs: number): string {
  if (endDate === null) return 'No end date';
  const left = Date.parse(endDate) - nowMs;
  if (left <= 0) return 'Ended';
  const minutes = Math.floor(left / 60_000);
  if (minutes < 60) return `Ends in ${minutes + 1} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `Ends in ${hours} h`;
  return `Ends ${new Date(endDate).toLocaleDateString([], { day: 'numeric', month: 'short', year: 'numeric' })}`;
}
