/** Begins the page. */
import { render } from 'preact';
import { begin } from './app/session';
import { Shell } from './views/shell';
import './styles/tokens.css';
import './styles/layout.css';
import './styles/parts.css';
import './styles/markets.css';
import './styles/market.css';
import './styles/ticket.css';
import './styles/own.css';
import './styles/admin.css';
import './styles/notices.css';

render(<Shell />, document.getElementById('page')!);
void begin();
