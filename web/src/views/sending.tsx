/** A form's request that must not be done twice: its state, what is wrong, and asking again. */
import { useRef, useState } from 'preact/hooks';
import { AGAIN_MS_MAX, newId, sendOnce } from '../api/asking_again';
import { Problem, told } from '../api/problem';
import { say, tellOf } from '../app/announcing';

export interface Sending {
  isBusy: boolean;
  problem: Problem | null;
  isUnknown: boolean;
  /**
   * Send what *make* makes with an id of its own; *done* is what is said once it is done, and *then*
   * what is done then, also when that is found out only by asking again.
   */
  send: (make: (id: string) => Promise<unknown>, done: string, then?: () => void) => Promise<boolean>;
  askAgain: () => Promise<boolean>;
  /** What was wrong is being put right. */
  forget: () => void;
}

export function useSending(): Sending {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isUnknown, setUnknown] = useState(false);
  const last = useRef<{ request: () => Promise<unknown>; done: string; then?: (() => void) | undefined; sentMs: number } | null>(null);

  async function run(wasUnknown: boolean): Promise<boolean> {
    if (!last.current) return false;
    const { request, done, then, sentMs } = last.current;
    if (Date.now() - sentMs >= AGAIN_MS_MAX) {
      setUnknown(false);
      setProblem(new Problem(0, 'TOO_OLD', 'it is too long ago to ask: look at what you have before you send it anew'));
      return false;
    }
    setBusy(true);
    setProblem(null);
    const outcome = await sendOnce(request, wasUnknown).finally(() => setBusy(false));
    setUnknown(outcome.kind === 'unknown');
    if (outcome.kind === 'refused') setProblem(outcome.problem);
    if (outcome.kind === 'unknown') say('It is not known yet whether this was done.');
    if (outcome.kind === 'done') {
      tellOf(done, 'good');
      then?.();
    }
    return outcome.kind === 'done';
  }

  return {
    isBusy,
    problem,
    isUnknown,
    send(make, done, then) {
      const id = newId();
      last.current = { request: () => make(id), done, then, sentMs: Date.now() };
      return run(false);
    },
    askAgain: () => run(true),
    forget: () => setProblem(null),
  };
}

/** What is wrong with what was sent, but for *fields*, beside which it is said. */
export function SendingState({ sending, fields = [] }: { sending: Sending; fields?: readonly string[] }) {
  const { problem, isUnknown, isBusy } = sending;
  if (isUnknown && !isBusy) {
    return (
      <div class="banner bad" role="alert">
        <p>It is not known yet whether this was done. Asking again does nothing twice.</p>
        <div class="row">
          <button type="button" class="small primary" onClick={() => void sending.askAgain()}>
            Ask again
          </button>
        </div>
      </div>
    );
  }
  const isElsewhere = problem?.field && fields.includes(problem.field);
  return (
    <p class="problem" role="alert">
      {problem && !isElsewhere && told(problem)}
    </p>
  );
}

/** What is to be said beside the field *name*. */
export const besideField = (sending: Sending, name: string): string | undefined =>
  sending.problem?.field === name ? told(sending.problem) : undefined;
