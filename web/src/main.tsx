/** Begins the page. */
import { render } from 'preact';
import { tellOf } from './app/announcing';
import { begin } from './app/session';
import { told } from './api/problem';
import { Shell } from './views/shell';
import './styles/tokens.css';
import './styles/layout.css';
import './styles/parts.css';

render(<Shell />, document.getElementById('page')!);
begin().catch((error: unknown) => tellOf(`Not signed in: ${told(error)}`, 'bad'));
