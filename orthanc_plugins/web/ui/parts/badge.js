/** A state in a word and a colour; the sign before it tells it without colour. */

import { html } from '../core/html.js';

const SIGNS = { good: '✓', bad: '✕', warn: '!', busy: '…', idle: '•' };

/**
 * Return a badge.
 *
 * @param {'good' | 'bad' | 'warn' | 'busy' | 'idle'} kind
 * @param {string} text
 */
export const badge = (kind, text) =>
  html`<span class="badge ${kind}"><span class="sign" aria-hidden="true">${SIGNS[kind]}</span>${text}</span>`;
