/** Leafing through a list that the server gives page by page; the page is part of the address. */

import { html, nothing } from '../core/html.js';
import { here } from '../core/router.js';
import { words } from '../core/words.js';
import * as catalogue from '../words/parts.js';

const t = words(catalogue);

/** How many rows a page of a list has. */
export const LIMIT = 50;

/** Return where a list begins, as the address says. */
export const offsetOf = (query) => Math.max(0, Number.parseInt(query.get('offset') ?? '0', 10) || 0);

/** Return how many rows there are at least, of a route that does not count: a full page may have another behind it. */
export const atLeast = (found, offset) => offset + found.length + (found.length === LIMIT ? 1 : 0);

/**
 * Return the links that leaf through a list.
 *
 * @param {object} options
 * @param {number} options.total - rows on all pages
 * @param {number} options.offset - rows before this page
 * @param {number} [options.limit] - rows of a page
 */
export function paging({ total, offset, limit = LIMIT }) {
  if (total <= limit && offset === 0) {
    return nothing;
  }
  const link = (text, to, possible, rel) =>
    possible
      ? html`<a class="button" rel=${rel} href=${here({ offset: to || undefined })}>${text}</a>`
      : html`<span class="button" aria-disabled="true">${text}</span>`;
  return html`<nav class="paging" aria-label=${t('pages')}>
    ${link(t('previous'), Math.max(0, offset - limit), offset > 0, 'prev')}
    <span>${t('range', { first: Math.min(offset + 1, total), last: Math.min(offset + limit, total), total })}</span>
    ${link(t('next'), offset + limit, offset + limit < total, 'next')}
  </nav>`;
}
