/** What this browser keeps for the page; where it keeps nothing, the page works without. */

type Place = 'sessionStorage' | 'localStorage';

export function keptText(place: Place, name: string): string | null {
  try {
    return window[place].getItem(name);
  } catch {
    // Browsers that block storage throw at its mention.
    return null;
  }
}

/** Keep *text*; nothing with null. */
export function keepText(place: Place, name: string, text: string | null): void {
  try {
    if (text === null) window[place].removeItem(name);
    else window[place].setItem(name, text);
  } catch {
    return;
  }
}
