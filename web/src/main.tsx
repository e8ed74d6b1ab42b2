/** Begins the page. */
import { render } from 'preact';
import { begin } from './app/session';
import { Shell } from './views/shell';
import './styles/tokens.css';
import './styles/layout.css';
import './styles/parts.css';

render(<Shell />, document.getElementById('page')!);
void begin();
