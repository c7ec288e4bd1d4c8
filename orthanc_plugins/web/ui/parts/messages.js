/** Messages that tell what has happened, at the edge of the page and to screen readers. */

import { html, render } from '../core/html.js';
import { words } from '../core/words.js';
import * as catalogue from '../words/parts.js';

const t = words(catalogue);
const STAYS_MS = 8000;
const messages = [];
let next = 0;

/**
 * Tell something.
 *
 * @param {unknown} content - text or template
 * @param {'good' | 'bad' | 'info'} [kind] - a bad one stays until it is closed
 */
export function tell(content, kind = 'info') {
  const message = { number: next++, content, kind };
  messages.push(message);
  if (kind !== 'bad') {
    setTimeout(() => close(message), STAYS_MS);
  }
  show();
}

function close(message) {
  const index = messages.indexOf(message);
  if (index >= 0) {
    messages.splice(index, 1);
    show();
  }
}

function show() {
  render(
    messages.map(
      (message) => html`<div class="message ${message.kind}">
        <div>${message.content}</div>
        <button type="button" class="icon-button" aria-label=${t('close')} @click=${() => close(message)}>✕</button>
      </div>`,
    ),
    document.getElementById('messages'),
  );
}
