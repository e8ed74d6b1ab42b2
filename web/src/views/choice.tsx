/** One of a few, shown side by side: radio buttons that look like a switch. */

interface ChoiceProps {
  legend: string;
  name: string;
  value: string;
  choices: readonly { value: string; text: string; tone?: string }[];
  choose: (value: string) => void;
}

export function Choice({ legend, name, value, choices, choose }: ChoiceProps) {
  return (
    <fieldset class="choice">
      <legend class="unseen">{legend}</legend>
      {choices.map((one) => (
        <label key={one.value} class={one.tone}>
          <input
            type="radio"
            name={name}
            value={one.value}
            checked={one.value === value}
            onChange={() => choose(one.value)}
          />
          <span>{one.text}</span>
        </label>
      ))}
    </fieldset>
  );
}
