/** Begins the page. */
import { render } from 'preact';
import { keepFocus } from './app/kept_focus';
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

const page = document.getElementById('page')!;
render(<Shell />, page);
keepFocus(page);
void begin();
