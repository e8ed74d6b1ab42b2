/** Moments as people read them, in their own time zone. */

const DAY_MS = 86_400_000;

export const clockTime = (ms: number): string =>
  new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

/** A day and a minute. */
export const dayAndTime = (ms: number): string =>
  new Date(ms).toLocaleString([], {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });

/** The time of something lately; the day too of what is older than one. */
export const whenOf = (ms: number, nowMs: number): string =>
  nowMs - ms < DAY_MS ? clockTime(ms) : dayAndTime(ms);

/** What an axis says of moments (in seconds) that are *stepS* apart. */
export function axisTime(seconds: number, stepS: number): string {
  const date = new Date(seconds * 1000);
  if (stepS >= 86_400) return date.toLocaleDateString([], { day: 'numeric', month: 'short' });
  const isMidnight = date.getHours() === 0 && date.getMinutes() === 0;
  if (isMidnight && stepS >= 60) return date.toLocaleDateString([], { day: 'numeric', month: 'short' });
  const seconds_ = stepS < 60 ? { second: '2-digit' as const } : {};
  return date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...seconds_ });
}
