/** What is typed into the order ticket, read: the order that it is, or what is wrong beside which field; pure. */
import {
  ONE,
  parseDecimal,
  PRICE_DIGITS,
  PRICE_MAX,
  PRICE_MIN,
  QUANTITY_DIGITS,
  MONEY_DIGITS,
  showPrice,
  wireMoney,
  wirePrice,
  wireQuantity,
} from '../amounts/units';
import type { Offer, Terms } from '../amounts/estimate';
import type { NewOrder, Side, TimeInForce } from '../api/wire';

export interface Draft {
  side: Side;
  kind: 'limit' | 'market';
  price: string;
  quantity: string;
  /** Money of a market purchase. */
  volume: string;
  /** The worst price of a market order; empty for one near the prices of now. */
  worst: string;
  timeInForce: TimeInForce;
  /** As `datetime-local` has it. */
  expires: string;
  postOnly: boolean;
}

export type Field = 'price' | 'quantity' | 'volume' | 'worst' | 'expires';
export type Problems = Partial<Record<Field | 'form', string>>;

export interface DraftRead {
  /** Null while something is missing or wrong. */
  terms: Terms | null;
  problems: Problems;
  /** The fields of the order but its id and its symbol. */
  order: Omit<NewOrder, 'client_order_id' | 'event_id' | 'market_id' | 'token_id'> | null;
}

/** By how many ticks a market order may get worse than the prices of now. */
export const SLIP_TICKS = 200n;

export function readDraft(draft: Draft, tickSize: bigint, offers: readonly Offer[], nowMs: number): DraftRead {
  const problems: Problems = {};
  if (draft.kind === 'market') return readMarket(draft, offers, problems);
  const price = readPriceField(draft.price, problems, 'price');
  if (price !== null && price % tickSize !== 0n) {
    problems.price = `Prices here are multiples of ${showPrice(tickSize)}.`;
  }
  const quantity = readPositive(draft.quantity, QUANTITY_DIGITS, 'shares', problems, 'quantity');
  let expires: number | undefined;
  if (draft.timeInForce === 'gtd') {
    expires = Date.parse(draft.expires);
    if (Number.isNaN(expires)) problems.expires = 'Say until when.';
    else if (expires <= nowMs) problems.expires = 'This is in the past.';
  }
  const isWrong = Object.keys(problems).length > 0;
  if (price === null || quantity === null || isWrong) return { terms: null, problems, order: null };
  const mayRest = draft.timeInForce === 'gtc' || draft.timeInForce === 'gtd';
  return {
    terms: { kind: 'limit', side: draft.side, price, quantity, rests: mayRest },
    problems,
    order: {
      side: draft.side,
      type: 'limit',
      price: wirePrice(price),
      quantity: wireQuantity(quantity),
      time_in_force: draft.timeInForce,
      ...(expires === undefined ? {} : { expires_at_ms: expires }),
      ...(draft.postOnly && mayRest ? { post_only: true } : {}),
    },
  };
}

function readMarket(draft: Draft, offers: readonly Offer[], problems: Problems): DraftRead {
  const asked = draft.worst.trim() === '' ? null : readPriceField(draft.worst, problems, 'worst');
  if (draft.side === 'buy') {
    const volume = readPositive(draft.volume, MONEY_DIGITS, 'money', problems, 'volume');
    if (volume === null || problems.worst) return { terms: null, problems, order: null };
    const worst = asked ?? worstOf('buy', offers, (offer, left) => left - offer.price * offer.quantity, volume);
    return {
      terms: { kind: 'market', side: 'buy', volume, worst },
      problems,
      order: { side: 'buy', type: 'market', volume: wireMoney(volume), price: wirePrice(worst) },
    };
  }
  const quantity = readPositive(draft.quantity, QUANTITY_DIGITS, 'shares', problems, 'quantity');
  if (quantity === null || problems.worst) return { terms: null, problems, order: null };
  const worst = asked ?? worstOf('sell', offers, (offer, left) => left - offer.quantity, quantity);
  return {
    terms: { kind: 'market', side: 'sell', quantity, worst },
    problems,
    order: { side: 'sell', type: 'market', quantity: wireQuantity(quantity), price: wirePrice(worst) },
  };
}

/** The last price that is reached now, and a little beyond. */
function worstOf(
  side: Side,
  offers: readonly Offer[],
  take: (offer: Offer, left: bigint) => bigint,
  wanted: bigint,
): bigint {
  let left = wanted;
  let reached: bigint | null = null;
  for (const offer of offers) {
    if (left <= 0n) break;
    reached = offer.price;
    left = take(offer, left);
  }
  if (reached === null) return side === 'buy' ? PRICE_MAX : PRICE_MIN;
  const worst = side === 'buy' ? reached + SLIP_TICKS : reached - SLIP_TICKS;
  return worst < PRICE_MIN ? PRICE_MIN : worst > PRICE_MAX ? PRICE_MAX : worst;
}

/** `1,000` is a thousand to some and one to others. */
const EITHER = /^([1-9]\d{0,2}),(\d{3})$/;
/** As this page groups digits itself; what is `EITHER` is not taken to be. */
const GROUPED = /^[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/;

/** People write `.68`, `0,68` and `1,234.5`; only what is meant one way is taken. */
export function plain(text: string): string {
  const typed = text.trim();
  if (EITHER.test(typed)) return typed;
  const tidy = GROUPED.test(typed) ? typed.replaceAll(',', '') : typed.replace(',', '.');
  return tidy.startsWith('.') ? `0${tidy}` : tidy.endsWith('.') ? tidy.slice(0, -1) : tidy;
}

function wrongAmount(text: string, digits: number, what: string): string {
  const either = EITHER.exec(text.trim());
  if (either) return `Write ${either[1]}${either[2]} or ${either[1]}.${either[2]}: a comma may mean either.`;
  return `Write an amount of ${what}: more than 0, with at most 13 digits before the point and ${digits} after it.`;
}

function readPriceField(text: string, problems: Problems, field: 'price' | 'worst'): bigint | null {
  if (text.trim() === '') return null;
  const price = parseDecimal(plain(text), PRICE_DIGITS);
  if (price === null || price < PRICE_MIN || price > PRICE_MAX) {
    problems[field] = `A price is between ${showPrice(PRICE_MIN)} and ${showPrice(ONE - PRICE_MIN)}, with at most 4 digits after the point.`;
    return null;
  }
  return price;
}

function readPositive(
  text: string,
  digits: number,
  what: string,
  problems: Problems,
  field: 'quantity' | 'volume',
): bigint | null {
  if (text.trim() === '') return null;
  const value = parseDecimal(plain(text), digits);
  if (value === null || value <= 0n) {
    problems[field] = wrongAmount(text, digits, what);
    return null;
  }
  return value;
}

const FIELD_OF_CODE: Record<string, Field> = {
  INVALID_PRICE: 'price',
  INVALID_TICK: 'price',
  POST_ONLY_WOULD_TRADE: 'price',
  INVALID_QUANTITY: 'quantity',
  FOK_NOT_FILLABLE: 'quantity',
  INSUFFICIENT_BALANCE: 'quantity',
  INVALID_VOLUME: 'volume',
  INVALID_EXPIRY: 'expires',
};

const FIELD_OF_NAME: Record<string, Field> = {
  price: 'price',
  quantity: 'quantity',
  volume: 'volume',
  expires_at_ms: 'expires',
};

/** Beside which field of *draft* a problem of the exchange belongs. */
export function fieldOf(draft: Draft, code: string, name: string | null): Field | 'form' {
  const field = FIELD_OF_NAME[name ?? ''] ?? FIELD_OF_CODE[code];
  if (field === undefined) return 'form';
  if (draft.kind === 'market') {
    if (field === 'price') return 'worst';
    if (field === 'quantity' && draft.side === 'buy') return 'volume';
    return field === 'expires' ? 'form' : field;
  }
  if (field === 'expires' && draft.timeInForce !== 'gtd') return 'form';
  return field === 'volume' ? 'quantity' : field;
}
