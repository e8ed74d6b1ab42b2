/** Own positions with average price and profit, at the last prices. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Page, WireEvent, WirePosition } from '../api/wire';
import {
  amountOf,
  readMoney,
  readPrice,
  readQuantity,
  showDecimal,
  shortMoney,
  shortProfit,
  showMoney,
  showPrice,
  showProfit,
  showQuantity,
  parseDecimal,
} from '../amounts/units';
import { askAsUser, ownChanges, signedIn } from '../app/session';
import type { Book } from '../feeds/book';
import { MarketLink } from './market_link';
import { useResource } from './resource';

const REFRESH_MS = 15_000;
const SETTLING_MS = 250;

interface MyPositionsProps {
  eventId: number;
  marketId: number;
  book: Book | null;
  events: readonly WireEvent[];
}

/** What the user has in one market. */
export function MyPositions({ eventId, marketId, book, events }: MyPositionsProps) {
  const turn = useSettled(ownChanges.value);
  const { data, error } = useResource(
    `positions ${signedIn.value?.userId} ${eventId} ${marketId}`,
    (signal) =>
      askAsUser<Page<WirePosition>>('GET', '/positions', {
        query: { event_id: eventId, market_id: marketId },
        signal,
      }),
    REFRESH_MS,
    turn,
  );
  return (
    <section class="panel" aria-labelledby="positions-title">
      <h2 id="positions-title">My position</h2>
      {error && <p class="warning">{error}</p>}
      <PositionTable positions={data?.items ?? null} events={events} book={book} />
    </section>
  );
}

interface PositionTableProps {
  /** Null while they are read. */
  positions: readonly WirePosition[] | null;
  events: readonly WireEvent[];
  /** Live prices, where there are some. */
  book?: Book | null;
  isOfAll?: boolean;
}

export function PositionTable({ positions, events, book, isOfAll = false }: PositionTableProps) {
  if (!positions?.length) return <p class="empty">{positions ? 'No shares held.' : 'Loading…'}</p>;
  return (
    <table class="wide">
      <thead>
        <tr>
          {isOfAll && <th scope="col">Market</th>}
          <th scope="col" class="text">Outcome</th>
          <th scope="col">Shares</th>
          <th scope="col">Average</th>
          <th scope="col">Price</th>
          <th scope="col">Value</th>
          <th scope="col">Open profit</th>
          <th scope="col">Taken profit</th>
        </tr>
      </thead>
      <tbody>
        {positions.map((position) => (
          <PositionRow
            key={`${position.event_id}/${position.token_id}`}
            position={position}
            live={book?.tokens[position.token_id]?.last ?? null}
            events={events}
            isOfAll={isOfAll}
          />
        ))}
      </tbody>
    </table>
  );
}

interface PositionRowProps {
  position: WirePosition;
  live: bigint | null;
  events: readonly WireEvent[];
  isOfAll: boolean;
}

function PositionRow({ position, live, events, isOfAll }: PositionRowProps) {
  const isAnswered = position.state === 'resolved' || position.state === 'void';
  const told = position.mark_price === null ? null : readPrice(position.mark_price);
  const mark = isAnswered ? told : (live ?? told);
  const quantity = readQuantity(position.quantity);
  const value = mark === null ? null : amountOf(mark, quantity);
  const open = value === null ? null : value - readMoney(position.cost);
  const taken = readMoney(position.realised_profit);
  const frozen = readQuantity(position.frozen);
  return (
    <tr data-testid={`position-${position.token_id}`}>
      {isOfAll && (
        <td data-label="Market">
          <MarketLink events={events} of={position} />
        </td>
      )}
      <th scope="row" data-label="Outcome" class="text">
        {position.outcome}
      </th>
      <td data-label="Shares">
        {showQuantity(quantity)}
        {frozen > 0n && <span class="soft"> ({showQuantity(frozen)} in orders)</span>}
      </td>
      <td data-label="Average">{averageText(position.average_price)}</td>
      <td data-label="Price">{mark === null ? '–' : showPrice(mark)}</td>
      <td data-label="Value" title={value === null ? undefined : showMoney(value)}>{value === null ? '–' : shortMoney(value)}</td>
      <td data-label="Open profit" class={toneOf(open)} title={open === null ? undefined : showProfit(open)}>
        {open === null ? '–' : shortProfit(open)}
      </td>
      <td data-label="Taken profit" class={toneOf(taken)} title={showProfit(taken)}>
        {shortProfit(taken)}
      </td>
    </tr>
  );
}

function averageText(text: string | null): string {
  const millionths = text === null ? null : parseDecimal(text, 6);
  return millionths === null ? '–' : showDecimal((millionths + 50n) / 100n, 4, 2);
}

const toneOf = (profit: bigint | null): string => (profit === null || profit === 0n ? '' : profit > 0n ? 'gain' : 'loss');

/** *value*, a moment after it changed: a fill comes as several changes. */
export function useSettled(value: number): number {
  const [settled, setSettled] = useState(value);
  const newest = useRef(value);
  newest.current = value;
  const isBehind = settled !== value;
  useEffect(() => {
    if (!isBehind) return undefined;
    const timer = setTimeout(() => setSettled(newest.current), SETTLING_MS);
    return () => clearTimeout(timer);
  }, [isBehind, settled]);
  return settled;
}
