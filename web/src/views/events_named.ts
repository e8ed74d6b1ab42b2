/** The events that a list speaks of, read once each. */
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../api/client';
import type { WireEvent } from '../api/wire';

const EVENTS_MAX = 50;
const known = new Map<number, WireEvent>();

/** Those of *ids* that are known by now. */
export function useEvents(ids: readonly number[]): readonly WireEvent[] {
  const [, setTurn] = useState(0);
  const wanted = [...new Set(ids)].slice(0, EVENTS_MAX);
  const missing = wanted.filter((id) => !known.has(id));
  useEffect(() => {
    const ending = new AbortController();
    for (const id of missing) {
      ask<WireEvent>('GET', `/events/${id}`, { signal: ending.signal })
        .then((event) => {
          known.set(id, event);
          setTurn((before) => before + 1);
        })
        .catch(() => undefined);
    }
    return () => ending.abort();
  }, [missing.join()]);
  return wanted.flatMap((id) => known.get(id) ?? []);
}
