/** Asks the exchange over HTTP: one function, and the credential that it shows. */
import { NoAnswer, Problem } from './problem';

export type Credential =
  | { kind: 'user'; text: string }
  | { kind: 'key'; text: string }
  | { kind: 'token'; text: string };

export const ANSWER_MS_MAX = 20_000;

type Query = Record<string, string | number | undefined>;

export interface Asked {
  query?: Query;
  body?: unknown;
  credential?: Credential | null;
  signal?: AbortSignal;
}

const HEADER = { user: 'X-User-Id', key: 'X-API-Key', token: 'Authorization' } as const;

/**
 * The body of the answer to one request under `/api/v1`.
 *
 * Throws a `Problem` for what the exchange does not do, and `NoAnswer` when nothing is heard.
 */
export async function ask<T>(method: string, path: string, asked: Asked = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  const { credential, body } = asked;
  if (credential) {
    headers[HEADER[credential.kind]] =
      credential.kind === 'token' ? `Bearer ${credential.text}` : credential.text;
  }
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const waiting = AbortSignal.timeout(ANSWER_MS_MAX);
  const signal = asked.signal ? AbortSignal.any([asked.signal, waiting]) : waiting;
  let response: Response;
  let text: string;
  try {
    response = await fetch(`/api/v1${path}${queryText(asked.query)}`, {
      method,
      headers,
      signal,
      cache: 'no-store',
      credentials: 'omit',
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    text = await response.text();
  } catch (error) {
    if (asked.signal?.aborted) throw error;
    throw new NoAnswer();
  }
  const answer = parsed(text);
  if (response.ok) {
    if (answer === undefined) throw new NoAnswer();
    return answer as T;
  }
  throw problemOf(response, answer);
}

function problemOf(response: Response, answer: unknown): Problem {
  const told = (answer ?? {}) as { code?: string; detail?: string; field?: string | null };
  const wait = Number(response.headers.get('Retry-After') ?? Number.NaN);
  return new Problem(
    response.status,
    told.code ?? `HTTP_${response.status}`,
    told.detail ?? `The exchange answered ${response.status}.`,
    told.field ?? null,
    Number.isFinite(wait) ? wait : null,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function queryText(query: Query = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  if (pairs.length === 0) return '';
  return `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}`;
}
