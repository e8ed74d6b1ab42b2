/** Amounts are exact both ways. */
import { describe, expect, test } from 'vitest';
import {
  parseDecimal,
  PRICE_DIGITS,
  readMoney,
  readPrice,
  readQuantity,
  shortMoney,
  showChance,
  showDecimal,
  showMoney,
  showPrice,
  showProfit,
  showQuantity,
  wireMoney,
  wirePrice,
  wireQuantity,
} from '../src/amounts/units';

describe('reading', () => {
  test.each([
    ['0.5', 4, 5000n],
    ['0.0001', 4, 1n],
    ['1', 4, 10000n],
    ['9007199254740.993001', 6, 9007199254740993001n],
    ['-1.5', 6, -1500000n],
    ['007', 2, 700n],
  ])('%s with %i digits is %s', (text, digits, value) => {
    expect(parseDecimal(text, digits)).toBe(value);
  });

  test.each(['', '.', '1.', '.5', '1e3', '0x1', ' 1', '1,5', '+1', '--1', '0.12345', 'NaN', '12345678901234'])(
    '%j is no price',
    (text) => {
      expect(parseDecimal(text, PRICE_DIGITS)).toBeNull();
    },
  );

  test('what the exchange says and is no amount is not taken for one', () => {
    expect(() => readPrice('0.50000')).toThrow();
    expect(() => readQuantity('1.005')).toThrow();
    expect(() => readMoney('much')).toThrow();
  });
});

test('every price is read back as it is sent', () => {
  for (let ticks = 10n; ticks <= 9990n; ticks++) {
    expect(readPrice(wirePrice(ticks))).toBe(ticks);
  }
});

test('sums that binary fractions get wrong are right', () => {
  expect(readMoney('0.1') + readMoney('0.2')).toBe(readMoney('0.3'));
  expect(wireMoney(readPrice('0.57') * readQuantity('100.01'))).toBe('57.0057');
  expect(wireQuantity(readQuantity('1.10'))).toBe('1.1');
});

test('amounts are shown with the digits that they need and two at least', () => {
  expect(showPrice(5000n)).toBe('0.50');
  expect(showPrice(6667n)).toBe('0.6667');
  expect(showMoney(1234567890000n)).toBe('1,234,567.89');
  expect(showMoney(1n)).toBe('0.000001');
  expect(showQuantity(100000000n)).toBe('1,000,000');
  expect(showDecimal(-5n, 6)).toBe('-0.000005');
  expect(showProfit(1500000n)).toBe('+1.50');
  expect(showProfit(-1500000n)).toBe('−1.50');
  expect(showProfit(0n)).toBe('0.00');
});

test('short money never says more than there is', () => {
  expect(shortMoney(19999999n)).toBe('19.99');
  expect(shortMoney(-19999999n)).toBe('-19.99');
});

test('a chance is never said to be certain', () => {
  expect(showChance(10n)).toBe('<1%');
  expect(showChance(6838n)).toBe('68%');
  expect(showChance(6850n)).toBe('69%');
  expect(showChance(9990n)).toBe('>99%');
});
