/** Fields of forms and filters, each with its label. */

import { html, live } from '../core/html.js';

/**
 * Return a list to choose from.
 *
 * @param {object} options
 * @param {string} options.label
 * @param {string} options.value - what is chosen now
 * @param {Array<[string, string]>} options.options - values with their texts
 * @param {(value: string) => void} options.chosen
 */
export const choice = ({ label, value, options, chosen }) =>
  html`<label class="field">
    <span>${label}</span>
    <select .value=${live(value)} @change=${(event) => chosen(event.target.value)}>
      ${options.map(([one, text]) => html`<option value=${one} ?selected=${one === value}>${text}</option>`)}
    </select>
  </label>`;

/**
 * Return a line of text; `entered` is called when it is left or Enter is pressed.
 *
 * @param {object} options
 * @param {string} options.label
 * @param {string} options.value
 * @param {(value: string) => void} options.entered
 * @param {string} [options.type] - `text`, `search`, `date`, `number` and the like
 * @param {string} [options.hint] - an example, shown while it is empty
 */
export const entry = ({ label, value, entered, type = 'text', hint = '' }) =>
  html`<label class="field">
    <span>${label}</span>
    <input type=${type} .value=${live(value)} placeholder=${hint} @change=${(event) => entered(event.target.value.trim())} />
  </label>`;

/** Return a box to tick. */
export const tick = ({ label, value, ticked }) =>
  html`<label class="tick">
    <input type="checkbox" .checked=${live(value)} @change=${(event) => ticked(event.target.checked)} /> ${label}
  </label>`;
