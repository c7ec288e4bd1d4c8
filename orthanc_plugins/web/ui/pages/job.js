/** One job: its phases and steps, what went wrong, and doing it again. */

import { get, post } from '../core/api.js';
import { duration, moment } from '../core/format.js';
import { html, nothing } from '../core/html.js';
import { path } from '../core/router.js';
import { words } from '../core/words.js';
import { doing } from '../parts/button.js';
import { confirmed } from '../parts/dialog.js';
import { jobError, jobKind, jobPhases, jobState, jobSteps, jobWaiting, UNFINISHED } from '../parts/job.js';
import { tell } from '../parts/messages.js';
import { shown } from '../parts/states.js';
import { identifier } from '../parts/value.js';
import * as catalogue from '../words/jobs.js';

const t = words(catalogue);
const AGAIN = new Set(['waiting', 'failed', 'cancelled']);
const EVERY_MS = 2000;
const TRANSFER = 'transfer-study.';

export const title = () => t('one');

/** Return how the page is drawn. */
export function open(page) {
  const route = `api/jobs/${encodeURIComponent(page.params.job)}`;
  const job = page.resource((options) => get(route, {}, options), ['jobs']);
  page.every(EVERY_MS, () => UNFINISHED.has(job.value?.state) && job.refresh());
  return () => shown(job, (one) => view(page, route, one, job));
}

const view = (page, route, one, job) =>
  html`<p role="status">${jobKind(one.kind)} ${jobState(one.state)}</p>
    ${jobWaiting(one.waiting)} ${jobError(one.error)}
    <p class="buttons">${actions(page, route, one, job)} ${results(one)}</p>
    <div class="panels">
      <section class="panel"><h2>${t('details')}</h2>${details(one)}</section>
      ${one.phases.length > 0
        ? html`<section class="panel"><h2>${t('phases')}</h2>${jobPhases(one.phases)}</section>`
        : nothing}
    </div>
    <section><h2>${t('steps')}</h2>${jobSteps(one.steps)}</section>`;

/** Links to what the job has made or is about. */
function results(one) {
  const link = (to, text) => html`<a class="button" href=${to}>${text}</a>`;
  return html`${one.study_uid && one.series_uid
    ? link(structures(one), t('structures'))
    : nothing}
  ${one.job_id.startsWith(TRANSFER)
    ? link(path('transfers', one.job_id.slice(TRANSFER.length)), t('transfer'))
    : nothing}`;
}

const structures = ({ study_uid: study, series_uid: series, sop_instance_uid: set }) =>
  `${path('studies', study, 'structures')}?${new URLSearchParams({ series, set })}`;

function details(one) {
  const fact = (name, value) =>
    html`<dt>${t(name)}</dt>
      <dd>${value}</dd>`;
  return html`<dl class="facts">
    ${one.study_uid ? fact('study', html`<a href=${path('studies', one.study_uid)}>${identifier(one.study_uid)}</a>`) : nothing}
    ${one.series_uid ? fact('series', identifier(one.series_uid)) : nothing}
    ${one.sop_instance_uid ? fact('instance', identifier(one.sop_instance_uid)) : nothing}
    ${fact('requested_at', moment(one.requested_at))} ${fact('started_at', moment(one.started_at))}
    ${fact('ended_at', moment(one.ended_at))} ${fact('took', duration(one.duration_s))}
    ${fact('worker', one.worker ?? '–')} ${fact('identifier', identifier(one.job_id))}
  </dl>`;
}

function actions(page, route, one, job) {
  const retry = async () => {
    await post(`${route}/retry`);
    tell(t('asked_again'));
    await job.refresh();
  };
  const cancel = async () => {
    if (await confirmed({ title: t('cancel_title'), body: t('cancel_body'), action: t('cancel'), dangerous: true })) {
      await post(`${route}/cancel`);
      tell(t('cancelled_now'));
      await job.refresh();
    }
  };
  return html`${AGAIN.has(one.state)
    ? doing({ page, name: 'retry', text: t('retry'), kind: 'primary', does: retry })
    : nothing}
  ${UNFINISHED.has(one.state) ? doing({ page, name: 'cancel', text: t('cancel'), does: cancel }) : nothing}`;
}
