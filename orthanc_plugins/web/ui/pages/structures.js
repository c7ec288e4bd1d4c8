/** The RT structure sets of a study: how each stands, and the results of the one that is chosen. */

import { get, post } from '../core/api.js';
import { fixed, moment } from '../core/format.js';
import { html, nothing } from '../core/html.js';
import { here, path, withQuery } from '../core/router.js';
import { words } from '../core/words.js';
import { doing } from '../parts/button.js';
import { choice } from '../parts/fields.js';
import { jobError, jobPhases, jobStanding, jobState, jobWaiting, UNFINISHED } from '../parts/job.js';
import { tell } from '../parts/messages.js';
import { doses, pictures, problems, regions } from '../parts/regions.js';
import { empty, shown } from '../parts/states.js';
import { table } from '../parts/table.js';
import { identifier, value } from '../parts/value.js';
import * as catalogue from '../words/structures.js';

const t = words(catalogue);
const EVERY_MS = 2000;
const MOST = 500;
const WHOLE = ['report.pdf', 'results.zip', 'regions.csv', 'results.json', 'contours.json', 'labels.nii.gz', 'scene.html'];
const OPENED = new Set(['report.pdf', 'scene.html']);

export const title = () => t('title');

/** Return how the page is drawn; the query's `series` and `set` say which structure set is meant, `process` to offer it. */
export function open(page) {
  const study = page.params.study;
  const view = { page, study, watched: new Set(), with: '' };
  view.sets = page.resource((options) => setsOf(page, study, options), ['jobs']);
  page.every(EVERY_MS, () => view.sets.value?.some(isUnderWay) && view.sets.refresh());
  return () => shown(view.sets, (sets) => ofStudy(view, sets));
}

const isUnderWay = ({ job }) => job !== undefined && UNFINISHED.has(job.state);

/** Return the structure sets of a study that are known: those with results, and those with a job alone. */
async function setsOf(page, study, options) {
  const [found, asked] = await Promise.all([
    get('api/rtstruct', { study, limit: MOST }, options),
    get('api/jobs', { study, kind: 'extract_structures', limit: MOST }, options),
  ]);
  const sets = new Map();
  for (const result of found.results) {
    sets.set(result.sop_instance_uid, { ...result, result });
  }
  for (const job of asked.jobs) {
    const known = sets.get(job.sop_instance_uid);
    if (known?.job === undefined) {
      sets.set(job.sop_instance_uid, { ...job, ...known, job });
    }
  }
  return [...sets.values()];
}

function ofStudy(view, sets) {
  const { page, study } = view;
  const [series, set] = ['series', 'set'].map((name) => page.query.get(name));
  const meant = sets.filter(
    (one) => (!set || one.sop_instance_uid === set) && (!series || one.series_uid === series),
  );
  const chosen = meant.length === 1 ? meant[0] : undefined;
  return html`<p class="buttons">
      <a class="button" href=${path('studies', study)}>${t('study')}</a>
      <a class="button" href=${path('open', 'orthanc', study)} target="_blank" rel="noopener">${t('viewer')}</a>
      <a class="button" href=${withQuery(path('jobs'), { study })}>${t('jobs')}</a>
    </p>
    ${sets.length === 0 ? none(view) : nothing} ${sets.length > 0 && !chosen ? choose(view, sets, meant) : nothing}
    ${chosen ? one(view, chosen, sets) : nothing}`;
}

const none = (view) => empty(t('none_of_study'), html`<p>${processing(view, {}, t('look'))}</p>`);

const choose = (view, sets, meant) =>
  html`<p>${t('choose', { count: sets.length })}</p>
    ${table({
      caption: t('sets'),
      rows: meant.length > 0 ? meant : sets,
      key: (set) => set.sop_instance_uid,
      columns: [
        {
          title: t('set'),
          cell: (set) =>
            html`<a href=${here({ series: set.series_uid, set: set.sop_instance_uid })}
              >${identifier(set.sop_instance_uid)}</a
            >`,
        },
        { title: t('regions'), number: true, cell: (set) => (set.result ? String(set.result.regions) : '–') },
        { title: t('made_at'), cell: (set) => moment(set.result?.created_at) },
        { title: t('processing'), cell: ({ job }) => (job ? jobStanding(job) : nothing) },
      ],
    })}`;

function one(view, set, sets) {
  const { page } = view;
  const made = `${set.sop_instance_uid} ${set.result?.created_at}`;
  if (view.of !== made) {
    view.of = made;
    view.results = set.result && page.resource((options) => get(set.result.href, {}, options));
    view.comparison = undefined;
  }
  const others = html`<p><a href=${path('studies', view.study, 'structures')}>${t('others')}</a></p>`;
  return html`${sets.length > 1 ? others : nothing}
    ${progress(view, set)}
    <p class="buttons">
      ${processing(view, set, set.result ? t('again') : t('process'), Boolean(set.result), isUnderWay(set))}
    </p>
    ${view.results ? shown(view.results, (found) => results(view, found, sets)) : nothing}`;
}

/** Return how the processing of a set stands: its phases while it runs, else what it waits for or why it failed. */
function progress(view, set) {
  const { page } = view;
  if (isUnderWay(set)) {
    view.watched.add(set.job.job_id);
  }
  if (!set.job || (set.job.state === 'succeeded' && !view.watched.has(set.job.job_id))) {
    return nothing;
  }
  if (view.phases?.of !== set.job.job_id) {
    const job = page.resource((options) => get(`api/jobs/${encodeURIComponent(set.job.job_id)}`, {}, options), ['jobs']);
    view.phases = { of: set.job.job_id, job };
    page.every(EVERY_MS / 2, () => view.phases.job === job && UNFINISHED.has(job.value?.state) && job.refresh());
  }
  return html`<section class="panel" aria-live="polite">
    <h2>${t('processing')}</h2>
    ${shown(
      view.phases.job,
      (job) => html`<p>${jobState(job.state)} <a href=${path('jobs', job.job_id)}>${t('its_job')}</a></p>
        ${jobWaiting(job.waiting)} ${jobError(job.error)} ${job.phases.length > 0 ? jobPhases(job.phases) : nothing}`,
    )}
  </section>`;
}

/** Return the button that asks for the processing of a set, or of the one there may be. */
function processing({ page, study, sets }, set, text, again = false, disabled = false) {
  const does = async () => {
    await post('api/process', {
      study_instance_uid: study,
      ...(set.series_uid ? { series_instance_uid: set.series_uid, sop_instance_uid: set.sop_instance_uid } : {}),
      again,
      synchronous: false,
    });
    tell(t('asked'));
    await sets.refresh();
  };
  const kind = again && page.query.get('process') !== '1' ? '' : 'primary';
  return doing({ page, name: `process ${set.sop_instance_uid ?? ''}`, text, kind, does, disabled });
}

function results(view, found, sets) {
  const { results: content, files } = found;
  const whole = problems(content.problems.filter(({ region }) => region === null || region === undefined));
  return html`<section>
      <h2>${t('results')}</h2>
      <p>
        ${value(content.sources.structure_set_label)}
        <span class="hint">${t('made', { when: moment(found.created_at), count: content.sources.images ?? 0 })}</span>
      </p>
      ${whole} ${regions(content.regions, files)}
    </section>
    ${content.doses.length > 0
      ? html`<section>
          <h2>${t('doses')}</h2>
          ${doses(content)}
          ${files['dvh.png'] ? html`<img class="picture" src=${files['dvh.png']} alt=${t('curves')} />` : nothing}
        </section>`
      : nothing}
    ${files['scene.html']
      ? html`<section>
          <h2>${t('scene')}</h2>
          <p class="hint">${t('scene_keys')}</p>
          <iframe
            class="scene"
            loading="lazy"
            sandbox="allow-scripts"
            src=${files['scene.html']}
            title=${t('scene')}
          ></iframe>
        </section>`
      : nothing}
    <section>
      <h2>${t('pictures')}</h2>
      ${files['overview.png']
        ? html`<p><img class="picture" src=${files['overview.png']} alt=${t('overview')} /></p>`
        : nothing}
      ${pictures(content.regions, files)}
    </section>
    <section>
      <h2>${t('downloads')}</h2>
      <p class="buttons">
        ${WHOLE.filter((name) => files[name]).map(
          (name) => file(files[name], t(`file_${name.replaceAll('.', '_')}`), OPENED.has(name)),
        )}
      </p>
    </section>
    ${comparing(view, found, sets)}`;
}

const file = (to, text, opened) =>
  opened
    ? html`<a class="button" href=${to} target="_blank" rel="noopener">${text}</a>`
    : html`<a class="button" href=${to} download>${text}</a>`;

/** Return the comparison with another set of the study that has results. */
function comparing(view, found, sets) {
  const others = sets.filter((set) => set.result && set.sop_instance_uid !== found.sop_instance_uid);
  if (others.length === 0) {
    return nothing;
  }
  const other = view.with || others[0].sop_instance_uid;
  const does = async () => {
    view.comparison = await get(
      'api/rtstruct/comparison',
      { a: found.sop_instance_uid, b: other, wait_s: 600 },
      { signal: view.page.signal },
    );
  };
  return html`<section>
    <h2>${t('comparison')}</h2>
    <div class="filters">
      ${choice({
        label: t('other'),
        value: other,
        options: others.map(({ sop_instance_uid: uid, result }) => [uid, `${uid} (${moment(result.created_at)})`]),
        chosen: (set) => {
          view.with = set;
          view.comparison = undefined;
          view.page.render();
        },
      })}
      ${doing({ page: view.page, name: 'compare', text: t('compare'), does })}
    </div>
    <div role="status">${view.comparison ? compared(view.comparison) : nothing}</div>
  </section>`;
}

const compared = (answer) =>
  answer.pairs === undefined
    ? html`<p class="notice">${t('not_yet')}</p>`
    : html`${problems(answer.problems)}
      ${table({
        caption: t('comparison'),
        rows: answer.pairs,
        key: (pair) => `${pair.region} ${pair.other}`,
        columns: [
          { title: t('region'), cell: (pair) => value(pair.region_name) },
          { title: t('other_region'), cell: (pair) => value(pair.other_name) },
          { title: t('volume'), number: true, cell: (pair) => fixed(pair.overlap?.volume_voxels_cc, 2) },
          { title: t('other_volume'), number: true, cell: (pair) => fixed(pair.overlap?.other_volume_voxels_cc, 2) },
          { title: t('dice'), number: true, cell: (pair) => fixed(pair.overlap?.dice, 3) },
          { title: t('hausdorff'), number: true, cell: (pair) => fixed(pair.surface?.hausdorff_mm, 2) },
        ],
      })}
      ${answer.unmatched.length > 0
        ? html`<p>${t('unmatched')}</p>
            <ul>
              ${answer.unmatched.map((region) => html`<li>${value(region.name)} (${t(region.structure_set)})</li>`)}
            </ul>`
        : nothing}`;
