/** Light or dark: as the system says, or as the user chose, which this browser remembers. */
import { effect, signal } from '@preact/signals';
import { keepText, keptText } from './kept';

export type Theme = 'system' | 'light' | 'dark';

const KEPT = 'pmengine.theme';
const kept = keptText('localStorage', KEPT);

export const theme = signal<Theme>(kept === 'light' || kept === 'dark' ? kept : 'system');
const darkSystem = matchMedia('(prefers-color-scheme: dark)');
export const isDark = signal(darkSystem.matches);

darkSystem.addEventListener('change', judge);

function judge(): void {
  isDark.value = theme.value === 'dark' || (theme.value === 'system' && darkSystem.matches);
}

effect(() => {
  judge();
  document.documentElement.dataset.theme = isDark.value ? 'dark' : 'light';
  keepText('localStorage', KEPT, theme.value === 'system' ? null : theme.value);
});
