/** How far what a feed tells can be believed, and how that is said. */

import { clockTime } from '../app/times';

export type Health =
  | { kind: 'connecting' }
  | { kind: 'live' }
  /** `sinceMs` is when it was last known to be right, `lostMs` when that was noticed. */
  | { kind: 'lost'; sinceMs: number; lostMs: number }
  | { kind: 'refused'; detail: string };

/** How long a feed is said to be reconnecting before what it told is said to be stale. */
export const STALE_MS = 4_000;

/** The state after losing the connection, heard of last at *heardMs*: the moment of the first loss counts. */
export const lostSince = (health: Health, nowMs: number, heardMs = nowMs): Health =>
  health.kind === 'live' ? { kind: 'lost', sinceMs: heardMs, lostMs: nowMs } : health;

export interface HealthWords {
  tone: 'live' | 'waiting' | 'stale';
  text: string;
}

export function inWords(health: Health, nowMs: number): HealthWords {
  if (health.kind === 'live') return { tone: 'live', text: 'Live' };
  if (health.kind === 'connecting') return { tone: 'waiting', text: 'Connecting' };
  if (health.kind === 'refused') return { tone: 'stale', text: health.detail };
  if (nowMs - health.lostMs < STALE_MS) return { tone: 'waiting', text: 'Reconnecting' };
  return { tone: 'stale', text: `Reconnecting, stale since ${clockTime(health.sinceMs)}` };
}
