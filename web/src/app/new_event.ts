/** What is typed for a new event, as the exchange takes it; pure. */

export interface MarketDraft {
  /** Tells drafts apart while they are edited. */
  key: number;
  first: string;
  second: string;
  /** Empty for ids made of the title. */
  firstToken: string;
  secondToken: string;
}

export interface EventDraft {
  title: string;
  topic: string;
  description: string;
  imageUrl: string;
  /** As `datetime-local` has it. */
  end: string;
  exclusive: boolean;
  markets: readonly MarketDraft[];
  feeKind: '' | 'linear' | 'quadratic';
  makerPercent: string;
  takerPercent: string;
}

/** Words of a-z 0-9 joined by single `-`, as addresses have them. */
export function slugOf(text: string): string {
  const plain = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return plain
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 100)
    .replace(/-+$/, '');
}

/** The same with *spare* for what has no such word, such as a name in another script. */
export const slugOr = (text: string, spare: string): string => slugOf(text) || spare;

const STEM_MAX = 40;

/** The ids of a market's tokens: as typed, or made of the title. */
export function tokenIds(draft: EventDraft, index: number, salt: string): [string, string] {
  const market = draft.markets[index];
  const stem = `${slugOr(draft.title, 'event').slice(0, STEM_MAX)}-${salt}-${index + 1}`;
  return [market?.firstToken.trim() || `${stem}-a`, market?.secondToken.trim() || `${stem}-b`];
}

/** A rate in percent as parts per million; null where it is none. */
export function partsPerMillion(percent: string): number | null {
  const found = /^(\d{1,2})(?:\.(\d{1,4}))?$/.exec(percent.trim());
  if (!found) return null;
  return Number(found[1] ?? '0') * 10_000 + Number((found[2] ?? '').padEnd(4, '0'));
}

export type EventRead = { body: Record<string, unknown> } | { field: string; problem: string };

/** The body of `POST /events`, or what is wrong. */
export function readEvent(draft: EventDraft, salt: string, nowMs: number): EventRead {
  if (!draft.title.trim()) return { field: 'title', problem: 'Say what the question is.' };
  if (!draft.topic) return { field: 'topic', problem: 'Choose a topic; add one first if there is none.' };
  const endMs = draft.end ? Date.parse(draft.end) : null;
  if (endMs !== null && !(endMs > nowMs)) return { field: 'end_date', problem: 'The end must be in the future.' };
  let fees: Record<string, unknown> | undefined;
  if (draft.feeKind) {
    const maker = partsPerMillion(draft.makerPercent || '0');
    const taker = partsPerMillion(draft.takerPercent || '0');
    if (maker === null || taker === null || maker > 100_000 || taker > 100_000) {
      return { field: 'fees', problem: 'Rates are percent from 0 to 10, with at most 4 digits after the point.' };
    }
    fees = { kind: draft.feeKind, maker_ppm: maker, taker_ppm: taker };
  }
  const markets = draft.markets.map((market, index) => [
    String(index + 1),
    {
      outcomes: [market.first.trim() || 'Yes', market.second.trim() || 'No'],
      token_ids: tokenIds(draft, index, salt),
      ...(fees ? { fees } : {}),
    },
  ]);
  return {
    body: {
      title: draft.title.trim(),
      ...(slugOf(draft.title) ? {} : { slug: `event-${salt}` }),
      topic: draft.topic,
      ...(draft.description.trim() ? { description: draft.description.trim() } : {}),
      ...(draft.imageUrl.trim() ? { image_url: draft.imageUrl.trim() } : {}),
      ...(endMs === null ? {} : { end_date: new Date(endMs).toISOString().replace(/\.\d+Z$/, 'Z') }),
      ...(draft.exclusive ? { exclusive: true } : {}),
      markets: Object.fromEntries(markets),
    },
  };
}
