/** Keeps the focus near where it was when what had it is taken away, as the row of a cancelled order is. */

const AROUND = 'section, figure, dialog, header, main, [role=group], li[aria-label]';

interface Focused {
  element: Element;
  /** What is around it, the nearest first. */
  around: HTMLElement[];
}

let last: Focused | null = null;

function placesAround(element: Element): HTMLElement[] {
  const found: HTMLElement[] = [];
  for (let one = element.parentElement; one; one = one.parentElement) if (one.matches(AROUND)) found.push(one);
  return found;
}

function taken(): void {
  if (!last || last.element.isConnected) return;
  const places = last.around.filter((one) => one.isConnected);
  last = null;
  for (const place of places) {
    // What is hidden takes no focus: then what is around it may.
    if (document.activeElement !== document.body) return;
    if (!place.hasAttribute('tabindex')) place.tabIndex = -1;
    place.focus({ preventScroll: true });
  }
}

export function keepFocus(page: HTMLElement): void {
  page.addEventListener('focusin', ({ target }) => {
    if (target instanceof Element) last = { element: target, around: placesAround(target) };
  });
  page.addEventListener('focusout', ({ target }) =>
    // Who left it for nothing wants no focus; what was taken away is not connected by then.
    queueMicrotask(() => {
      const hasLeft = last?.element === target && last?.element.isConnected;
      if (hasLeft && document.activeElement !== target) last = null;
    }),
  );
  new MutationObserver(taken).observe(page, { childList: true, subtree: true });
}
