/** Buttons that do something on the server: they say that they work, and tell a failure. */

import { html } from '../core/html.js';
import { Problem } from '../core/api.js';
import { explained } from './states.js';
import { tell } from './messages.js';

const working = new Set();

/**
 * Return a button that does something, once at a time.
 *
 * @param {object} options
 * @param {import('../core/page.js').Page} options.page
 * @param {string} options.name - tells it from the other buttons of the page
 * @param {unknown} options.text
 * @param {() => Promise<void>} options.does - a `Problem` it rejects with is told
 * @param {'primary' | 'danger' | ''} [options.kind]
 * @param {boolean} [options.disabled]
 */
export function doing({ page, name, text, does, kind = '', disabled = false }) {
  const key = `${location.pathname} ${name}`;
  const busy = working.has(key);
  const click = async () => {
    working.add(key);
    page.render();
    try {
      await does();
    } catch (error) {
      if (error.name === 'AbortError') {
        return;
      }
      if (!(error instanceof Problem)) {
        page.failed(error);
        return;
      }
      tell(explained(error), 'bad');
    } finally {
      working.delete(key);
      page.render();
    }
  };
  return html`<button type="button" class="button ${kind}" ?disabled=${disabled || busy} aria-busy=${busy} @click=${click}>
    ${text}
  </button>`;
}
