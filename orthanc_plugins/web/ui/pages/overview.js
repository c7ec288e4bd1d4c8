/** Both archives side by side, the health of the services, and what has happened lately. */

import { get } from '../core/api.js';
import { bytes, duration, number } from '../core/format.js';
import { health } from '../core/health.js';
import { html, nothing } from '../core/html.js';
import { path, withQuery } from '../core/router.js';
import { words } from '../core/words.js';
import { badge } from '../parts/badge.js';
import { shown } from '../parts/states.js';
import { table } from '../parts/table.js';
import * as catalogue from '../words/overview.js';

const t = words(catalogue);
const COUNTS = ['patients', 'studies', 'series', 'instances', 'bytes'];
const KINDS = { healthy: 'good', degraded: 'warn', unhealthy: 'bad' };

export const title = () => t('title');

/** Return how the page is drawn. */
export function open(page) {
  const statistics = page.resource((options) => get('api/statistics', {}, options), ['inventory', 'jobs', 'events']);
  const standing = page.resource(health, ['events']);
  return () =>
    html`<div class="panels">
      <section class="panel"><h2>${t('archives')}</h2>${shown(statistics, archives)}</section>
      <section class="panel"><h2>${t('services')}</h2>${shown(standing, services)}</section>
      <section class="panel"><h2>${t('jobs')}</h2>${shown(statistics, jobs)}</section>
    </div>`;
}

function archives({ archives: held }) {
  const names = Object.keys(held);
  return html`${table({
      caption: t('archives'),
      rows: COUNTS,
      key: (row) => row,
      columns: [
        { title: t('count'), cell: t },
        ...names.map((name) => ({
          title: t(name),
          number: true,
          kind: name,
          cell: (count) => counted(held[name], count),
        })),
      ],
    })}
    ${names.map((name) => (held[name].detail ? html`<p class="notice warn">${held[name].detail}</p>` : nothing))}
    ${names.length === 1 ? html`<p class="hint">${t('alone')}</p>` : nothing}`;
}

function counted(archive, count) {
  const value = archive[count];
  if (value === null) {
    return html`<span class="hint">${t('not_told')}</span>`;
  }
  return count === 'bytes' ? bytes(value) : number(value);
}

function services(standing) {
  return html`<p>
      ${badge(KINDS[standing.status], t(standing.status))}
      <span class="hint">${t('up_for', { version: standing.version, time: duration(standing.uptime_s) })}</span>
    </p>
    ${standing.warnings.map((warning) => html`<p class="notice warn">${warning}</p>`)}
    ${table({
      caption: t('services'),
      rows: Object.entries(standing.services),
      key: ([name]) => name,
      columns: [
        { title: t('service'), cell: ([name, service]) => html`${t.has(name) ? t(name) : name} ${standIn(service)}` },
        {
          title: t('state'),
          cell: ([, service]) =>
            html`${badge(KINDS[service.state], t(service.state))}
            ${service.detail ? html`<p class="hint">${service.detail}</p>` : nothing}`,
        },
        { title: t('version'), cell: ([, service]) => service.version ?? nothing },
        { title: t('latency'), number: true, cell: ([, service]) => duration(service.latency_ms / 1000) },
      ],
    })}`;
}

const standIn = (service) => (service.stand_in ? badge('warn', t('stand_in')) : nothing);

function jobs(statistics) {
  return html`<dl class="facts">
    ${Object.entries(statistics.jobs).map(
      ([state, count]) =>
        html`<dt>${t(`state_${state}`)}</dt>
          <dd><a href=${withQuery(path('jobs'), { state })}>${number(count)}</a></dd>`,
    )}
  </dl>`;
}
