/** Who uses the page: the credential, kept for this tab alone, and what the exchange says of it. */
import { computed, signal } from '@preact/signals';
import { ANSWER_MS_MAX, ask, type Asked, type Credential } from '../api/client';
import { NoAnswer, Problem, told } from '../api/problem';
import type { CallerView, Page, Scope, UserMessage, WireAccount, WireOrder } from '../api/wire';
import { CASH } from '../feeds/own';
import { dismiss, tellOf } from './announcing';
import { keepText, keptText } from './kept';
import { followOwn, pollOwn, stopFollowing, type Change } from '../feeds/user_feed';

interface PageTold {
  auth: string[];
  user_feed: string | null;
}

interface SignedIn {
  credential: Credential;
  userId: string;
  scopes: readonly Scope[];
}

const KEPT = 'pmengine.credential';
const POLL_MS = 3_000;
const AGAIN_MS = 2_000;

export const pageTold = signal<PageTold>({ auth: [], user_feed: '/user' });
export const signedIn = signal<SignedIn | null>(null);
export const isAuthOff = computed(() => pageTold.value.auth.includes('off'));
export const mayTrade = computed(() => signedIn.value?.scopes.includes('trade') ?? false);
export const mayRead = computed(() => mayTrade.value || (signedIn.value?.scopes.includes('read') ?? false));
export const isAdmin = computed(() => signedIn.value?.scopes.includes('admin') ?? false);

/** Grows with every change of what the user has; what is read over HTTP is read again then. */
export const ownChanges = signal(0);
const listeners = new Set<(change: Change) => void>();

export function onOwnChange(listener: (change: Change) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A request as the one who is signed in. */
export function askAsUser<T>(method: string, path: string, asked: Asked = {}): Promise<T> {
  return ask<T>(method, path, { ...asked, credential: signedIn.value?.credential ?? null });
}

/** What was typed as a credential. */
export function credentialOf(text: string): Credential {
  if (isAuthOff.value) return { kind: 'user', text };
  return text.startsWith('pmk_') ? { kind: 'key', text } : { kind: 'token', text };
}

/** Sign in, or throw the problem that keeps one from it. */
export async function signIn(credential: Credential): Promise<void> {
  if (!/^[\x21-\x7e]+$/.test(credential.text)) {
    // Browsers send no such header, and say no more than if nobody answered.
    throw new Problem(401, 'BAD_CREDENTIALS', 'no key and no name has a space in it, or letters other than a to z; look at it again');
  }
  const caller = await ask<CallerView>('GET', '/caller', { credential });
  if (caller.user_id === null) {
    throw new Problem(401, 'NO_USER', 'the exchange does not know who this is');
  }
  keepText('sessionStorage', KEPT, JSON.stringify(credential));
  signedIn.value = { credential, userId: caller.user_id, scopes: caller.scopes };
  const path = pageTold.value.user_feed;
  const changed = (change: Change | null) => {
    ownChanges.value++;
    if (change) for (const listener of listeners) listener(change);
  };
  if (mayRead.value && path) followOwn(credential, path, { changed, ended });
  else if (mayRead.value) pollOwn(readOwn, POLL_MS, changed);
}

/** What the user feed would say in a snapshot, over HTTP. */
async function readOwn(): Promise<UserMessage> {
  const [account, orders] = await Promise.all([
    askAsUser<WireAccount>('GET', '/account'),
    askAsUser<Page<WireOrder>>('GET', '/orders', { query: { status: 'active', limit: 1000 } }),
  ]);
  const shares = account.positions.map((one) => ({ asset: one.token_id, ...one }));
  const balances = [{ asset: CASH, ...account.cash }, ...shares];
  return { type: 'snapshot', update_id: 0, reason: 'asked', orders: orders.items, balances, more: false };
}

function ended(detail: string): void {
  signOut();
  tellOf(`Signed out: ${detail}`, 'bad');
}

export function signOut(): void {
  keepText('sessionStorage', KEPT, null);
  stopFollowing();
  signedIn.value = null;
  ownChanges.value++;
}

/** Read what the page is told of its exchange, and sign in again who was in this tab; until it can be done. */
export async function begin(): Promise<void> {
  let notice: number | null = null;
  for (;;) {
    try {
      await beginOnce();
      if (notice !== null) dismiss(notice);
      return;
    } catch (error) {
      notice ??= tellOf(`${told(error)} Trying again.`, 'bad');
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }
}

async function beginOnce(): Promise<void> {
  const response = await fetch('/page.json', { cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(ANSWER_MS_MAX) }).catch(() => null);
  if (!response?.ok) throw new NoAnswer();
  pageTold.value = (await response.json()) as PageTold;
  const kept = keptText('sessionStorage', KEPT);
  if (!kept || signedIn.value) return;
  try {
    await signIn(JSON.parse(kept) as Credential);
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500 || error.status === 429) throw error;
    ended(error.detail);
  }
}
