/** A new event is sent as the exchange takes it. */
import { expect, test } from 'vitest';
import { partsPerMillion, readEvent, slugOf, type EventDraft } from '../src/app/new_event';

const DRAFT: EventDraft = {
  title: 'Will it rain?',
  topic: 'weather',
  description: '',
  imageUrl: '',
  end: '',
  exclusive: false,
  markets: [{ key: 1, first: 'Yes', second: 'No', firstToken: '', secondToken: '' }],
  feeKind: '',
  makerPercent: '0',
  takerPercent: '1',
};

test('slugs are words of letters and digits', () => {
  expect(slugOf('  Größe & Élan – 2030! ')).toBe('gro-e-elan-2030');
  expect(slugOf('???')).toBe('');
  expect(slugOf(`${'a'.repeat(99)} b`)).toBe('a'.repeat(99));
});

test('an event has tokens of its own and nothing that was left empty', () => {
  expect(readEvent(DRAFT, 'x1', 0)).toEqual({
    body: {
      title: 'Will it rain?',
      topic: 'weather',
      markets: { '1': { outcomes: ['Yes', 'No'], token_ids: ['will-it-rain-x1-1-a', 'will-it-rain-x1-1-b'] } },
    },
  });
});

test('rates are parts per million, without a binary fraction between', () => {
  expect(partsPerMillion('0.07')).toBe(700);
  expect(partsPerMillion('10')).toBe(100_000);
  expect(partsPerMillion('1.00001')).toBeNull();
  expect(readEvent({ ...DRAFT, feeKind: 'linear', takerPercent: '11' }, 'x', 0)).toMatchObject({ field: 'fees' });
});

test('an end in the past, no title and no topic are refused beside their fields', () => {
  expect(readEvent({ ...DRAFT, title: ' ' }, 'x', 0)).toMatchObject({ field: 'title' });
  expect(readEvent({ ...DRAFT, topic: '' }, 'x', 0)).toMatchObject({ field: 'topic' });
  expect(readEvent({ ...DRAFT, end: '1970-01-01T00:00Z' }, 'x', 1)).toMatchObject({ field: 'end_date' });
});

test('what has no letter of an address in its title gets a slug all the same', () => {
  const read = readEvent({ ...DRAFT, title: 'Будет ли дождь?' }, 'x1', 0);
  expect(read).toMatchObject({ body: { slug: 'event-x1', markets: { 1: { token_ids: ['event-x1-1-a', 'event-x1-1-b'] } } } });
  expect(readEvent(DRAFT, 'x1', 0)).not.toHaveProperty('body.slug');
});
