/** What a benchmark found, in short. */

import { fixed } from '../core/format.js';
import { html } from '../core/html.js';
import { words } from '../core/words.js';
import { badge } from './badge.js';
import { table } from './table.js';
import * as catalogue from '../words/benchmarks.js';

const t = words(catalogue);
const KINDS = { queued: 'idle', running: 'busy', succeeded: 'good', failed: 'bad', cancelled: 'warn' };

/** Return how a benchmark stands. */
export const benchmarkState = (state) => badge(KINDS[state], t(state));

/** Return the medians of both archives, and their ratio where it is significant. */
export const findings = (rows) =>
  html`${table({
      caption: t('findings'),
      rows,
      key: (row) => `${row.row} ${row.condition}`,
      columns: [
        { title: t('measured'), cell: (row) => row.title },
        { title: t('condition'), cell: (row) => (t.has(row.condition) ? t(row.condition) : row.condition) },
        { title: t('orthanc'), number: true, cell: (row) => milliseconds(row.orthanc_ms) },
        { title: t('dcm4chee'), number: true, cell: (row) => milliseconds(row.dcm4chee_ms) },
        {
          title: t('ratio'),
          number: true,
          cell: (row) =>
            row.performance_ratio === null
              ? html`<span class="hint">${t('withheld', { why: row.withheld ?? '–' })}</span>`
              : fixed(row.performance_ratio, 2),
        },
      ],
    })}
    <p class="hint">${t('ratio_hint')}</p>`;

const milliseconds = (value) => (value === null ? '–' : `${fixed(value, value < 100 ? 1 : 0)} ms`);
