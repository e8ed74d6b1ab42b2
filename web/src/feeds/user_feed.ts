/** Follows the own open orders and balances over `/user`, and goes on where it was after a loss. */
import { signal } from '@preact/signals';
import type { Credential } from '../api/client';
import type { UserMessage } from '../api/wire';
import { lostSince, type Health } from './health';
import { openLine, socketUrl, type Line } from './line';
import { NOTHING_OWN, resumeAfter, tell, type Own } from './own';

export const own = signal<Own>(NOTHING_OWN);
export const ownHealth = signal<Health>({ kind: 'connecting' });

export type Change = Extract<UserMessage, { type: 'open_order_change' | 'position_change' }>;

const FIRST = { user: 'user_id', key: 'api_key', token: 'auth' } as const;

let line: Line | null = null;
let polling: ReturnType<typeof setInterval> | undefined;

export interface Follower {
  /** Hears of each change, and null of a snapshot. */
  changed(change: Change | null): void;
  /** The credential counts no more. */
  ended(detail: string): void;
}

const COUNTS_NO_MORE = new Set(['BAD_CREDENTIALS', 'NOT_VALID']);

/** Begin to follow who shows *credential*. */
export function followOwn(credential: Credential, path: string, { changed, ended }: Follower): void {
  stopFollowing();
  line = openLine(socketUrl(path), {
    opened(to) {
      const behind = resumeAfter(own.value);
      const resume = behind === null ? {} : { resume_after: behind };
      to.send({ [FIRST[credential.kind]]: credential.text, ...resume });
    },
    heard(said, from) {
      const message = said as UserMessage;
      if (message.type === 'auth') {
        if (own.value.shards.size === 0) from.send({ action: 'snapshot' });
      } else if (message.type === 'auth_error') {
        if (message.code === 'KEYS_BEHIND') return;
        ownHealth.value = { kind: 'refused', detail: message.detail };
        from.close();
        if (COUNTS_NO_MORE.has(message.code)) ended(message.detail);
      } else if (message.type === 'error') {
        from.send({ action: 'snapshot' });
      } else {
        const { own: next, missed } = tell(own.value, message);
        own.value = next;
        if (missed) {
          ownHealth.value = lostSince(ownHealth.value, Date.now());
          from.send({ action: 'snapshot' });
          return;
        }
        if (message.type === 'resumed' || (message.type === 'snapshot' && !message.more)) {
          ownHealth.value = { kind: 'live' };
        }
        if (message.type === 'snapshot' && !message.more) changed(null);
        if (message.type === 'open_order_change' || message.type === 'position_change') changed(message);
      }
    },
    lost(heardMs) {
      ownHealth.value = lostSince(ownHealth.value, Date.now(), heardMs);
    },
  });
}

/**
 * The same where no user feed can be reached: *read* what is open and held, again and again.
 *
 * What it says is never live: `ownHealth` says so.
 */
export function pollOwn(read: () => Promise<UserMessage>, everyMs: number, changed: (change: null) => void): void {
  stopFollowing();
  const detail = 'Read every few seconds';
  async function once(): Promise<void> {
    try {
      const told = tell(own.value, await read()).own;
      ownHealth.value = { kind: 'refused', detail };
      own.value = told;
      changed(null);
    } catch {
      ownHealth.value = lostSince({ kind: 'live' }, Date.now());
    }
  }
  polling = setInterval(() => void once(), everyMs);
  void once();
}

export function stopFollowing(): void {
  clearInterval(polling);
  line?.close();
  line = null;
  own.value = NOTHING_OWN;
  ownHealth.value = { kind: 'connecting' };
}
