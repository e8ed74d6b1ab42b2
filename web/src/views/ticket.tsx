/** The order ticket: what an order costs, brings and pays is said before it is sent. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { newId } from '../api/asking_again';
import type { NewOrder, WireEvent, WireMarket, WireToken } from '../api/wire';
import { estimate, neededFor, type Fees } from '../amounts/estimate';
import { shortMoney, showDecimal, showPrice, showQuantity, wireQuantity } from '../amounts/units';
import { say, tellOf } from '../app/announcing';
import { fieldOf, readDraft, type Draft, type Field, type Problems } from '../app/draft';
import { nowMs } from '../app/now';
import { outcomeInWords, refusalInWords } from '../app/order_words';
import { ownOrderMet } from '../app/own_way';
import { placeOrder, unsettled } from '../app/placing';
import { mayTrade, signedIn } from '../app/session';
import type { TokenBook } from '../feeds/book';
import { CASH, held, openOrders } from '../feeds/own';
import { own } from '../feeds/user_feed';
import { Action } from './action';
import { Choice } from './choice';
import { TextField } from './text_field';
import { TicketOptions } from './ticket_options';
import { Summary } from './ticket_summary';
import { Waiting } from './ticket_waiting';
import { focusWrong } from './wrong_field';

export const EMPTY: Draft = {
  side: 'buy',
  kind: 'limit',
  price: '',
  quantity: '',
  volume: '',
  worst: '',
  timeInForce: 'gtc',
  expires: '',
  postOnly: false,
};

interface TicketProps {
  event: WireEvent;
  market: WireMarket;
  token: WireToken;
  choose: (tokenId: string) => void;
  book: TokenBook;
  isLive: boolean;
  draft: Draft;
  change: (part: Partial<Draft>) => void;
}

export function Ticket(props: TicketProps) {
  const { event, market, token, choose, book, isLive, draft, change } = props;
  const form = useRef<HTMLFormElement>(null);
  const [answered, setAnswered] = useState<Problems>({});
  const [isTried, setTried] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const fees = feesOf(market);
  const offers = draft.side === 'buy' ? book.asks : book.bids;
  const read = readDraft(draft, BigInt(market.tick_size), offers, nowMs.value);
  const expected = read.terms && estimate(read.terms, offers, fees);
  const mine = openOrders(own.value).filter(
    (one) => one.event_id === event.event_id && one.market_id === market.market_id,
  );
  const inTheWay = read.terms && ownOrderMet(mine, token.token_id, read.terms, offers, fees);
  const cash = held(own.value, CASH);
  const shares = held(own.value, token.token_id);
  const isKnown = own.value.shards.size > 0;
  const short =
    read.terms && isKnown
      ? draft.side === 'buy'
        ? neededFor(read.terms, fees) > cash.available && 'This is more than your cash.'
        : 'quantity' in read.terms && read.terms.quantity > shares.available && 'You have fewer shares.'
      : false;
  const missing: Problems = {};
  if (isTried) {
    if (draft.kind === 'limit' && !draft.price.trim()) missing.price = 'Say a price.';
    if (draft.kind === 'limit' || draft.side === 'sell') {
      if (!draft.quantity.trim()) missing.quantity = 'Say how many shares.';
    } else if (!draft.volume.trim()) missing.volume = 'Say how much money.';
  }
  const problems: Problems = { ...missing, ...(isTried ? read.problems : {}), ...answered };
  const amountField: Field = draft.kind === 'market' && draft.side === 'buy' ? 'volume' : 'quantity';
  if (short && !problems[amountField]) problems[amountField] = short;

  // What was answered concerns what was sent: a changed ticket is another order.
  useEffect(() => setAnswered({}), [draft, token.token_id]);

  async function submit(submitted: Event): Promise<void> {
    submitted.preventDefault();
    setTried(true);
    if (!read.order) {
      focusWrong(form.current);
      say('The order is not complete.');
      return;
    }
    const order: NewOrder = {
      client_order_id: newId(),
      event_id: event.event_id,
      market_id: market.market_id,
      token_id: token.token_id,
      ...read.order,
    };
    setBusy(true);
    const outcome = await placeOrder(order).finally(() => setBusy(false));
    if (outcome.kind === 'done') {
      const isNothing = outcome.answer?.order.status === 'cancelled' && outcome.answer.trades.length === 0;
      tellOf(outcomeInWords(outcome.answer, token.outcome), isNothing ? 'plain' : 'good');
      setTried(false);
      change({ quantity: '', volume: '' });
    } else if (outcome.kind === 'refused') {
      const { code, field } = outcome.problem;
      setAnswered({ [fieldOf(draft, code, field)]: refusalInWords(outcome.problem, draft.side) });
      focusWrong(form.current);
    } else {
      say('The outcome of the order is not known yet.');
      // What is left in the ticket must not be sent as a second order by mistake.
      setTried(false);
      change({ quantity: '', volume: '' });
    }
  }

  if (market.state !== 'open' && market.state !== 'paused') {
    return (
      <section class="panel ticket" aria-labelledby="ticket-title">
        <h2 id="ticket-title">Place an order</h2>
        <p class="banner">
          {market.state === 'closed'
            ? 'Trading has ended here. Shares are paid once the market is resolved.'
            : 'This market is resolved, and its shares are paid. It takes no more orders.'}
        </p>
      </section>
    );
  }
  const waiting = unsettled.value.filter(
    (one) =>
      one.userId === signedIn.value?.userId &&
      one.order.event_id === event.event_id &&
      one.order.market_id === market.market_id,
  );
  const part = (percent: bigint) => {
    if (draft.side === 'sell') change({ quantity: wireQuantity((shares.available * percent) / 100n) });
    else if (draft.kind === 'market') {
      change({ volume: showDecimal(((cash.available * percent) / 100n / 10_000n) * 10_000n, 6) });
    } else {
      const priced: Draft = { ...draft, quantity: '1', timeInForce: 'gtc' };
      const price = readDraft(priced, BigInt(market.tick_size), offers, 0).terms;
      if (price?.kind === 'limit') {
        const each = neededFor({ ...price, quantity: 10_000n }, fees);
        change({ quantity: wireQuantity((cash.available * percent * 10_000n) / 100n / each) });
      } else {
        setAnswered({ price: read.problems.price ?? 'Say a price first.' });
        focusWrong(form.current);
      }
    }
  };
  return (
    <section class="panel ticket" aria-labelledby="ticket-title">
      <h2 id="ticket-title">Place an order</h2>
      <form ref={form} class="stack" noValidate onSubmit={(submitted) => void submit(submitted)}>
        <Choice
          legend="Side"
          name="side"
          value={draft.side}
          choices={[
            { value: 'buy', text: 'Buy', tone: 'buy' },
            { value: 'sell', text: 'Sell', tone: 'sell' },
          ]}
          choose={(side) => change({ side: side as Draft['side'] })}
        />
        <Choice
          legend="Outcome"
          name="outcome"
          value={token.token_id}
          choices={market.tokens.map((one, index) => ({
            value: one.token_id,
            text: one.outcome,
            tone: `o${index}`,
          }))}
          choose={choose}
        />
        <Choice
          legend="Type"
          name="type"
          value={draft.kind}
          choices={[
            { value: 'limit', text: 'Limit' },
            { value: 'market', text: 'Market' },
          ]}
          choose={(kind) => change({ kind: kind as Draft['kind'] })}
        />
        {draft.kind === 'limit' && (
          <TextField
            id="price"
            label="Price"
            unit="of 1"
            value={draft.price}
            hint={bestHint(draft, book)}
            problem={problems.price}
            unfinished={read.problems.price}
            change={(price) => change({ price })}
          />
        )}
        {draft.kind === 'market' && draft.side === 'buy' ? (
          <TextField
            id="volume"
            label="Money to spend"
            value={draft.volume}
            hint={isKnown ? `You have ${shortMoney(cash.available)}` : 'Fees included'}
            problem={problems.volume}
            unfinished={read.problems.volume}
            change={(volume) => change({ volume })}
          />
        ) : (
          <TextField
            id="quantity"
            label="Shares"
            value={draft.quantity}
            hint={
              isKnown
                ? draft.side === 'sell'
                  ? `You have ${showQuantity(shares.available)}`
                  : `Your cash: ${shortMoney(cash.available)}`
                : 'Each pays 1 if the outcome is right'
            }
            problem={problems.quantity}
            unfinished={read.problems.quantity}
            change={(quantity) => change({ quantity })}
          />
        )}
        {isKnown && (
          <div class="parts" role="group" aria-label="Part of what you have">
            {[25n, 50n, 100n].map((percent) => (
              <button key={String(percent)} type="button" class="small" onClick={() => part(percent)}>
                {percent === 100n ? 'All' : `${percent}%`}
              </button>
            ))}
          </div>
        )}
        <TicketOptions draft={draft} change={change} terms={read.terms} problems={problems} unfinished={read.problems} />
        <Summary draft={draft} token={token} fees={fees} expected={expected} isLive={isLive} inTheWay={inTheWay} />
        <p class="problem" role="alert">
          {problems.form}
        </p>
        {market.state === 'paused' ? (
          <p class="banner">New orders are paused here. Open ones can be cancelled.</p>
        ) : mayTrade.value ? (
          <Action type="submit" class={`send ${draft.side}`} isBusy={isBusy}>
            {isBusy ? 'Sending…' : sendText(draft, token)}
          </Action>
        ) : (
          <p class="banner">
            {signedIn.value ? 'Your key may not trade.' : 'Sign in to place orders.'}
          </p>
        )}
      </form>
      {waiting.map((one) => (
        <Waiting
          key={one.order.client_order_id}
          one={one}
          outcome={market.tokens.find((each) => each.token_id === one.order.token_id)?.outcome ?? one.order.token_id}
        />
      ))}
    </section>
  );
}

function bestHint(draft: Draft, book: TokenBook): string {
  const best = draft.side === 'buy' ? book.asks[0] : book.bids[0];
  if (!best) return draft.side === 'buy' ? 'Nobody sells now' : 'Nobody buys now';
  return draft.side === 'buy' ? `Lowest offer ${showPrice(best.price)}` : `Highest bid ${showPrice(best.price)}`;
}

function sendText(draft: Draft, token: WireToken): string {
  const verb = draft.side === 'buy' ? 'Buy' : 'Sell';
  if (draft.kind === 'market' && draft.side === 'buy') {
    return draft.volume ? `${verb} ${token.outcome} for ${draft.volume}` : `${verb} ${token.outcome}`;
  }
  return draft.quantity ? `${verb} ${draft.quantity} ${token.outcome}` : `${verb} ${token.outcome}`;
}

function feesOf(market: WireMarket): Fees | null {
  const fees = market.fees;
  return fees && { kind: fees.kind, maker: BigInt(fees.maker_ppm), taker: BigInt(fees.taker_ppm) };
}
