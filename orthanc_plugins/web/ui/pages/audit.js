/**
 * The audit trail: who did what to what, and whether the trail is whole.
 *
 * It does not refresh by itself: each look at it is a record of its own.
 */

import { address, get } from '../core/api.js';
import { moment } from '../core/format.js';
import { html, nothing } from '../core/html.js';
import { here } from '../core/router.js';
import { words } from '../core/words.js';
import { badge } from '../parts/badge.js';
import { doing } from '../parts/button.js';
import { choice, entry } from '../parts/fields.js';
import { LIMIT } from '../parts/paging.js';
import { empty, shown } from '../parts/states.js';
import { table } from '../parts/table.js';
import { identifier, value } from '../parts/value.js';
import * as catalogue from '../words/audit.js';

const t = words(catalogue);
const KINDS = [
  'export',
  'instances_transferred',
  'instances_accessed',
  'patient_record',
  'security_alert',
  'audit_log_used',
];
const OUTCOMES = { 0: 'good', 4: 'warn', 8: 'bad', 12: 'bad' };
const FORMATS = ['json', 'fhir', 'syslog', 'xml'];

export const title = () => t('title');

/** Return how the page is drawn; the query says which records. */
export function open(page) {
  const wanted = asked(page.query);
  const records = page.resource((options) => get('api/audit', { ...wanted, limit: LIMIT }, options));
  const checked = { verdict: undefined };
  return () =>
    html`<p>${t('what')}</p>
      ${verdict(page, checked)} ${filters(page)}
      ${shown(records, ({ records: found }) => html`${list(found)} ${leaf(page, found)} ${save(wanted)}`)}`;
}

/** Return the parameters of the route; days are those of this browser's clock. */
function asked(query) {
  const day = (name, later) => {
    const [year, month, date] = (query.get(name) ?? '').split('-').map(Number);
    return date ? new Date(year, month - 1, date + later).toISOString() : undefined;
  };
  return {
    actor: query.get('actor'),
    kind: query.get('kind'),
    outcome: query.get('outcome'),
    study: query.get('study'),
    before: query.get('before'),
    since: day('since', 0),
    until: day('until', 1),
  };
}

function verdict(page, checked) {
  const verify = async () => {
    checked.verdict = await get('api/audit/verify', {}, { signal: page.signal });
  };
  return html`<p>${doing({ page, name: 'verify', text: t('verify'), does: verify })}</p>
    <div role="status">${checked.verdict ? told(checked.verdict) : nothing}</div>`;
}

function told({ whole, records, broken, torn_bytes: torn, recorded }) {
  const fault = broken && (t.has(`fault_${broken.fault}`) ? t(`fault_${broken.fault}`) : broken.fault);
  return html`<p class="notice ${whole ? 'good' : 'bad'}">
      ${whole ? t('whole', { count: records }) : t('broken', { sequence: broken.sequence, fault })}
    </p>
    ${torn > 0 ? html`<p class="notice warn">${t('torn', { count: torn })}</p>` : nothing}
    ${recorded ? nothing : html`<p class="notice warn">${t('not_recorded')}</p>`}`;
}

function filters(page) {
  const query = (name) => page.query.get(name) ?? '';
  const ask = (name) => (text) => page.ask({ [name]: text, before: undefined });
  const field = (name, type = 'text', hint = '') =>
    entry({ label: t(name), type, hint, value: query(name), entered: ask(name) });
  return html`<div class="filters" role="search">
    ${field('actor', 'search', t('actor_hint'))}
    ${choice({
      label: t('kind'),
      value: query('kind'),
      options: [['', t('any')], ...KINDS.map((kind) => [kind, t(kind)])],
      chosen: ask('kind'),
    })}
    ${choice({
      label: t('outcome'),
      value: query('outcome'),
      options: [['', t('any')], ...Object.keys(OUTCOMES).map((outcome) => [outcome, t(`outcome_${outcome}`)])],
      chosen: ask('outcome'),
    })}
    ${field('since', 'date')} ${field('until', 'date')} ${field('study', 'search')}
  </div>`;
}

const list = (records) =>
  table({
    caption: t('title'),
    rows: records,
    key: (record) => record.sequence,
    none: empty(t('none')),
    columns: [
      { title: t('number'), number: true, cell: (record) => String(record.sequence) },
      { title: t('time'), cell: ({ event }) => moment(event.time) },
      { title: t('actor'), cell: ({ event }) => event.participants.map(participant) },
      {
        title: t('kind'),
        cell: ({ event }) =>
          html`${t.has(event.kind) ? t(event.kind) : event.kind} <span class="hint">${t(`action_${event.action}`)}</span>`,
      },
      { title: t('objects'), cell: ({ event }) => event.objects.map(object) },
      {
        title: t('outcome'),
        cell: ({ event }) => badge(OUTCOMES[event.outcome] ?? 'bad', t(`outcome_${event.outcome}`)),
      },
      {
        title: t('reason'),
        cell: (record) => html`${record.event.reason ? value(record.event.reason) : nothing} ${full(record)}`,
      },
    ],
  });

const participant = (one) =>
  html`<div>
    ${value(one.user_id)} ${one.is_requestor ? html`<span class="hint">${t('requestor')}</span>` : nothing}
  </div>`;

/** Return what an event was about, by what it is known by. */
function object(one) {
  const known = one.study_uid ?? one.pseudonym ?? one.uri;
  return html`<div>${identifier(known)}</div>`;
}

const full = (record) =>
  html`<details>
    <summary class="hint">${t('full')}</summary>
    <pre class="record">${JSON.stringify(record, null, 1)}</pre>
  </details>`;

/** Return the links to older records, and back to the newest. */
function leaf(page, records) {
  const older = records.length === LIMIT;
  return html`<nav class="paging" aria-label=${t('title')}>
    ${page.query.has('before') ? html`<a class="button" href=${here({ before: undefined })}>${t('newest')}</a>` : nothing}
    ${older ? html`<a class="button" rel="next" href=${here({ before: records.at(-1).sequence })}>${t('more')}</a>` : nothing}
  </nav>`;
}

const save = (wanted) =>
  html`<p class="buttons">
    <span>${t('save')}</span>
    ${FORMATS.map(
      (format) =>
        html`<a class="button" download="audit.${format}" href=${address('api/audit', { ...wanted, format, limit: LIMIT })}
          >${t(format)}</a
        >`,
    )}
  </p>`;
