/** One benchmark: how it stands, what it found, and its report with every sample. */

import { get, post } from '../core/api.js';
import { moment, number } from '../core/format.js';
import { html, nothing } from '../core/html.js';
import { path } from '../core/router.js';
import { words } from '../core/words.js';
import { benchmarkState, findings } from '../parts/benchmark.js';
import { doing } from '../parts/button.js';
import { confirmed } from '../parts/dialog.js';
import { shown } from '../parts/states.js';
import { identifier } from '../parts/value.js';
import * as catalogue from '../words/benchmarks.js';

const t = words(catalogue);

export const title = (page) => t('one', { id: page.params.benchmark });

/** Return how the page is drawn. */
export function open(page) {
  const route = `api/benchmarks/${encodeURIComponent(page.params.benchmark)}`;
  const benchmark = page.resource((options) => get(route, {}, options), ['jobs', 'benchmarks']);
  return () => shown(benchmark, (one) => view(page, one, benchmark));
}

function view(page, one, benchmark) {
  const cancel = async () => {
    const sure = { title: t('cancel_title'), body: t('cancel_body'), action: t('cancel'), dangerous: true };
    if (await confirmed(sure)) {
      await post(`${one.job_url}/cancel`);
      await benchmark.refresh();
    }
  };
  const stoppable = ['queued', 'running'].includes(one.status);
  return html`<p role="status">
      ${benchmarkState(one.status)} ${one.progress} ${one.failure ? one.failure.message : nothing}
    </p>
    <p class="hint">
      ${moment(one.requested_at)},
      ${t('conditions', { rounds: one.rounds, scale: number(one.scale, 2), seed: String(one.seed) })}.
      ${one.orthanc_version
        ? t('versions', { orthanc: one.orthanc_version, dcm4chee: one.dcm4chee_version ?? '–' })
        : nothing}
      ${one.stand_in ? html`(${t('stand_in')})` : nothing}
    </p>
    <p>${t('job')}: <a href=${path('jobs', one.job_id)}>${identifier(one.job_id)}</a></p>
    ${stoppable ? doing({ page, name: 'cancel', text: t('cancel'), does: cancel }) : nothing}
    ${one.findings.length > 0 ? html`<h2>${t('findings')}</h2>${findings(one.findings)}` : nothing}
    ${one.report_url ? report(one) : nothing}`;
}

const report = (one) =>
  html`<section aria-labelledby="report">
    <h2 id="report">${t('report')}</h2>
    <p class="buttons">
      <a class="button" href=${one.report_url} target="_blank" rel="noopener">${t('open_report')}</a>
      <a class="button" href=${one.samples_url} download>${t('samples')}</a>
    </p>
    <iframe class="report" title=${t('report')} src=${one.report_url} sandbox></iframe>
  </section>`;
