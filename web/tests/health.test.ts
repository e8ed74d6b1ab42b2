/** A feed that is not live says so, and since when. */
import { expect, test } from 'vitest';
import { inWords, lostSince, STALE_MS, type Health } from '../src/feeds/health';

test('the first loss counts, however often it is lost again', () => {
  const lost = lostSince({ kind: 'live' }, 1_000, 400);
  expect(lost).toEqual({ kind: 'lost', sinceMs: 400, lostMs: 1_000 });
  expect(lostSince(lost, 9_000)).toBe(lost);
});

test('what was never live is not stale', () => {
  const connecting: Health = { kind: 'connecting' };
  expect(lostSince(connecting, 1_000)).toBe(connecting);
  expect(inWords(connecting, 1e9).tone).toBe('waiting');
});

test('a loss is first a reconnecting, then stale', () => {
  const lost: Health = { kind: 'lost', sinceMs: 1_000, lostMs: 1_000 };
  expect(inWords(lost, 1_000 + STALE_MS - 1)).toEqual({ tone: 'waiting', text: 'Reconnecting' });
  expect(inWords(lost, 1_000 + STALE_MS).text).toMatch(/^Reconnecting, stale since \d/);
  expect(inWords({ kind: 'live' }, 0)).toEqual({ tone: 'live', text: 'Live' });
});
