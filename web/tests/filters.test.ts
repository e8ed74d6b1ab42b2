/** What is looked for stands in the address, and nothing else of the address counts. */
import { expect, test } from 'vitest';
import { filtersAddress, filtersOf } from '../src/app/filters';

const FIRST = { text: '', sort: 'newest', status: 'open', topic: '', pages: 1 };

test.each([
  [FIRST, '#/'],
  [{ ...FIRST, status: '' }, '#/?status='],
  [{ text: 'a & b?', sort: 'volume', status: 'closed', topic: 'cup-2030', pages: 3 },
    '#/?text=a+%26+b%3F&sort=volume&status=closed&topic=cup-2030&pages=3'],
])('%o is %s', (filters, address) => {
  expect(filtersAddress(filters)).toBe(address);
  expect(filtersOf(address)).toEqual(filters);
});

test.each(['', '#', '#/', '#/?sort=loud&status=x&topic=%3Cb%3E&pages=0', '#/?pages=1e9', '#/?pages=-1'])(
  '%s looks for nothing',
  (hash) => expect(filtersOf(hash)).toEqual(FIRST),
);
