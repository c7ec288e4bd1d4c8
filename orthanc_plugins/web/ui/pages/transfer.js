/** One transfer: how far it is, what became of each instance, and doing it again. */

import { get, post } from '../core/api.js';
import { bytes, moment, number } from '../core/format.js';
import { html, nothing } from '../core/html.js';
import { path } from '../core/router.js';
import { words } from '../core/words.js';
import { doing } from '../parts/button.js';
import { confirmed } from '../parts/dialog.js';
import { choice } from '../parts/fields.js';
import { tell } from '../parts/messages.js';
import { LIMIT, offsetOf, paging } from '../parts/paging.js';
import { empty, shown } from '../parts/states.js';
import { table } from '../parts/table.js';
import { transferCause, transferStanding, transferState } from '../parts/transfer.js';
import { identifier } from '../parts/value.js';
import * as catalogue from '../words/transfers.js';

const t = words(catalogue);
const AGAIN = new Set(['partly', 'failed', 'cancelled']);
const UNDER_WAY = new Set(['queued', 'sending', 'sent', 'accepted']);
const INSTANCE_STATES = ['queued', 'sending', 'accepted', 'verified', 'failed'];

export const title = () => t('one');

/** Return how the page is drawn; the query's `instance_state` and `offset` say which instances. */
export function open(page) {
  const route = `api/transfers/${encodeURIComponent(page.params.transfer)}`;
  const state = page.query.get('instance_state');
  const offset = offsetOf(page.query);
  const transfer = page.resource(
    (options) => get(route, { instance_state: state, limit: LIMIT, offset }, options),
    ['transfers'],
  );
  return () => shown(transfer, (one) => view({ page, route, state, offset, one, transfer }));
}

function view({ page, route, state, offset, one, transfer }) {
  const filter = choice({
    label: t('state'),
    value: state ?? '',
    options: [['', t('any')], ...INSTANCE_STATES.map((each) => [each, t(each)])],
    chosen: (wanted) => page.ask({ instance_state: wanted }),
  });
  const total = state ? undefined : Math.max(one.wanted, one.instances.length);
  return html`<p>${transferStanding(one)}</p>
    <div class="panels">${progress(one)} ${details(one)}</div>
    <p class="buttons">${actions(page, route, one, transfer)}</p>
    <section aria-labelledby="instances">
      <h2 id="instances">${t('instances')}</h2>
      <div class="filters">${filter}</div>
      ${instances(one.instances)}
      ${paging({ total: total ?? offset + one.instances.length + (one.instances.length === LIMIT ? 1 : 0), offset })}
    </section>`;
}

function progress(one) {
  const bar = (name, value) =>
    html`<dt>${t(name)}</dt>
      <dd>
        <progress max=${Math.max(one.wanted, 1)} value=${value} aria-label=${t(name)}></progress>
        ${number(value)} / ${number(one.wanted)}
      </dd>`;
  return html`<section class="panel">
    <h2>${t('steps')}</h2>
    <dl class="facts">
      ${one.already_there ? bar('already_there', one.already_there) : nothing} ${bar('step_sent', one.sent)}
      ${bar('step_accepted', one.accepted)} ${bar('step_verified', one.verified)}
      ${one.failed ? bar('step_failed', one.failed) : nothing}
    </dl>
    <p class="hint">${t('only_verified')}</p>
  </section>`;
}

function details(one) {
  const fact = (name, value) =>
    html`<dt>${t(name)}</dt>
      <dd>${value}</dd>`;
  return html`<section class="panel">
    <h2>${t('details')}</h2>
    <dl class="facts">
      ${fact('study_title', html`<a href=${path('studies', one.study_uid)}>${identifier(one.study_uid)}</a>`)}
      ${fact('way', `${t(one.source)} → ${t(one.destination)}`)} ${fact('cause', transferCause(one.cause))}
      ${fact('transport', one.transport.toUpperCase())}
      ${fact('verify', `${t(`verify_${one.verify}`)} ${one.storage_commitment ? t('commitment') : ''}`)}
      ${fact('bytes', bytes(one.bytes_sent))} ${fact('attempts', number(one.attempts))}
      ${fact('requested_at', moment(one.requested_at))} ${fact('ended_at', moment(one.ended_at))}
      ${one.remark ? fact('remark', one.remark) : nothing}
      ${fact('job', html`<a href=${path('jobs', one.job_id)}>${identifier(one.job_id)}</a>`)}
    </dl>
  </section>`;
}

function actions(page, route, one, transfer) {
  const retry = async () => {
    await post(`${route}/retry`);
    tell(t('asked_again'));
    await transfer.refresh();
  };
  const cancel = async () => {
    if (await confirmed({ title: t('cancel_title'), body: t('cancel_body'), action: t('cancel'), dangerous: true })) {
      await post(`${route}/cancel`);
      tell(t('cancelled_now'));
      await transfer.refresh();
    }
  };
  return html`${AGAIN.has(one.state)
    ? doing({ page, name: 'retry', text: t('retry'), kind: 'primary', does: retry })
    : nothing}
  ${UNDER_WAY.has(one.state) ? doing({ page, name: 'cancel', text: t('cancel'), does: cancel }) : nothing}`;
}

const instances = (rows) =>
  table({
    caption: t('instances'),
    rows,
    key: (one) => one.sop_instance_uid,
    none: empty(t('none_instance')),
    columns: [
      { title: t('instance'), cell: (one) => identifier(one.sop_instance_uid) },
      { title: t('state'), cell: (one) => transferState(one.state) },
      {
        title: t('sends'),
        cell: (one) =>
          one.sends === 0 && one.state === 'verified' ? t('not_sent') : t('times', { count: one.sends }),
      },
      {
        title: t('reason'),
        cell: (one) => html`${one.failure_reason ? html`<code>${one.failure_reason}</code> ` : nothing}${one.detail}`,
      },
    ],
  });
