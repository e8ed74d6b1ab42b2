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
  useEffect(() => {
    if (key === null) return undefined;
    const ending = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (ms: number) => {
      timer = setTimeout(() => (document.hidden ? again(ms) : void once()), ms);
    };
    async function once(): Promise<void> {
      try {
        const data = await reading.current(ending.signal);
        if (ending.signal.aborted) return;
        setState({ key, data, error: null });
        if (everyMs) again(everyMs);
      } catch (error) {
        if (ending.signal.aborted) return;
        setState((before) => ({ key, data: before.key === key ? before.data : null, error: told(error) }));
        again(Math.max(RETRY_MS, everyMs));
      }
    }
    void once();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [key, turn, everyMs, version]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  const isCurrent = state.key === key;
  return { data: isCurrent ? state.data : null, error: isCurrent ? state.error : null, reload };
}
