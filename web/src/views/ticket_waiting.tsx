/** Orders whose outcome is not known: asking again cannot make a second one. */
import { AGAIN_MS_MAX } from '../api/asking_again';
import { told } from '../api/problem';
import { say, tellOf } from '../app/announcing';
import { nowMs } from '../app/now';
import { orderInWords, outcomeInWords } from '../app/order_words';
import { giveUp, placeOrder, type Unsettled } from '../app/placing';

export function Waiting({ one, outcome }: { one: Unsettled; outcome: string }) {
  const { order, isAsking } = one;
  const text = orderInWords(order, outcome);
  async function again(): Promise<void> {
    const found = await placeOrder(order, true);
    if (found.kind === 'done') tellOf(`${text}: ${outcomeInWords(found.answer, outcome)}`, 'good');
    else if (found.kind === 'refused') tellOf(`${text}: refused. ${told(found.problem)}`, 'bad');
    else say('Still not known.');
  }
  const isOld = nowMs.value - one.sentMs >= AGAIN_MS_MAX;
  if (isAsking) return <p class="banner">Waiting for the outcome of: {text}</p>;
  return (
    <div class="banner bad" role="group" aria-label="Outcome unknown">
      <p>
        It is not known whether this order was accepted: <strong>{text}</strong>.{' '}
        {isOld
          ? 'It is too long ago to ask: look for it among your orders and trades.'
          : 'Asking again does not place it twice.'}
      </p>
      <div class="row">
        {!isOld && (
          <button type="button" class="small primary" onClick={() => void again()}>
            Ask again
          </button>
        )}
        <button type="button" class="small" onClick={() => giveUp(order)}>
          Stop asking
        </button>
      </div>
    </div>
  );
}
