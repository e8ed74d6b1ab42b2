/** What must not be done twice is asked for with the same id until its outcome is known. */
import { expect, test } from 'vitest';
import { newId, sendOnce, type Patience } from '../src/api/asking_again';
import { NoAnswer, Problem } from '../src/api/problem';

const AT_ONCE: Patience = { attempts: 3, pause: () => Promise.resolve() };
const UNKNOWN = new Problem(504, 'OUTCOME_UNKNOWN', 'no outcome in time');
const NOT_TAKEN = new Problem(503, 'NOT_TAKEN', 'not applied');
const REFUSED = new Problem(422, 'INSUFFICIENT_BALANCE', 'too little');
const TOO_MANY = new Problem(429, 'TOO_MANY_REQUESTS', 'slower', null, 1);
const REVOKED = new Problem(401, 'BAD_CREDENTIALS', 'revoked');

/** Answers one of *answers* after the other, and counts. */
function exchange(...answers: (Error | string)[]) {
  const asked = { times: 0 };
  const send = () => {
    const answer = answers[Math.min(asked.times++, answers.length - 1)];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer as string);
  };
  return { send, asked };
}

async function become(wasUnknown: boolean, ...answers: (Error | string)[]) {
  const { send, asked } = exchange(...answers);
  const outcome = await sendOnce(send, wasUnknown, AT_ONCE);
  return [outcome.kind, asked.times] as const;
}

test.each([
  ['an answer is an answer', ['done'], 'done', 1],
  ['an unknown outcome is asked for again', [UNKNOWN, 'done'], 'done', 2],
  ['silence is an unknown outcome', [new NoAnswer(), new NoAnswer(), 'done'], 'done', 3],
  ['a refusal after silence is the outcome', [new NoAnswer(), REFUSED], 'refused', 2],
  ['a refusal is not asked again', [REFUSED], 'refused', 1],
  ['what was not taken was not done', [NOT_TAKEN], 'refused', 1],
  ['who asks too much has done nothing', [TOO_MANY], 'refused', 1],
  ['not taking the second says nothing of the first', [UNKNOWN, NOT_TAKEN], 'unknown', 3],
  ['nor does asking too much', [UNKNOWN, TOO_MANY, 'done'], 'done', 3],
  ['nor does a key that was revoked meanwhile', [UNKNOWN, REVOKED], 'unknown', 2],
  ['silence for ever is unknown', [new NoAnswer()], 'unknown', 3],
] as const)('%s', async (_, answers, kind, times) => {
  expect(await become(false, ...answers)).toEqual([kind, times]);
});

test('what was sent before stays unknown while nobody takes the question', async () => {
  expect(await become(true, NOT_TAKEN)).toEqual(['unknown', 3]);
  expect(await become(true, REFUSED)).toEqual(['refused', 1]);
});

test('done and not shown is done', async () => {
  const { send } = exchange(new Problem(504, 'DONE_NOT_SHOWN', 'it was done'));
  expect(await sendOnce(send, false, AT_ONCE)).toEqual({ kind: 'done', answer: null });
});

test('a bug of ours is not taken for an outcome', async () => {
  const { send } = exchange(new TypeError('bug'));
  await expect(sendOnce(send, false, AT_ONCE)).rejects.toThrow('bug');
});

test('ids are of the form that the exchange takes, and all different', () => {
  const ids = Array.from({ length: 1000 }, newId);
  expect(new Set(ids).size).toBe(1000);
  for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9._:-]{1,64}$/);
});
