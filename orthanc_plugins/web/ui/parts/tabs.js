/** The views of one thing, each with an address of its own. */

import { html } from '../core/html.js';

/**
 * Return the links to the views of one thing.
 *
 * @param {string} label - whose views these are
 * @param {Array<{text: string, to: string, current?: boolean}>} views - `to` is an address as `path` gives it; the
 *   `current` one is that of the path shown, where it is not said
 */
export const tabs = (label, views) =>
  html`<nav class="tabs" aria-label=${label}>
    ${views.map(
      ({ text, to, current }) =>
        html`<a href=${to} aria-current=${(current ?? location.pathname === to) ? 'page' : 'false'}>${text}</a>`,
    )}
  </nav>`;
