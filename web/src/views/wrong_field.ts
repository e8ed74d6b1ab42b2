/** Leads people to the field that is to be put right, wherever it is. */

/** Give the focus to the first field of *form* that is wrong, once it is drawn as such. */
export function focusWrong(form: HTMLElement | null): void {
  requestAnimationFrame(() => {
    const field = form?.querySelector<HTMLElement>('[aria-invalid=true]');
    const folded = field?.closest('details');
    if (folded) folded.open = true;
    field?.focus();
  });
}
