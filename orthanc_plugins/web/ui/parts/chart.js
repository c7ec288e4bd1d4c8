/** Charts as SVG with the same numbers as a table beside them; colours come from the style sheet. */

import { html, nothing, svg } from '../core/html.js';
import { number } from '../core/format.js';
import { words } from '../core/words.js';
import * as catalogue from '../words/parts.js';
import { table } from './table.js';

const t = words(catalogue);
const WIDTH = 640;
const HEIGHT = 220;
const LEFT = 64;
const BOTTOM = 28;
const TOP = 12;
const TICKS = 4;

/**
 * Return lines over time, a dot at each point.
 *
 * @param {object} options
 * @param {string} options.title - what is shown, for those who do not see it
 * @param {string[]} options.labels - of the points along the time, as text
 * @param {Array<{name: string, kind: string, values: number[]}>} options.series - `kind` is the class of its colour
 */
export function lines({ title, labels, series }) {
  const top = roundedUp(Math.max(1, ...series.flatMap(({ values }) => values)));
  const x = (index) => LEFT + (index * (WIDTH - LEFT - 16)) / Math.max(labels.length - 1, 1);
  const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const ticks = Array.from({ length: TICKS + 1 }, (_, index) => (top * index) / TICKS);
  const dates = labels.length > 1 ? [0, labels.length - 1] : [0];
  return html`<figure class="chart">
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${title}>
      ${ticks.map(
        (tick) => svg`<line class="grid" x1=${LEFT} x2=${WIDTH - 16} y1=${y(tick)} y2=${y(tick)}></line>
          <text x=${LEFT - 8} y=${y(tick) + 4} text-anchor="end">${number(tick)}</text>`,
      )}
      ${dates.map(
        (index) => svg`<text x=${x(index)} y=${HEIGHT - 8} text-anchor=${index ? 'end' : 'start'}>${labels[index]}</text>`,
      )}
      ${series.map(
        ({ kind, values }) => svg`<polyline class="line ${kind}"
          points=${values.map((value, index) => `${x(index)},${y(value)}`).join(' ')}></polyline>`,
      )}
    </svg>
    <figcaption>${series.map(({ name, kind }) => html`<span class="key ${kind}">${name}</span>`)}</figcaption>
    <details>
      <summary>${t('table')}</summary>
      ${table({
        caption: title,
        rows: labels.map((label, index) => ({ label, index })).reverse(),
        key: (row) => row.label,
        columns: [
          { title: '', cell: (row) => row.label },
          ...series.map(({ name, values }) => ({ title: name, number: true, cell: (row) => number(values[row.index]) })),
        ],
      })}
    </details>
  </figure>`;
}

/**
 * Return shares of a whole as bars.
 *
 * @param {Array<{name: string, value: number, kind?: string}>} rows
 * @param {(value: number) => string} [shows]
 */
export function bars(rows, shows = number) {
  const most = Math.max(1, ...rows.map(({ value }) => value));
  return html`<ul class="bars">
    ${rows.map(
      ({ name, value, kind }) => html`<li>
        <span class="bar-name"><bdi>${name}</bdi></span>
        <svg class="bar ${kind ?? ''}" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
          <rect width=${(100 * value) / most} height="10"></rect>
        </svg>
        <span class="bar-value">${shows(value)}</span>
      </li>`,
    )}
  </ul>`;
}

/** Return a swatch of a colour that comes from data, such as a region's. */
export const swatch = (colour) =>
  colour
    ? html`<svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" fill=${colour}></rect></svg>`
    : nothing;

function roundedUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 4, 5, 8, 10].find((factor) => factor * power >= value);
  return Math.max(TICKS, step * power);
}
