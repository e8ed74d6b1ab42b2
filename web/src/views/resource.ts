/** What a view reads over HTTP: the newest answer wins, a failed one is said and tried again. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { told } from '../api/problem';

export interface Resource<T> {
  data: T | null;
  error: string | null;
  reload: () => void;
}

const RETRY_MS = 2_000;

/** Reads when *key* or *version* changes, and again after `reload` or every *everyMs* while somebody looks. */
export function useResource<T>(
  key: string | null,
  read: (signal: AbortSignal) => Promise<T>,
  everyMs = 0,
  version = 0,
): Resource<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; error: string | null }>({
    key: null,
    data: null,
    error: null,
  });
  const reading = useRef(read);
  reading.current = read;
  const [turn, setTurn] = useState(0);
  const seen = useRef(version);
  const refresh = useRef<(() => void) | null>(null);
  useEffect(() => {
    if (key === null) return undefined;
    const ending = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isReading = false;
    let isOutdated = false;
    const again = (ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => (document.hidden ? again(ms) : void once()), ms);
    };
    async function once(): Promise<void> {
      // What is being read is read to its end: where much changes, nothing would ever be.
      isOutdated = isReading;
      if (isReading) return;
      clearTimeout(timer);
      isReading = true;
      let nextMs = everyMs;
      try {
        const data = await reading.current(ending.signal);
        if (ending.signal.aborted) return;
        setState({ key, data, error: null });
      } catch (error) {
        if (ending.signal.aborted) return;
        setState((before) => ({ key, data: before.key === key ? before.data : null, error: told(error) }));
        nextMs = Math.max(RETRY_MS, everyMs);
      } finally {
        isReading = false;
      }
      if (isOutdated) void once();
      else if (nextMs) again(nextMs);
    }
    refresh.current = () => void once();
    seen.current = version;
    void once();
    return () => {
      ending.abort();
      clearTimeout(timer);
      refresh.current = null;
    };
  }, [key, turn, everyMs]);
  useEffect(() => {
    if (seen.current === version) return;
    seen.current = version;
    refresh.current?.();
  }, [version]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  const isCurrent = state.key === key;
  return { data: isCurrent ? state.data : null, error: isCurrent ? state.error : null, reload };
}
