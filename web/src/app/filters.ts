/** What is looked for among the markets, as the address says it behind `#/?`; pure. */

export interface Filters {
  text: string;
  sort: string;
  status: string;
  topic: string;
  /** How many pages are shown. */
  pages: number;
}

const FIRST: Filters = { text: '', sort: 'newest', status: 'open', topic: '', pages: 1 };
const SORTS = ['newest', 'volume', 'ending_soon'];
const STATES = ['open', 'closed', 'resolved', ''];
const TEXT_MAX = 64;
const PAGES_MAX = 50;

export function filtersOf(hash: string): Filters {
  const told = new URLSearchParams(hash.split('?').slice(1).join('?'));
  const one = (name: keyof Filters, among: readonly string[]) => {
    const value = told.get(name);
    return value !== null && among.includes(value) ? value : String(FIRST[name]);
  };
  const topic = told.get('topic') ?? '';
  const pages = Number(told.get('pages') ?? 1);
  return {
    text: (told.get('text') ?? '').slice(0, TEXT_MAX),
    sort: one('sort', SORTS),
    status: one('status', STATES),
    topic: /^[a-z0-9-]{1,100}$/.test(topic) ? topic : '',
    pages: Number.isInteger(pages) && pages > 0 && pages <= PAGES_MAX ? pages : 1,
  };
}

/** The address of *filters*: only what is not as it is at first. */
export function filtersAddress(filters: Filters): string {
  const told = new URLSearchParams();
  for (const name of Object.keys(FIRST) as (keyof Filters)[]) {
    if (filters[name] !== FIRST[name]) told.set(name, String(filters[name]));
  }
  const query = told.toString();
  return query ? `#/?${query}` : '#/';
}
