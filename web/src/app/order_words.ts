/** Orders in words: what became of one, and why it was refused. */
import type { NewOrder, PlacedOrder, Side } from '../api/wire';
import { readPrice, readQuantity, showPrice, showQuantity } from '../amounts/units';
import { isUnknown, told, type Problem } from '../api/problem';

export function refusalInWords(problem: Problem, side: Side): string {
  if (problem.code !== 'INSUFFICIENT_BALANCE') return told(problem);
  return side === 'buy' ? 'Refused: you have less cash available.' : 'Refused: you have fewer shares available.';
}

export function outcomeInWords(placed: PlacedOrder | null, outcome: string): string {
  if (!placed) return 'The order was accepted.';
  const { order } = placed;
  const verb = order.side === 'buy' ? 'Bought' : 'Sold';
  const filled = readQuantity(order.filled_quantity);
  const average = order.average_price ? ` at ${order.average_price}` : '';
  if (order.status === 'filled') return `${verb} ${showQuantity(filled)} ${outcome}${average}.`;
  if (order.status === 'cancelled') {
    return filled > 0n
      ? `${verb} ${showQuantity(filled)} ${outcome}${average}; the rest was cancelled.`
      : 'Nothing could be taken: the order was cancelled.';
  }
  const rest = `${showQuantity(readQuantity(order.remaining_quantity))} ${outcome} wait at ${showPrice(readPrice(order.price))}`;
  return filled > 0n ? `${verb} ${showQuantity(filled)} ${outcome}${average}; ${rest}.` : `Order accepted: ${rest}.`;
}

/** What was asked for. */
export function orderInWords(order: NewOrder, outcome: string): string {
  if (order.volume !== undefined) return `Buy ${outcome} for ${order.volume}, at ${order.price} at most`;
  if (order.type === 'market') return `Sell ${order.quantity} ${outcome}, at ${order.price} at least`;
  return `${order.side === 'buy' ? 'Buy' : 'Sell'} ${order.quantity} ${outcome} at ${order.price}`;
}

/** Why a cancel was not answered as done, which is not to say that it was not. */
export const cancelInWords = (error: unknown): string =>
  isUnknown(error) ? `It is not known whether it was cancelled. ${told(error)}` : `Not cancelled: ${told(error)}`;

/** The same of a change. */
export const changeInWords = (error: unknown): string =>
  isUnknown(error) ? `It is not known whether it was changed. ${told(error)}` : told(error);
