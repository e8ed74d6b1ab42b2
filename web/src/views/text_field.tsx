/** A labelled field with its hint, and what is wrong with it beside it. */

interface TextFieldProps {
  id: string;
  label: string;
  value: string;
  change: (value: string) => void;
  type?: 'text' | 'datetime-local';
  unit?: string;
  hint?: string | undefined;
  problem?: string | undefined;
  required?: boolean;
  placeholder?: string;
  /** Text, not an amount. */
  isWord?: boolean;
}

export function TextField(props: TextFieldProps) {
  const { id, label, value, change, type = 'text', unit, hint, problem, required, placeholder, isWord = false } = props;
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
          onInput={(event) => change(event.currentTarget.value)}
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
