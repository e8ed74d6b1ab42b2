/** A WebSocket of JSON that comes back: reconnects with growing pauses, and notices silence. */

export interface Line {
  send(message: unknown): void;
  close(): void;
}

export interface Listener {
  opened(line: Line): void;
  heard(message: unknown, line: Line): void;
  /** The connection is gone, on which something was heard last at *heardMs*; it comes back by itself. */
  lost(heardMs: number): void;
}

const PAUSE_MS_MIN = 250;
const PAUSE_MS_MAX = 8_000;
const SILENCE_MS = 10_000;
const PONG_MS_MAX = 5_000;
const OPENING_MS_MAX = 8_000;

export function openLine(url: string, listener: Listener): Line {
  let socket: WebSocket | null = null;
  let failures = 0;
  let heardMs = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;

  const line: Line = {
    send(message) {
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      clearTimeout(silence);
      removeEventListener('online', wake);
      document.removeEventListener('visibilitychange', wake);
      socket?.close();
      socket = null;
    },
  };

  function connect(): void {
    const mine = new WebSocket(url);
    socket = mine;
    expect(OPENING_MS_MAX, drop);
    mine.onopen = () => {
      expect(SILENCE_MS, ping);
      listener.opened(line);
    };
    mine.onmessage = (event) => {
      failures = 0;
      heardMs = Date.now();
      expect(SILENCE_MS, ping);
      listener.heard(JSON.parse(String(event.data)), line);
    };
    mine.onclose = () => {
      if (socket === mine) drop();
    };
  }

  function ping(): void {
    line.send({ action: 'ping' });
    expect(PONG_MS_MAX, drop);
  }

  function expect(ms: number, then: () => void): void {
    clearTimeout(silence);
    silence = setTimeout(then, ms);
  }

  function drop(): void {
    clearTimeout(silence);
    const gone = socket;
    socket = null;
    if (gone) {
      gone.onclose = gone.onmessage = gone.onopen = null;
      gone.close();
      listener.lost(heardMs);
    }
    if (isClosed) return;
    clearTimeout(timer);
    const pause = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** failures++);
    timer = setTimeout(connect, pause * (0.5 + Math.random() / 2));
  }

  function wake(): void {
    if (document.visibilityState === 'hidden' || isClosed) return;
    if (socket) {
      // It may be dead since this machine slept or changed its network.
      if (socket.readyState === WebSocket.OPEN) ping();
      return;
    }
    failures = 0;
    clearTimeout(timer);
    connect();
  }

  addEventListener('online', wake);
  document.addEventListener('visibilitychange', wake);
  connect();
  return line;
}

/** The WebSocket address of *path*, which may be one already. */
export function socketUrl(path: string): string {
  return /^wss?:/.test(path) ? path : location.origin.replace(/^http/, 'ws') + path;
}
