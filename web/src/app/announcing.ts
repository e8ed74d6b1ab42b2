/** The one line that screen readers are told of what happened: outcomes, and feeds that break. */
import { signal } from '@preact/signals';

export interface Notice {
  id: number;
  tone: 'good' | 'bad' | 'plain';
  text: string;
}

export const spoken = signal('');
export const notices = signal<readonly Notice[]>([]);

const SHOWN_MS = 8_000;
const SHOWN_MAX = 4;
let last = 0;

/** Say *text* to screen readers alone. */
export function say(text: string): void {
  spoken.value = spoken.value === text ? `${text}\u00a0` : text;
}

/** Show *text* for a while, what is bad until it is dismissed, and say it. The number is for `dismiss`. */
export function tellOf(text: string, tone: Notice['tone'] = 'plain'): number {
  const id = ++last;
  notices.value = [...notices.value.slice(1 - SHOWN_MAX), { id, tone, text }];
  say(text);
  if (tone !== 'bad') setTimeout(() => dismiss(id), SHOWN_MS);
  return id;
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}
