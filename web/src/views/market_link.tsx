/** Which market something of the user is in. */
import type { WireEvent } from '../api/wire';
import { eventName } from '../app/names';
import { marketAddress } from '../app/route';

interface InMarket {
  event_id: number;
  market_id: number;
  token_id: string;
}

export function outcomeName(events: readonly WireEvent[], order: InMarket): string {
  const event = events.find((one) => one.event_id === order.event_id);
  const tokens = event?.markets[String(order.market_id)]?.tokens;
  return tokens?.find((token) => token.token_id === order.token_id)?.outcome ?? order.token_id;
}

export function MarketLink({ events, of }: { events: readonly WireEvent[]; of: InMarket }) {
  const event = events.find((one) => one.event_id === of.event_id);
  const name = event ? eventName(event) : `Event ${of.event_id}`;
  const isOne = event !== undefined && Object.keys(event.markets).length === 1;
  return (
    <a href={marketAddress(of.event_id, of.market_id, of.token_id)}>
      {isOne ? name : `${name}, market ${of.market_id}`}
    </a>
  );
}
