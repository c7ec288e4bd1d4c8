/** Keeping both archives in step: how it stands, a round now, and what has happened. */

import { get, post } from '../core/api.js';
import { ago, duration, moment, number } from '../core/format.js';
import { html, nothing } from '../core/html.js';
import { path, withQuery } from '../core/router.js';
import { words } from '../core/words.js';
import { badge } from '../parts/badge.js';
import { doing } from '../parts/button.js';
import { confirmed } from '../parts/dialog.js';
import { tell } from '../parts/messages.js';
import { LIMIT, offsetOf, paging } from '../parts/paging.js';
import { empty, shown } from '../parts/states.js';
import { table } from '../parts/table.js';
import { tabs } from '../parts/tabs.js';
import { identifier } from '../parts/value.js';
import * as catalogue from '../words/sync.js';

const t = words(catalogue);
const say = (key, raw) => (t.has(key) ? t(key) : raw);
const ARCHIVE_KINDS = { current: 'good', incomplete: 'busy' };
const ROUND_KINDS = { running: 'busy', succeeded: 'good', partial: 'warn', failed: 'bad' };
const EVENT_KINDS = { appeared: 'good', changed: 'warn', disappeared: 'bad' };
const LISTS = {
  history: { route: 'api/sync/history', rows: 'runs', view: rounds },
  events: { route: 'api/sync/events', rows: 'events', view: events },
  tombstones: { route: 'api/sync/tombstones', rows: 'tombstones', view: tombstones },
};

export const title = () => t('title');

/** Return how the page is drawn; the query's `list` says which of the lists below is shown. */
export function open(page) {
  const offset = offsetOf(page.query);
  const name = page.query.get('list') in LISTS ? page.query.get('list') : 'history';
  const list = LISTS[name];
  const standing = page.resource((options) => get('api/sync/status', {}, options), ['inventory', 'transfers', 'jobs']);
  const rows = page.resource((options) => get(list.route, { limit: LIMIT, offset }, options), ['inventory']);
  const asked = () => Promise.all([standing.refresh(), rows.refresh()]);
  return () =>
    html`${shown(standing, (status) => overview(page, status, asked))}
      ${tabs(
        t('title'),
        Object.keys(LISTS).map((one) => ({ text: t(one), to: withQuery(path('sync'), { list: one }), current: one === name })),
      )}
      <section aria-label=${t(name)}>
        ${shown(
          rows,
          (found) => html`${list.view(found[list.rows], page, asked)} ${paging({ total: found.total, offset })}`,
        )}
      </section>`;
}

function overview(page, status, asked) {
  if (status.state === 'not_configured') {
    return empty(html`<strong>${t('not_configured')}</strong>`, html`<p>${t('not_configured_detail')}</p>`);
  }
  return html`${status.holds.map((hold) => held(page, hold, asked))}
    <div class="panels">
      ${standingPanel(page, status, asked)} ${archivesPanel(status)} ${agreementPanel(status)} ${transfersPanel(status)}
    </div>`;
}

function standingPanel(page, status, asked) {
  const run = (full) => async () => {
    const sure =
      !full || (await confirmed({ title: t('run_full_title'), body: t('run_full_body'), action: t('run_full') }));
    if (sure) {
      await post('api/sync', { full, synchronous: false });
      tell(t('asked'));
      await asked();
    }
  };
  const { last_run: last } = status;
  return html`<section class="panel">
    <h2>${t('standing')}</h2>
    <dl class="facts">
      <dt>${t('state')}</dt>
      <dd>${badge(status.state === 'running' ? 'busy' : 'idle', t(status.state))}</dd>
      <dt>${t('direction')}</dt>
      <dd>${t(`direction_${status.direction}`)}<br /><span class="hint">${t('direction_hint')}</span></dd>
      <dt>${t('interval')}</dt>
      <dd>${duration(status.interval_s)}<br /><span class="hint">${t('interval_hint')}</span></dd>
      <dt>${t('last_run')}</dt>
      <dd>${last ? html`${ago(last.started_at)} ${outcome(last)}` : t('none_run')}</dd>
      <dt>${t('next_run')}</dt>
      <dd>${status.next_run ? ago(status.next_run) : t('now')}</dd>
    </dl>
    <p class="buttons">
      ${doing({ page, name: 'run', text: t('run'), kind: 'primary', does: run(false) })}
      ${doing({ page, name: 'run_full', text: t('run_full'), does: run(true) })}
    </p>
  </section>`;
}

const outcome = (run) => badge(ROUND_KINDS[run.state] ?? 'idle', say(`round_${run.state}`, run.state));

function archivesPanel(status) {
  return html`<section class="panel">
    <h2>${t('archives')}</h2>
    ${table({
      caption: t('archives'),
      rows: Object.entries(status.archives),
      key: ([name]) => name,
      columns: [
        { title: t('archive'), cell: ([name]) => t(name) },
        {
          title: t('state'),
          cell: ([, one]) =>
            html`${badge(ARCHIVE_KINDS[one.state] ?? 'bad', say(`known_${one.state}`, one.state))}
            ${one.error ? html`<p class="hint">${one.error}</p>` : nothing}`,
        },
        { title: t('studies'), number: true, cell: ([, one]) => number(one.studies) },
        { title: t('instances'), number: true, cell: ([, one]) => number(one.instances) },
        {
          title: t('updated_at'),
          cell: ([, one]) =>
            html`${one.updated_at ? ago(one.updated_at) : '–'}
              <p class="hint">${t('full_pass_at', { when: one.full_pass_at ? ago(one.full_pass_at) : '–' })}</p>`,
        },
      ],
    })}
  </section>`;
}

const PRESENCES = { same: 'same', differing: 'differing', only_orthanc: 'only_orthanc', only_dcm4chee: 'only_dcm4chee' };

const agreementPanel = (status) =>
  html`<section class="panel">
    <h2>${t('agreement')}</h2>
    <dl class="facts">
      ${Object.entries(PRESENCES).map(
        ([count, presence]) =>
          html`<dt>${t(count)}</dt>
            <dd><a href=${withQuery(path('studies'), { presence })}>${number(status.studies[count])}</a></dd>`,
      )}
    </dl>
  </section>`;

const transfersPanel = (status) =>
  html`<section class="panel">
    <h2>${t('transfers')}</h2>
    <dl class="facts">
      ${Object.entries(status.transfers).map(
        ([state, count]) =>
          html`<dt>${say(`transfer_${state}`, state)}</dt>
            <dd><a href=${withQuery(path('transfers'), { state })}>${number(count)}</a></dd>`,
      )}
    </dl>
    ${status.waiting_for_hours > 0
      ? html`<p class="hint">${t('waiting_for_hours', { count: status.waiting_for_hours })}</p>`
      : nothing}
  </section>`;

/** Return what an archive lost at once, and the two things a person can decide about it. */
function held(page, hold, asked) {
  const decide = (then) => async () => {
    const values = { count: hold.studies };
    const sure = await confirmed({
      title: t(`${then}_title`),
      body: t(`${then}_body`, values),
      action: t(then),
      dangerous: then === 'bury',
    });
    if (sure) {
      const decided = await post('api/sync/holds', { archive: hold.archive, then });
      tell(t('decided', { count: decided.studies }), 'good');
      await asked();
    }
  };
  return html`<section class="notice warn">
    <h2>${t('holds')}: ${t(hold.archive)}</h2>
    <p>${hold.text}</p>
    <p class="buttons">
      ${['refill', 'bury'].map((then) => doing({ page, name: `${then} ${hold.archive}`, text: t(then), does: decide(then) }))}
    </p>
  </section>`;
}

function rounds(runs) {
  const changes = (run) =>
    Object.entries(run.archives).map(
      ([name, one]) =>
        html`<div>
          ${t(name)}: ${t('changes', one)} ${one.error ? html`<span class="hint">${one.error}</span>` : nothing}
        </div>`,
    );
  const seconds = (run) => (new Date(run.ended_at) - new Date(run.started_at)) / 1000;
  return table({
    caption: t('history'),
    rows: runs,
    key: (run) => run.run_id,
    none: empty(t('none_run')),
    columns: [
      { title: t('started'), cell: (run) => moment(run.started_at) },
      { title: t('cause'), cell: (run) => say(run.cause, run.cause) },
      {
        title: t('outcome'),
        cell: (run) => html`${outcome(run)} ${run.error ? html`<p class="hint">${run.error}</p>` : nothing}`,
      },
      { title: t('found'), cell: changes },
      { title: t('asked_transfers'), number: true, cell: (run) => number(run.transfers_asked) },
      { title: t('took'), number: true, cell: (run) => (run.ended_at ? duration(seconds(run)) : '–') },
    ],
  });
}

const study = (uid) => html`<a href=${path('studies', uid)}>${identifier(uid)}</a>`;

function events(rows) {
  return table({
    caption: t('events'),
    rows,
    key: (event) => event.number,
    none: empty(t('none_event')),
    columns: [
      { title: t('at'), cell: (event) => moment(event.at) },
      { title: t('archive'), cell: (event) => say(event.archive, event.archive) },
      { title: t('what'), cell: (event) => badge(EVENT_KINDS[event.kind] ?? 'idle', say(event.kind, event.kind)) },
      { title: t('study'), cell: (event) => study(event.study_uid) },
      {
        title: t('counts'),
        number: true,
        cell: (event) => `${number(event.instances_before)} → ${number(event.instances_after)}`,
      },
    ],
  });
}

function tombstones(rows, page, asked) {
  const lift = (one) => async () => {
    const archive = say(one.archive, one.archive);
    if (await confirmed({ title: t('lift_title'), body: t('lift_body', { archive }), action: t('lift') })) {
      const lifted = await post('api/sync/tombstones/lift', { archive: one.archive, study_uid: one.study_uid });
      tell([t('lifted'), ...lifted.warnings].join(' '), lifted.warnings.length > 0 ? 'info' : 'good');
      await asked();
    }
  };
  return html`<p class="hint">${t('tombstones_hint')}</p>
    ${table({
      caption: t('tombstones'),
      rows,
      key: (one) => `${one.archive} ${one.study_uid} ${one.noted_at}`,
      none: empty(t('none_tombstone')),
      columns: [
        { title: t('archive'), cell: (one) => say(one.archive, one.archive) },
        { title: t('study'), cell: (one) => study(one.study_uid) },
        { title: t('what'), cell: (one) => (one.whole ? t('whole') : t('parts_gone', { count: one.instances })) },
        { title: t('cause'), cell: (one) => say(`kind_${one.kind}`, one.kind) },
        { title: t('noted'), cell: (one) => html`${moment(one.noted_at)}<br />${t('by', { who: one.noted_by })}` },
        {
          title: '',
          cell: (one) =>
            doing({ page, name: `lift ${one.archive} ${one.study_uid}`, text: t('lift'), does: lift(one) }),
        },
      ],
    })}`;
}
