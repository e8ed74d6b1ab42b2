/** What an order would cost, bring and pay at the prices of now; the rules of the engine, exactly. */
import { amountOf, divideUp, ONE, showDecimal } from './units';

/** Levels of one token as a taker meets them, best first; ticks and lots. */
export interface Offer {
  price: bigint;
  quantity: bigint;
}

export interface Fees {
  kind: 'linear' | 'quadratic';
  maker: bigint;
  taker: bigint;
}

export interface LimitTerms {
  kind: 'limit';
  side: 'buy' | 'sell';
  price: bigint;
  quantity: bigint;
  /** Whether what does not trade at once rests. */
  rests: boolean;
}

export interface MarketSale {
  kind: 'market';
  side: 'sell';
  quantity: bigint;
  worst: bigint;
}

export interface MarketPurchase {
  kind: 'market';
  side: 'buy';
  volume: bigint;
  worst: bigint;
}

export type Terms = LimitTerms | MarketSale | MarketPurchase;

/** Lots and micros. */
export interface Estimate {
  /** What trades at once, what it costs or brings without fees, and its fees. */
  filled: bigint;
  amount: bigint;
  fee: bigint;
  /** Mean price of what trades at once, in millionths, rounded down; null if nothing does. */
  average: bigint | null;
  /** What is left: it rests, or is cancelled. */
  left: bigint;
  /** What is set aside for what rests of a purchase: its cost and its highest fee. */
  setAside: bigint;
  /** All that a purchase can cost, fees included; 0 for a sale. */
  cost: bigint;
  /** What a sale brings at once, less fees; 0 for a purchase. */
  proceeds: bigint;
  /** What the shares of a purchase are paid if the outcome is right, resting ones included. */
  payout: bigint;
}

/** Exact fee of a fill in 10^-10 micros. */
function exactFee(fees: Fees | null, rate: 'maker' | 'taker', price: bigint, quantity: bigint): bigint {
  if (!fees) return 0n;
  const other = ONE - price;
  const base = fees.kind === 'linear' ? (price < other ? price : other) * ONE : price * other;
  return fees[rate] * base * quantity;
}

const FEE_SCALE = 10n ** 10n;

/** The fee of one order after all its fills: rounded up once. */
const charged = (exact: bigint): bigint => divideUp(exact, FEE_SCALE);

/** What the order *terms* would do on *offers*, which are the best first. */
export function estimate(terms: Terms, offers: readonly Offer[], fees: Fees | null): Estimate {
  const limit = terms.kind === 'limit' ? terms.price : terms.worst;
  const takes = (price: bigint) => (terms.side === 'buy' ? price <= limit : price >= limit);
  const budget = 'volume' in terms ? terms.volume : null;
  let wanted = 'volume' in terms ? null : terms.quantity;
  let filled = 0n;
  let amount = 0n;
  let exact = 0n;
  for (const offer of offers) {
    if (!takes(offer.price) || wanted === 0n) break;
    let quantity = wanted === null || offer.quantity < wanted ? offer.quantity : wanted;
    if (budget !== null) {
      quantity = fitting(offer.price, quantity, budget - amount, exact, fees);
      if (quantity === 0n) break;
    }
    filled += quantity;
    amount += amountOf(offer.price, quantity);
    exact += exactFee(fees, 'taker', offer.price, quantity);
    if (wanted !== null) wanted -= quantity;
    if (quantity < offer.quantity) break;
  }
  const left = wanted ?? 0n;
  const resting = terms.kind === 'limit' && terms.rests ? left : 0n;
  const fee = charged(exact);
  let setAside = 0n;
  if (terms.side === 'buy' && resting > 0n) {
    const highest = charged(exact + exactFee(fees, 'maker', limit, resting)) - fee;
    setAside = amountOf(limit, resting) + highest;
  }
  const isPurchase = terms.side === 'buy';
  return {
    filled,
    amount,
    fee,
    average: filled > 0n ? (amount * 100n) / filled : null,
    left,
    setAside,
    cost: isPurchase ? amount + fee + setAside : 0n,
    proceeds: isPurchase ? 0n : amount - fee,
    payout: isPurchase ? amountOf(ONE, filled + resting) : 0n,
  };
}

/** The most lots up to *most* at *price* whose amount and fee fit into *money*. */
function fitting(price: bigint, most: bigint, money: bigint, exact: bigint, fees: Fees | null): bigint {
  const fits = (lots: bigint) =>
    amountOf(price, lots) + charged(exact + exactFee(fees, 'taker', price, lots)) <= money;
  let low = 0n;
  let high = most < money / price ? most : money / price;
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    if (fits(middle)) low = middle;
    else high = middle - 1n;
  }
  return low;
}

/** What the engine asks of a balance before it takes a limit purchase, at most. */
export function neededFor(terms: Terms, fees: Fees | null): bigint {
  if (terms.side === 'sell') return 0n;
  if ('volume' in terms) return terms.volume;
  if (terms.kind !== 'limit') return 0n;
  const rate = fees && fees.maker > fees.taker ? 'maker' : 'taker';
  return amountOf(terms.price, terms.quantity) + charged(exactFee(fees, rate, terms.price, terms.quantity));
}

/** Parts per million as percent, for people. */
export const showRate = (ppm: bigint): string => `${showDecimal(ppm, 4)}%`;
