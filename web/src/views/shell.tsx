/** The frame of the page: header, navigation, what is shown, and what is said. */
import { useEffect, useRef } from 'preact/hooks';
import { dismiss, notices, say, spoken } from '../app/announcing';
import { route } from '../app/route';
import { isAdmin, mayRead, signedIn } from '../app/session';
import { theme, type Theme } from '../app/theme';
import { shortMoney, showMoney } from '../amounts/units';
import { CASH, held } from '../feeds/own';
import { own, ownHealth } from '../feeds/user_feed';
import { Account } from './account';
import { Admin } from './admin';
import { MarketView } from './market';
import { Markets } from './markets';
import { Portfolio } from './portfolio';

const TITLES = {
  markets: 'Markets',
  market: 'Market',
  portfolio: 'Portfolio',
  admin: 'Admin',
  missing: 'Not found',
} as const;

export function Shell() {
  const shown = route.value;
  const place = shown.name === 'market' ? `${shown.eventId}/${shown.marketId}` : shown.name;
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${TITLES[shown.name]} · pmengine`;
    if (isFirst.current) isFirst.current = false;
    else {
      if (shown.name !== 'market') say(TITLES[shown.name]);
      scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
  }, [place]);
  return (
    <>
      <a
        class="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <header class="top">
        <div class="top-in">
          <a class="brand" href="#/" aria-label="pmengine, all markets">
            <svg viewBox="0 0 32 32" aria-hidden="true">
              <path d="M5 22.5 12.5 14l5 4.5L27 8" />
            </svg>
            <span>pmengine</span>
          </a>
          <nav aria-label="Main">
            <Tab to="#/" name="Markets" isHere={shown.name === 'markets' || shown.name === 'market'} />
            {mayRead.value && <Tab to="#/portfolio" name="Portfolio" isHere={shown.name === 'portfolio'} />}
            {isAdmin.value && <Tab to="#/admin" name="Admin" isHere={shown.name === 'admin'} />}
          </nav>
          <div class="top-end">
            {mayRead.value && <Cash />}
            <ThemeSwitch />
            <Account />
          </div>
        </div>
      </header>
      <main id="content" tabIndex={-1} ref={main}>
        {shown.name === 'markets' && <Markets />}
        {shown.name === 'market' && (
          <MarketView
            key={place}
            eventId={shown.eventId}
            marketId={shown.marketId}
            tokenId={shown.tokenId}
          />
        )}
        {shown.name === 'portfolio' && <Portfolio key={signedIn.value?.userId ?? ''} />}
        {shown.name === 'admin' && <Admin />}
        {shown.name === 'missing' && (
          <div class="empty">
            <h1>Not found</h1>
            <p>
              There is nothing here. <a href="#/">All markets</a>
            </p>
          </div>
        )}
      </main>
      <footer class="bottom">
        <p>
          A share pays 1 if its outcome is right. <a href="/api/v1/openapi.json">API description</a>
        </p>
      </footer>
      <div role="status" aria-live="polite" class="unseen">
        {spoken.value}
      </div>
      <section aria-label="Notices" hidden={notices.value.length === 0}>
        <ul class="notices">
          {notices.value.map((notice) => (
            <li key={notice.id} class={`notice ${notice.tone}`}>
              <span>{notice.text}</span>
              <button type="button" class="quiet" aria-label="Dismiss the notice" onClick={() => dismiss(notice.id)}>
                ×
              </button>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

function Tab({ to, name, isHere }: { to: string; name: string; isHere: boolean }) {
  return (
    <a href={to} aria-current={isHere ? 'page' : undefined}>
      {name}
    </a>
  );
}

function Cash() {
  const cash = held(own.value, CASH);
  const isKnown = own.value.shards.size > 0;
  const isStale = ownHealth.value.kind !== 'live';
  return (
    <p class={`cash ${isStale ? 'stale' : ''}`} data-testid="cash">
      <span class="label">Cash</span> <strong title={isKnown ? showMoney(cash.available) : undefined}>{isKnown ? shortMoney(cash.available) : '…'}</strong>
    </p>
  );
}

const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
const SIGNS: Record<Theme, string> = { system: '◐', light: '☀', dark: '☾' };

function ThemeSwitch() {
  return (
    <button
      type="button"
      class="quiet icon"
      aria-label={`Colours: ${theme.value}. Change to ${NEXT[theme.value]}`}
      title={`Colours: ${theme.value}`}
      onClick={() => {
        theme.value = NEXT[theme.value];
      }}
    >
      <span aria-hidden="true">{SIGNS[theme.value]}</span>
    </button>
  );
}
