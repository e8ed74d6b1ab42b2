/** Signing in and out. */
import { useRef, useState } from 'preact/hooks';
import { told } from '../api/problem';
import { tellOf } from '../app/announcing';
import { credentialOf, isAuthOff, pageTold, signedIn, signIn, signOut } from '../app/session';
import { Action } from './action';

export function Account() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [turn, setTurn] = useState(0);
  const user = signedIn.value;
  if (user) {
    return (
      <div class="account" role="group" aria-label="Account">
        <span class="user" title={`Signed in as ${user.userId}`}>
          {user.userId}
        </span>
        <button
          key="out"
          type="button"
          class="small"
          onClick={() => {
            signOut();
            tellOf('Signed out');
          }}
        >
          Sign out
        </button>
      </div>
    );
  }
  return (
    <div class="account" role="group" aria-label="Account">
      <button key="in" type="button" class="small primary" onClick={() => dialog.current?.showModal()}>
        Sign in
      </button>
      <dialog ref={dialog} aria-labelledby="sign-in-title" onClose={() => setTurn(turn + 1)}>
        {/* Each time another: what was typed is secret, and is gone with the dialog. */}
        <SignIn key={turn} close={() => dialog.current?.close()} />
      </dialog>
    </div>
  );
}

function SignIn({ close }: { close: () => void }) {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const auth = pageTold.value.auth;
  const isOf = (kind: string) => auth.length === 0 || auth.includes(kind);
  const shown = [isOf('keys') && 'API key', isOf('jwt') && 'token'].filter(Boolean).join(' or ');
  const label = isAuthOff.value ? 'User name' : shown.charAt(0).toUpperCase() + shown.slice(1);
  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await signIn(credentialOf(text.trim()));
      setText('');
      close();
      tellOf(`Signed in as ${signedIn.value?.userId}`, 'good');
    } catch (error) {
      setProblem(told(error));
    } finally {
      setBusy(false);
    }
  }
  return (
    <form class="stack" onSubmit={(event) => void submit(event)}>
      <h2 id="sign-in-title">Sign in</h2>
      <div class="field">
        <label for="credential">{label}</label>
        <input
          id="credential"
          type={(isAuthOff.value ? 'text' : 'password') as 'text'}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          required
          value={text}
          aria-invalid={problem !== null}
          aria-describedby="credential-hint credential-problem"
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <p class="hint" id="credential-hint">
          {isAuthOff.value
            ? 'This exchange runs for development: any name of letters and digits is a user.'
            : 'Kept in this tab alone, and forgotten when it is closed.'}
        </p>
        <p class="problem" id="credential-problem" role="alert">
          {problem}
        </p>
      </div>
      <div class="row end">
        <button type="button" onClick={close}>
          Close
        </button>
        <Action type="submit" class="primary" isBusy={isBusy}>
          {isBusy ? 'Signing in…' : 'Sign in'}
        </Action>
      </div>
    </form>
  );
}
