/** The time as views show it: every second, while anybody looks. */
import { signal } from '@preact/signals';

export const nowMs = signal(Date.now());

setInterval(() => {
  if (document.visibilityState === 'visible') nowMs.value = Date.now();
}, 1_000);
