/** What the workers were asked to do, and how it stands. */

import { get } from '../core/api.js';
import { duration, moment } from '../core/format.js';
import { html } from '../core/html.js';
import { path, withQuery } from '../core/router.js';
import { words } from '../core/words.js';
import { choice, entry } from '../parts/fields.js';
import { jobKind, jobStanding, UNFINISHED } from '../parts/job.js';
import { LIMIT, atLeast, offsetOf, paging } from '../parts/paging.js';
import { empty, shown } from '../parts/states.js';
import { table } from '../parts/table.js';
import { identifier } from '../parts/value.js';
import * as catalogue from '../words/jobs.js';

const t = words(catalogue);
const STATES = ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'];
const KINDS = Object.keys(catalogue.en)
  .filter((key) => key.startsWith('kind_'))
  .map((key) => key.slice('kind_'.length));
const EVERY_MS = 3000;

export const title = () => t('title');

/** Return how the page is drawn; the query says which jobs: `state`, `kind`, `study` (UID or Orthanc's identifier). */
export function open(page) {
  const offset = offsetOf(page.query);
  const wanted = Object.fromEntries(['state', 'kind', 'study'].map((name) => [name, page.query.get(name)]));
  const jobs = page.resource((options) => get('api/jobs', { ...wanted, limit: LIMIT, offset }, options), ['jobs']);
  page.every(EVERY_MS, () => jobs.value?.jobs.some(({ state }) => UNFINISHED.has(state)) && jobs.refresh());
  return () =>
    html`${filters(page, wanted)}
    ${shown(jobs, ({ jobs: found }) => html`${list(found, wanted)} ${paging({ total: atLeast(found, offset), offset })}`)}`;
}

function filters(page, wanted) {
  const all = (name, values, text) =>
    choice({
      label: t(name),
      value: wanted[name] ?? '',
      options: [['', t('any')], ...values.map((value) => [value, text(value)])],
      chosen: (value) => page.ask({ [name]: value }),
    });
  return html`<div class="filters">
      ${all('state', STATES, (state) => t(`state_${state}`))} ${all('kind', KINDS, jobKind)}
      ${entry({ label: t('study_is'), value: wanted.study ?? '', entered: (study) => page.ask({ study }), type: 'search' })}
    </div>`;
}

const list = (jobs, wanted) =>
  table({
    caption: t('title'),
    rows: jobs,
    key: (job) => job.job_id,
    none: empty(Object.values(wanted).some(Boolean) ? t('none_such') : t('none')),
    columns: [
      { title: t('kind'), cell: (job) => html`<a href=${path('jobs', job.job_id)}>${jobKind(job.kind)}</a>` },
      { title: t('state'), cell: jobStanding },
      {
        title: t('study'),
        cell: (job) =>
          job.study_uid
            ? html`<a href=${withQuery(path('jobs'), { study: job.study_uid })}>${identifier(job.study_uid)}</a>`
            : '–',
      },
      { title: t('requested_at'), cell: (job) => moment(job.requested_at) },
      { title: t('took'), number: true, cell: (job) => duration(job.duration_s) },
    ],
  });
