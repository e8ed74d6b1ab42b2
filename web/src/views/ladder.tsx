/** The ladders of both outcomes, live: what is offered and asked for, best in the middle. */
import type { WireMarket, WireToken } from '../api/wire';
import { alignedPrice, alignedQuantity, showMoney, showPrice, wirePrice } from '../amounts/units';
import { cumulated, NO_LEVELS, type Book, type Level } from '../feeds/book';

const LEVELS = 8;

interface LaddersProps {
  market: WireMarket;
  chosen: string;
  choose: (tokenId: string) => void;
  book: Book | null;
  isLive: boolean;
  take: (tokenId: string, price: string) => void;
}

export function Ladders({ market, chosen, choose, book, isLive, take }: LaddersProps) {
  return (
    <section class={`panel ladders ${isLive ? '' : 'stale'}`} aria-labelledby="ladder-title">
      <h2 id="ladder-title">Order book</h2>
      <div class="ladder-switch" role="group" aria-label="Outcome of the order book">
        {market.tokens.map((token, index) => (
          <button
            key={token.token_id}
            type="button"
            class={`small o${index}`}
            aria-pressed={token.token_id === chosen}
            onClick={() => choose(token.token_id)}
          >
            {token.outcome}
          </button>
        ))}
      </div>
      <div class="ladder-pair" onKeyDown={moveAmongPrices}>
        {market.tokens.map((token, index) => (
          <Ladder
            key={token.token_id}
            token={token}
            index={index}
            isChosen={token.token_id === chosen}
            bids={(book?.tokens[token.token_id] ?? NO_LEVELS).bids}
            asks={(book?.tokens[token.token_id] ?? NO_LEVELS).asks}
            take={take}
          />
        ))}
      </div>
    </section>
  );
}

interface LadderProps {
  token: WireToken;
  index: number;
  isChosen: boolean;
  bids: readonly Level[];
  asks: readonly Level[];
  take: (tokenId: string, price: string) => void;
}

function Ladder({ token, index, isChosen, bids, asks, take }: LadderProps) {
  const shownAsks = asks.slice(0, LEVELS);
  const shownBids = bids.slice(0, LEVELS);
  const askSums = cumulated(shownAsks);
  const bidSums = cumulated(shownBids);
  const most = [askSums.at(-1) ?? 0n, bidSums.at(-1) ?? 0n].reduce((a, b) => (a > b ? a : b));
  const bestAsk = asks[0];
  const bestBid = bids[0];
  return (
    <table class={`ladder ${isChosen ? 'chosen' : ''}`} data-testid={`ladder-${token.token_id}`}>
      <caption class={`o${index}`}>{token.outcome}</caption>
      <thead>
        <tr>
          <th scope="col">Price</th>
          <th scope="col">Shares</th>
          <th scope="col">Money</th>
        </tr>
      </thead>
      <tbody class="asks" aria-label={`Offers to sell ${token.outcome}`}>
        {shownAsks.length === 0 && <NoLevels text="Nobody sells" />}
        {shownAsks
          .map((level, at) => (
            <Row
              key={String(level.price)}
              level={level}
              sum={askSums[at] ?? 0n}
              most={most}
              name={`${token.outcome}, offered at`}
              isBest={at === 0}
              take={() => take(token.token_id, wirePrice(level.price))}
            />
          ))
          .reverse()}
      </tbody>
      <tbody>
        <tr class="spread">
          <td colSpan={3}>
            {bestAsk && bestBid ? `Spread ${showPrice(bestAsk.price - bestBid.price)}` : 'No spread'}
          </td>
        </tr>
      </tbody>
      <tbody class="bids" aria-label={`Bids for ${token.outcome}`}>
        {shownBids.length === 0 && <NoLevels text="Nobody buys" />}
        {shownBids.map((level, at) => (
          <Row
            key={String(level.price)}
            level={level}
            sum={bidSums[at] ?? 0n}
            most={most}
            name={`${token.outcome}, bid at`}
            isBest={at === 0}
            take={() => take(token.token_id, wirePrice(level.price))}
          />
        ))}
      </tbody>
    </table>
  );
}

const NoLevels = ({ text }: { text: string }) => (
  <tr class="none">
    <td colSpan={3}>{text}</td>
  </tr>
);

interface RowProps {
  level: Level;
  sum: bigint;
  most: bigint;
  name: string;
  isBest: boolean;
  take: () => void;
}

function Row({ level, sum, most, name, isBest, take }: RowProps) {
  const part = most > 0n ? Number((sum * 100n) / most) : 0;
  return (
    <tr style={{ '--part': `${part}%` }}>
      <th scope="row">
        <button
          type="button"
          class="price"
          tabIndex={isBest ? 0 : -1}
          aria-label={`${name} ${alignedPrice(level.price)}: use this price`}
          onClick={take}
        >
          {alignedPrice(level.price)}
        </button>
      </th>
      <td>{alignedQuantity(level.quantity)}</td>
      <td>{showMoney(roundedDown(level.size))}</td>
    </tr>
  );
}

/** Money at a level is shown to the hundredth. */
const roundedDown = (micros: bigint): bigint => (micros / 10_000n) * 10_000n;

/** Only the best prices are stops of the tab key; arrows go on from there. */
function moveAmongPrices(event: KeyboardEvent): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const here = event.target as HTMLElement;
  if (!here.matches('.price')) return;
  const all = [...(here.closest('table')?.querySelectorAll<HTMLElement>('.price') ?? [])];
  const next = all[all.indexOf(here) + (event.key === 'ArrowDown' ? 1 : -1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
