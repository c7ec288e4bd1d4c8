/** Values from DICOM: text of any length, direction and content, shown as text. */

import { html } from '../core/html.js';
import { dicomDate, personName } from '../core/format.js';
import { words } from '../core/words.js';
import * as catalogue from '../words/parts.js';

const t = words(catalogue);
const LONGEST = 160;

/** Return a value; of one that is very long the beginning, the rest on demand. "–" for nothing. */
export function value(text) {
  const whole = text === null || text === undefined || text === '' ? '–' : String(text);
  if (whole.length <= LONGEST) {
    return html`<bdi class="value">${whole}</bdi>`;
  }
  return html`<details class="long-value">
    <summary><bdi class="value">${whole.slice(0, LONGEST)}…</bdi> <span class="hint">${t('more')}</span></summary>
    <bdi class="value">${whole}</bdi>
  </details>`;
}

/** Return a person's name as it is spoken. */
export const person = (name) => value(personName(name));

/** Return a date as it is written here. */
export const date = (text) => value(dicomDate(text));

/** Return a UID or another identifier: small, and taken whole by a double click. */
export const identifier = (text) => html`<code class="identifier">${text ?? '–'}</code>`;
