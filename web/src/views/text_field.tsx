/** A labelled field with its hint, and what is wrong with it beside it. */
import { useState } from 'preact/hooks';

interface TextFieldProps {
  id: string;
  label: string;
  value: string;
  change: (value: string) => void;
  type?: 'text' | 'datetime-local';
  unit?: string;
  hint?: string | undefined;
  problem?: string | undefined;
  /** What is wrong as long as more is not typed: said once the field is left. */
  unfinished?: string | undefined;
  required?: boolean;
  placeholder?: string;
  /** Text, not an amount. */
  isWord?: boolean;
}

export function TextField(props: TextFieldProps) {
  const [isTyping, setTyping] = useState(false);
  const { id, label, value, change, type = 'text', unit, hint, unfinished, required, placeholder, isWord = false } = props;
  const problem = props.problem ?? (isTyping ? undefined : unfinished);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <span class="input">
        <input
          id={id}
          type={type as 'text'}
          inputMode={type === 'text' && !isWord ? 'decimal' : undefined}
          autocomplete="off"
          required={required}
          placeholder={placeholder}
          value={value}
          aria-invalid={problem !== undefined}
          aria-describedby={`${id}-hint ${id}-problem`}
          onInput={(event) => {
            setTyping(true);
            change(event.currentTarget.value);
          }}
          onBlur={() => setTyping(false)}
        />
        {unit && <span class="unit">{unit}</span>}
      </span>
      <p class="hint" id={`${id}-hint`}>
        {hint}
      </p>
      <p class="problem" id={`${id}-problem`} role="alert">
        {problem}
      </p>
    </div>
  );
}
