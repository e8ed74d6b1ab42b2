/** Exact amounts: decimals of the wire as integers (ticks, lots, micros) and back. */

export const PRICE_DIGITS = 4;
export const QUANTITY_DIGITS = 2;
export const MONEY_DIGITS = 6;

/** Ticks in the payout of one share. */
export const ONE = 10_000n;
/** The bounds of every price, in ticks. */
export const PRICE_MIN = 10n;
export const PRICE_MAX = 9_990n;

const DECIMAL = /^(-?)(\d{1,13})(?:\.(\d+))?$/;

/** The integer that *text* is with *digits* after the point; null where it is no such decimal. */
export function parseDecimal(text: string, digits: number): bigint | null {
  const found = DECIMAL.exec(text);
  if (!found) return null;
  const [, sign, whole, part = ''] = found;
  if (part.length > digits) return null;
  const value = BigInt(whole + part.padEnd(digits, '0'));
  return sign ? -value : value;
}

/** What the exchange said, which is a decimal by its contract. */
function read(text: string, digits: number): bigint {
  const value = parseDecimal(text, digits);
  if (value === null) throw new Error(`the exchange said ${JSON.stringify(text)}, which is no amount`);
  return value;
}

export const readPrice = (text: string): bigint => read(text, PRICE_DIGITS);
export const readQuantity = (text: string): bigint => read(text, QUANTITY_DIGITS);
export const readMoney = (text: string): bigint => read(text, MONEY_DIGITS);

/** The decimal of *value*: no zeros at its end but those that *digitsMin* asks for. */
export function showDecimal(value: bigint, digits: number, digitsMin = 0): string {
  const sign = value < 0n ? '-' : '';
  const text = (value < 0n ? -value : value).toString().padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  const part = text.slice(text.length - digits).replace(/0+$/, '').padEnd(digitsMin, '0');
  return part ? `${sign}${whole}.${part}` : `${sign}${whole}`;
}

export const showPrice = (ticks: bigint): string => showDecimal(ticks, PRICE_DIGITS, 2);
/** As columns have them: all digits, so that the points are below each other. */
export const alignedPrice = (ticks: bigint): string => showDecimal(ticks, PRICE_DIGITS, PRICE_DIGITS);
export const alignedQuantity = (lots: bigint): string =>
  grouped(showDecimal(lots, QUANTITY_DIGITS, QUANTITY_DIGITS));
export const showQuantity = (lots: bigint): string => grouped(showDecimal(lots, QUANTITY_DIGITS));
export const showMoney = (micros: bigint): string => grouped(showDecimal(micros, MONEY_DIGITS, 2));

const CENT = 10_000n;

/** Money to the hundredth, the rest left away: for what is looked at, not for what is paid. */
export const shortMoney = (micros: bigint): string => showMoney((micros / CENT) * CENT);
export const shortProfit = (micros: bigint): string => showProfit((micros / CENT) * CENT);

/** Money with its sign always said, as profits are. */
export const showProfit = (micros: bigint): string =>
  (micros > 0n ? '+' : micros < 0n ? '−' : '') + showMoney(micros < 0n ? -micros : micros);

/** As the exchange takes it. */
export const wirePrice = (ticks: bigint): string => showDecimal(ticks, PRICE_DIGITS);
export const wireQuantity = (lots: bigint): string => showDecimal(lots, QUANTITY_DIGITS);
export const wireMoney = (micros: bigint): string => showDecimal(micros, MONEY_DIGITS);

/** A price as a chance in whole percent, halves up; never 0 or 100, which no price is. */
export function showChance(ticks: bigint): string {
  if (ticks < 100n) return '<1%';
  if (ticks > 9_900n) return '>99%';
  return `${(ticks + 50n) / 100n}%`;
}

/** What *lots* cost at *ticks*: exactly micros. */
export const amountOf = (ticks: bigint, lots: bigint): bigint => ticks * lots;

/** Divides and rounds up; both are positive. */
export const divideUp = (value: bigint, by: bigint): bigint => (value + by - 1n) / by;

function grouped(text: string): string {
  const [whole = '', part] = text.split('.');
  const spaced = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return part === undefined ? spaced : `${spaced}.${part}`;
}
