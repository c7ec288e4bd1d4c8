/** All RT structure sets: those with results, and those whose processing waits, runs or failed. */

import { get } from '../core/api.js';
import { moment, number } from '../core/format.js';
import { html } from '../core/html.js';
import { path, withQuery } from '../core/router.js';
import { words } from '../core/words.js';
import { badge } from '../parts/badge.js';
import { choice, entry } from '../parts/fields.js';
import { jobStanding } from '../parts/job.js';
import { LIMIT, atLeast, offsetOf, paging } from '../parts/paging.js';
import { empty, shown } from '../parts/states.js';
import { table } from '../parts/table.js';
import { identifier } from '../parts/value.js';
import * as catalogue from '../words/structures.js';

const t = words(catalogue);
const STATES = ['waiting', 'queued', 'running', 'failed', 'cancelled'];

export const title = () => t('all');

/** Return how the page is drawn; the query says which: `study`, and `state` for those without results yet. */
export function open(page) {
  const offset = offsetOf(page.query);
  const [state, study] = ['state', 'study'].map((name) => page.query.get(name) ?? '');
  const query = { study, limit: LIMIT, offset };
  const sets = page.resource(
    (options) =>
      state
        ? get('api/jobs', { ...query, kind: 'extract_structures', state }, options).then(({ jobs }) => jobs)
        : get('api/rtstruct', query, options).then(({ results }) => results),
    ['jobs'],
  );
  const filters = () => html`<div class="filters">
    ${choice({
      label: t('which'),
      value: state,
      options: [['', t('with_results')], ...STATES.map((one) => [one, t(`without_${one}`)])],
      chosen: (one) => page.ask({ state: one }),
    })}
    ${entry({ label: t('study_is'), value: study, entered: (text) => page.ask({ study: text }), type: 'search' })}
  </div>`;
  return () =>
    html`${filters()}
    ${shown(sets, (found) => html`${list(found, state, study)} ${paging({ total: atLeast(found, offset), offset })}`)}`;
}

const list = (sets, state, study) =>
  table({
    caption: t('all'),
    rows: sets,
    key: (set) => set.sop_instance_uid,
    none: empty(state || study ? t('none_such') : t('none')),
    columns: [
      {
        title: t('set'),
        cell: (set) =>
          html`<a
            href=${withQuery(path('studies', set.study_uid, 'structures'), {
              series: set.series_uid,
              set: set.sop_instance_uid,
            })}
            >${identifier(set.sop_instance_uid)}</a
          >`,
      },
      { title: t('study'), cell: (set) => identifier(set.study_uid) },
      ...(state ? ofJob() : ofResult()),
    ],
  });

const ofResult = () => [
  { title: t('regions'), number: true, cell: (set) => number(set.regions) },
  {
    title: t('problems'),
    cell: (set) =>
      set.regions_with_problems > 0
        ? badge('warn', t('with_problems', { count: set.regions_with_problems }))
        : badge('good', t('no_problem')),
  },
  { title: t('made_at'), cell: (set) => moment(set.created_at) },
];
const ofJob = () => [
  { title: t('processing'), cell: jobStanding },
  { title: t('asked_at'), cell: (job) => moment(job.requested_at) },
];
