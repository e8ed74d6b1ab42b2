/** Which part of the page is shown: the part of the address behind `#`. */
import { signal } from '@preact/signals';

export type Route =
  | { name: 'markets' }
  | { name: 'market'; eventId: number; marketId: number; tokenId: string | null }
  | { name: 'portfolio' }
  | { name: 'admin' }
  | { name: 'missing' };

export function routeOf(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const market = /^events\/(\d{1,16})\/markets\/(\d{1,16})$/.exec(path);
  if (market) {
    const tokenId = new URLSearchParams(query).get('token');
    return { name: 'market', eventId: Number(market[1]), marketId: Number(market[2]), tokenId };
  }
  if (path === '' || path === 'markets') return { name: 'markets' };
  if (path === 'portfolio' || path === 'admin') return { name: path };
  return { name: 'missing' };
}

export function marketAddress(eventId: number, marketId: number, tokenId?: string): string {
  const query = tokenId ? `?${new URLSearchParams({ token: tokenId })}` : '';
  return `#/events/${eventId}/markets/${marketId}${query}`;
}

export const route = signal<Route>(routeOf(location.hash));

addEventListener('hashchange', () => {
  // A link within the page, such as the one that skips to the content, is no address.
  if (location.hash.startsWith('#/') || location.hash === '') route.value = routeOf(location.hash);
});
