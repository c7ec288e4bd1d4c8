/** The rules of forwarding in words, and what each would have sent of what came lately. */

import { get, post } from '../core/api.js';
import { bytes, duration, moment, number } from '../core/format.js';
import { html, nothing } from '../core/html.js';
import { path } from '../core/router.js';
import { words } from '../core/words.js';
import { badge } from '../parts/badge.js';
import { doing } from '../parts/button.js';
import { entry } from '../parts/fields.js';
import { empty, shown } from '../parts/states.js';
import { table } from '../parts/table.js';
import { identifier, value } from '../parts/value.js';
import * as catalogue from '../words/rules.js';

const t = words(catalogue);
const LAST = 100;
const MOST = 2000;
const AGAIN_MS = 1000;

export const title = () => t('title');

/** Return how the page is drawn. */
export function open(page) {
  const rules = page.resource((options) => get('api/rules', {}, options));
  const trial = { last: LAST, answer: undefined };
  return () =>
    shown(
      rules,
      (found) =>
        html`<h2>${t('forwarding')}</h2>
          <p>${t(found.match)} ${limit(found)}</p>
          <p class="hint">${t('where')}</p>
          ${found.destination_configured ? nothing : html`<p class="notice warn">${t('no_destination')}</p>`}
          ${list(page, found.rules, trial)} ${trial.answer ? outcome(trial.answer) : nothing}`,
    );
}

const limit = ({ bandwidth_limit_bytes_s: rate }) => (rate === null ? nothing : t('limit', { rate: bytes(rate) }));

function list(page, rules, trial) {
  const tryOut = (rule) => async () => {
    let answer = await post('api/rules/test', { name: rule.Name, last: trial.last }, { signal: page.signal });
    while (answer.studies === undefined || ['queued', 'running', 'waiting'].includes(answer.status)) {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      const token = answer.job_id.split('.').pop();
      answer = await get(`api/rules/test/${token}`, {}, { signal: page.signal });
    }
    trial.answer = { ...answer, tried: rule.Name };
  };
  return html`<div class="filters">
      ${entry({
        label: t('last'),
        type: 'number',
        value: String(trial.last),
        entered: (text) => {
          trial.last = Math.min(MOST, Math.max(1, Number.parseInt(text, 10) || LAST));
          page.render();
        },
      })}
    </div>
    ${table({
      caption: t('title'),
      rows: rules,
      key: (rule) => rule.Name,
      none: empty(t('none')),
      columns: [
        {
          title: t('rule'),
          cell: (rule) => html`${rule.Name} ${badge(rule.Enabled ? 'good' : 'idle', t(rule.Enabled ? 'on' : 'off'))}`,
        },
        { title: t('asks'), cell: conditions },
        { title: t('sends'), cell: (rule) => t(`send_${rule.Send}`) },
        { title: t('window'), cell: (rule) => rule.Window ?? t('always') },
        { title: t('transport'), cell: (rule) => rule.Transport.toUpperCase() },
        { title: t('verify'), cell: (rule) => t(`verify_${rule.Verify}`) },
        {
          title: '',
          cell: (rule) => doing({ page, name: `try ${rule.Name}`, text: t('try'), does: tryOut(rule) }),
        },
      ],
    })}`;
}

/** Return what a rule asks of a study: all of it. */
function conditions(rule) {
  const listed = (key, values) => (values.length > 0 ? [t(key, { list: values.join(', ') })] : []);
  const asked = [
    ...listed('modalities', rule.Modalities),
    ...(rule.StudyDescription === null ? [] : [t('study_description', { pattern: rule.StudyDescription })]),
    ...listed('calling_aets', rule.CallingAets),
    ...listed('labels', rule.Labels),
    ...Object.entries(rule.Tags).map(([keyword, pattern]) => t(pattern ? 'tag' : 'tag_empty', { keyword, pattern })),
  ];
  return asked.length > 0 ? asked.map((one) => html`<div>${value(one)}</div>`) : t('everything');
}

function outcome(answer) {
  const { load, studies } = answer;
  const fact = (name, shownValue) =>
    html`<dt>${t(name)}</dt>
      <dd>${shownValue}</dd>`;
  return html`<section class="panel" aria-labelledby="trial">
    <h2 id="trial">${t('trial', { rule: answer.tried })}</h2>
    <p role="status">
      ${t('matched', { matched: studies.filter(({ matched }) => matched).length, count: studies.length })}.
      ${t('trial_hint', { count: studies.length })}
    </p>
    ${load
      ? html`<dl class="facts">
          ${fact('load_instances', number(load.instances))} ${fact('load_bytes', bytes(load.stored_bytes))}
          ${load.busiest_hour
            ? fact(
                'load_busiest',
                `${moment(load.busiest_hour.begins_at)}: ${bytes(load.busiest_hour.stored_bytes)}`,
              )
            : nothing}
          ${fact('load_time', load.sending_s === null ? t('not_measured') : duration(load.sending_s))}
        </dl>`
      : nothing}
    ${table({
      caption: t('trial', { rule: answer.tried }),
      rows: studies,
      key: (study) => study.study_uid,
      columns: [
        {
          title: t('study'),
          cell: (study) => html`<a href=${path('studies', study.study_uid)}>${identifier(study.study_uid)}</a>`,
        },
        { title: t('received'), cell: (study) => moment(study.received_at) },
        {
          title: t('verdict'),
          cell: (study) => badge(study.matched ? 'good' : 'idle', t(study.matched ? 'matches' : 'not_matches')),
        },
        {
          title: t('why'),
          cell: (study) =>
            html`${study.reasons.map((reason) => html`<div>${value(reason)}</div>`)}
            ${study.also.length > 0 ? html`<p class="hint">${t('also', { list: study.also.join(', ') })}</p>` : nothing}`,
        },
        { title: t('amount'), number: true, cell: (study) => number(study.instances) },
        { title: t('goes'), cell: (study) => moment(study.goes_at) },
      ],
    })}
  </section>`;
}
