/** Changes an open order: a new price and total quantity, in one step. */
import { useState } from 'preact/hooks';
import { Problem } from '../api/problem';
import type { WireOrder } from '../api/wire';
import { parseDecimal, PRICE_DIGITS, QUANTITY_DIGITS } from '../amounts/units';
import { say } from '../app/announcing';
import { plain } from '../app/draft';
import { changeInWords } from '../app/order_words';
import { askAsUser } from '../app/session';
import { Action } from './action';
import { TextField } from './text_field';

export function Amendment({ order, close }: { order: WireOrder; close: () => void }) {
  const [price, setPrice] = useState(order.price);
  const [quantity, setQuantity] = useState(order.quantity);
  const [problem, setProblem] = useState<{ field: string | null; text: string } | null>(null);
  const [isBusy, setBusy] = useState(false);
  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const body = { price: plain(price), quantity: plain(quantity) };
    if (parseDecimal(body.price, PRICE_DIGITS) === null) {
      setProblem({ field: 'price', text: 'Write a price with at most 4 digits after the point.' });
      return;
    }
    if (parseDecimal(body.quantity, QUANTITY_DIGITS) === null) {
      setProblem({ field: 'quantity', text: 'Write shares with at most 2 digits after the point.' });
      return;
    }
    setBusy(true);
    try {
      await askAsUser('PATCH', `/orders/${encodeURIComponent(order.id)}`, { body });
      say('The order is changed.');
      close();
    } catch (error) {
      setProblem({ field: error instanceof Problem ? error.field : null, text: changeInWords(error) });
      setBusy(false);
    }
  }
  const id = `amend-${order.id}`;
  const at = (field: string) => (problem?.field === field ? problem.text : undefined);
  return (
    <form class="row amend" onSubmit={(event) => void submit(event)}>
      <TextField id={`${id}-price`} label="New price" value={price} change={setPrice} problem={at('price')} />
      <TextField
        id={`${id}-quantity`}
        label="New total of shares"
        value={quantity}
        change={setQuantity}
        problem={at('quantity')}
      />
      <Action type="submit" class="small primary" isBusy={isBusy}>
        Save the change
      </Action>
      <button type="button" class="small" onClick={close}>
        Leave as it is
      </button>
      {problem && problem.field !== 'price' && problem.field !== 'quantity' && (
        <p class="problem" role="alert">
          {problem.text}
        </p>
      )}
    </form>
  );
}
