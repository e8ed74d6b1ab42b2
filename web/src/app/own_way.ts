/** Whether an order would meet an own one, with which nobody trades; pure. */
import { estimate, type Fees, type Offer, type Terms } from '../amounts/estimate';
import { ONE, readPrice } from '../amounts/units';
import type { WireOrder } from '../api/wire';

/**
 * The price of an own order that one of *terms* would come to, with *offers* before it; null if there is none.
 *
 * What others offer at the same price may come first: this is said too often rather than too rarely.
 */
export function ownOrderMet(
  orders: readonly WireOrder[],
  tokenId: string,
  terms: Terms,
  offers: readonly Offer[],
  fees: Fees | null,
): bigint | null {
  const price = ownInTheWay(orders, tokenId, terms);
  if (price === null) return null;
  const better = offers.filter((offer) => (terms.side === 'buy' ? offer.price < price : offer.price > price));
  const before = estimate(terms, better, fees);
  const goesOn = 'volume' in terms ? terms.volume - before.cost >= price : before.left > 0n;
  return goesOn ? price : null;
}

/**
 * The price, in terms of *tokenId*, of the best of *orders* that an order of *terms* would meet.
 *
 * *orders* are own open ones of one market; those for its other token are met as well: who buys one at p
 * sells the other at 1 - p.
 */
export function ownInTheWay(orders: readonly WireOrder[], tokenId: string, terms: Terms): bigint | null {
  const limit = terms.kind === 'limit' ? terms.price : terms.worst;
  let best: bigint | null = null;
  for (const order of orders) {
    const isSame = order.token_id === tokenId;
    const isOffer = isSame === (order.side === 'sell');
    if (isOffer !== (terms.side === 'buy')) continue;
    const told = readPrice(order.price);
    const price = isSame ? told : ONE - told;
    if (terms.side === 'buy' ? price > limit : price < limit) continue;
    if (best === null || (terms.side === 'buy' ? price < best : price > best)) best = price;
  }
  return best;
}
