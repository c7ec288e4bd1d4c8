/** Tables; on a narrow screen each row becomes a card whose cells name their columns. */

import { html, nothing, repeat } from '../core/html.js';
import { empty } from './states.js';

/**
 * Return a table.
 *
 * @param {object} options
 * @param {string} options.caption - what the table is, for those who do not see the heading above it
 * @param {Array<{title: string, cell: (row: any) => unknown, number?: boolean, kind?: string}>} options.columns -
 *   `cell` shows a row's value, `number` aligns it to the right, `kind` is a class of its cells
 * @param {any[]} options.rows
 * @param {(row: any) => string} options.key - what tells a row from the others
 * @param {unknown} [options.none] - shown instead of a table without rows
 */
export function table({ caption, columns, rows, key, none }) {
  if (rows.length === 0) {
    return none ?? empty();
  }
  const name = (column) => `${column.number ? 'number' : ''} ${column.kind ?? ''}`;
  return html`<div class="table-frame" role="region" aria-label=${caption} tabindex="0">
    <table>
      <caption class="unseen">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col" class=${name(column)}>${column.title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${repeat(
          rows,
          key,
          (row) => html`<tr>
            ${columns.map(
              (column) => html`<td class=${name(column)} data-title=${column.title}>
                <div>${column.cell(row) ?? nothing}</div>
              </td>`,
            )}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
