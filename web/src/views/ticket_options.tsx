/** What fewer people need of the ticket: how long an order counts, post-only, the worst price. */
import { useEffect, useState } from 'preact/hooks';
import type { TimeInForce } from '../api/wire';
import type { Terms } from '../amounts/estimate';
import { showPrice } from '../amounts/units';
import type { Draft, Problems } from '../app/draft';
import { TextField } from './text_field';

interface TicketOptionsProps {
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  terms: Terms | null;
  problems: Problems;
  unfinished: Problems;
}

export function TicketOptions({ draft, change, terms, problems, unfinished }: TicketOptionsProps) {
  const [isOpen, setOpen] = useState(false);
  const isWrong = Boolean(problems.worst || problems.expires);
  // They stay open once it is right again: somebody is typing there.
  useEffect(() => {
    if (isWrong) setOpen(true);
  }, [isWrong]);
  return (
    <details class="options" open={isOpen || isWrong} onToggle={(toggled) => setOpen(toggled.currentTarget.open)}>
      <summary>Options</summary>
      <div class="stack">
        {draft.kind === 'limit' ? (
          <>
            <div class="field">
              <label for="time-in-force">How long it counts</label>
              <select
                id="time-in-force"
                value={draft.timeInForce}
                onChange={(changed) => change({ timeInForce: changed.currentTarget.value as TimeInForce })}
              >
                <option value="gtc">Until cancelled (GTC)</option>
                <option value="gtd">Until a time (GTD)</option>
                <option value="ioc">Now, the rest is cancelled (IOC)</option>
                <option value="fok">Now and whole, or not at all (FOK)</option>
              </select>
            </div>
            {draft.timeInForce === 'gtd' && (
              <TextField
                id="expires"
                label="Until"
                type="datetime-local"
                value={draft.expires}
                problem={problems.expires}
                unfinished={draft.expires ? unfinished.expires : undefined}
                change={(expires) => change({ expires })}
              />
            )}
            <label class="check">
              <input
                type="checkbox"
                checked={draft.postOnly}
                disabled={draft.timeInForce === 'ioc' || draft.timeInForce === 'fok'}
                onChange={(changed) => change({ postOnly: changed.currentTarget.checked })}
              />
              Post-only: refused if any of it would trade at once
            </label>
          </>
        ) : (
          <TextField
            id="worst"
            label="Worst price to take"
            value={draft.worst}
            hint={
              terms && 'worst' in terms
                ? `Empty: ${showPrice(terms.worst)}, 0.02 beyond the prices of now`
                : 'Empty: 0.02 beyond the prices of now'
            }
            problem={problems.worst}
            unfinished={unfinished.worst}
            change={(worst) => change({ worst })}
          />
        )}
      </div>
    </details>
  );
}
