/** Sends what must not be done twice: an unknown outcome is asked for again with the same ids. */
import { NoAnswer, Problem, told } from './problem';

export type Outcome<T> =
  /** It was done; the answer is null where it was done and cannot be shown now. */
  | { kind: 'done'; answer: T | null }
  /** It was not done. */
  | { kind: 'refused'; problem: Problem }
  /** Neither is known; the same may be sent again. */
  | { kind: 'unknown'; reason: string };

export interface Patience {
  attempts: number;
  pause: (attempt: number) => Promise<void>;
}

export const PATIENT: Patience = {
  attempts: 4,
  pause: (attempt) => new Promise((done) => setTimeout(done, 500 * 2 ** attempt)),
};

/**
 * For how long the same may be sent again. The exchange remembers ids for two hours at least, and takes
 * nothing that is older than one; behind that it could be a second order.
 */
export const AGAIN_MS_MAX = 3_600_000;

/**
 * What became of what *send* sends, which carries its id, so that it is done once at most.
 *
 * *wasUnknown* says that it was sent before without an outcome.
 */
export async function sendOnce<T>(
  send: () => Promise<T>,
  wasUnknown: boolean,
  patience: Patience = PATIENT,
): Promise<Outcome<T>> {
  let unknown = wasUnknown;
  let reason = '';
  for (let attempt = 0; attempt < patience.attempts; attempt++) {
    if (attempt > 0) await patience.pause(attempt);
    try {
      return { kind: 'done', answer: await send() };
    } catch (error) {
      reason = told(error);
      if (error instanceof Problem) {
        if (error.code === 'DONE_NOT_SHOWN') return { kind: 'done', answer: null };
        if (error.status < 500 && error.status !== 429 && error.status !== 408) {
          // Who may not ask any more is not told what became of what was sent before.
          const settles = !unknown || (error.status !== 401 && error.status !== 403);
          if (settles) return { kind: 'refused', problem: error };
          break;
        }
        // Not applied, or refused unread: this sending did nothing, which says nothing of one before.
        const didNothing = error.status === 503 || error.status === 429 || error.status === 408;
        if (didNothing && !unknown) return { kind: 'refused', problem: error };
        if (!didNothing) unknown = true;
      } else if (error instanceof NoAnswer) {
        unknown = true;
      } else {
        throw error;
      }
    }
  }
  return { kind: 'unknown', reason };
}

/** An id that nobody else makes: also where the page has no secure context. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
