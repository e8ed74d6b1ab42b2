/** A button that keeps the focus while what it began is under way, and begins nothing more then. */
import type { ComponentProps } from 'preact';

interface ActionProps extends Omit<ComponentProps<'button'>, 'onClick'> {
  isBusy: boolean;
  onClick?: () => void;
}

/** A button that is disabled loses the focus, and with it who uses the page without a mouse. */
export function Action({ isBusy, onClick, ...rest }: ActionProps) {
  return (
    <button
      {...rest}
      aria-disabled={isBusy}
      onClick={(event) => {
        // Also what Enter in a field of the form sends comes as a click on its button.
        if (isBusy) event.preventDefault();
        else onClick?.();
      }}
    />
  );
}
