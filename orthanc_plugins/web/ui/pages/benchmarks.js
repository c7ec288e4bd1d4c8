/** Benchmarks of both archives: running one, those so far, and how the medians went from run to run. */

import { get, post } from '../core/api.js';
import { moment, number } from '../core/format.js';
import { html, nothing } from '../core/html.js';
import { go, path } from '../core/router.js';
import { words } from '../core/words.js';
import { benchmarkState } from '../parts/benchmark.js';
import { doing } from '../parts/button.js';
import { lines } from '../parts/chart.js';
import { confirmed } from '../parts/dialog.js';
import { choice, tick } from '../parts/fields.js';
import { tell } from '../parts/messages.js';
import { LIMIT, offsetOf, paging } from '../parts/paging.js';
import { empty, shown } from '../parts/states.js';
import { table } from '../parts/table.js';
import * as catalogue from '../words/benchmarks.js';

const t = words(catalogue);
const QUESTIONS = ['upload', 'query', 'retrieve', 'users10', 'users50', 'memory', 'disk'];
const SCALES = [1, 0.5, 0.2, 0.05];
const WHOLE = { images: 100, patients: 1000, megabytes: 500 };
const ROUNDS = [3, 10, 20, 30, 50];

export const title = () => t('title');

/** Return how the page is drawn. */
export function open(page) {
  const offset = offsetOf(page.query);
  const benchmarks = page.resource(
    (options) => get('api/benchmarks', { limit: LIMIT, offset }, options),
    ['jobs', 'benchmarks'],
  );
  const order = { scale: 0.2, rounds: 10, questions: new Set(QUESTIONS), iMeanIt: false };
  return () =>
    html`<p>${t('what')}</p>
      ${form(page, order, benchmarks)}
      <section aria-labelledby="history">
        <h2 id="history">${t('history')}</h2>
        ${shown(
          benchmarks,
          (found) => html`${list(found.benchmarks)} ${paging({ total: found.total, offset })} ${trends(found.benchmarks)}`,
        )}
      </section>`;
}

function form(page, order, benchmarks) {
  const set = (changes) => {
    Object.assign(order, changes);
    page.render();
  };
  const run = async () => {
    if (!(await confirmed({ title: t('run_title'), body: t('run_body'), action: t('run') }))) {
      return;
    }
    const asked = await post('api/benchmarks', {
      scale: order.scale,
      rounds: order.rounds,
      questions: QUESTIONS.filter((question) => order.questions.has(question)),
      i_mean_it: order.iMeanIt,
    });
    tell(t('asked'));
    await benchmarks.refresh();
    go(path('benchmarks', asked.benchmark_id));
  };
  const scaled = (scale) =>
    t('scale_hint', Object.fromEntries(Object.entries(WHOLE).map(([name, value]) => [name, value * scale])));
  const ticked = (question) => (is) => {
    order.questions[is ? 'add' : 'delete'](question);
    page.render();
  };
  return html`<section class="panel" aria-labelledby="run">
    <h2 id="run">${t('run')}</h2>
    <p class="notice warn">${t('warning')}</p>
    <div class="filters">
      ${choice({
        label: t('scale'),
        value: String(order.scale),
        options: SCALES.map((scale) => [String(scale), scaled(scale)]),
        chosen: (scale) => set({ scale: Number(scale) }),
      })}
      ${choice({
        label: t('rounds'),
        value: String(order.rounds),
        options: ROUNDS.map((rounds) => [String(rounds), number(rounds)]),
        chosen: (rounds) => set({ rounds: Number(rounds) }),
      })}
    </div>
    <fieldset>
      <legend>${t('questions')}</legend>
      ${QUESTIONS.map((question) =>
        tick({ label: t(question), value: order.questions.has(question), ticked: ticked(question) }),
      )}
    </fieldset>
    <p>${tick({ label: t('i_mean_it'), value: order.iMeanIt, ticked: (is) => set({ iMeanIt: is }) })}</p>
    ${doing({
      page,
      name: 'run',
      text: t('run'),
      kind: 'primary',
      does: run,
      disabled: order.questions.size === 0,
    })}
  </section>`;
}

const list = (benchmarks) =>
  table({
    caption: t('history'),
    rows: benchmarks,
    key: (one) => one.benchmark_id,
    none: empty(t('none')),
    columns: [
      {
        title: t('when'),
        cell: (one) => html`<a href=${path('benchmarks', one.benchmark_id)}>${moment(one.requested_at)}</a>`,
      },
      {
        title: t('state'),
        cell: (one) =>
          html`${benchmarkState(one.status)} ${one.progress ? html`<p class="hint">${one.progress}</p>` : nothing}
          ${one.failure ? html`<p class="hint">${one.failure.message}</p>` : nothing}`,
      },
      {
        title: t('questions'),
        cell: (one) => (one.questions.length > 0 ? one.questions : QUESTIONS).map((question) => t(question)).join(', '),
      },
      {
        title: t('measured'),
        cell: (one) =>
          one.orthanc_version
            ? html`${t('versions', { orthanc: one.orthanc_version, dcm4chee: one.dcm4chee_version ?? '–' })}
              ${one.stand_in ? html`(${t('stand_in')})` : nothing}`
            : nothing,
      },
    ],
  });

/** Return a chart for each finding that at least two runs of the same amount of data have. */
function trends(benchmarks) {
  const series = new Map();
  for (const one of [...benchmarks].reverse()) {
    for (const finding of one.findings) {
      if (finding.orthanc_ms !== null && finding.dcm4chee_ms !== null) {
        const key = `${finding.row} ${finding.condition} ${one.scale}`;
        series.set(key, [...(series.get(key) ?? []), { one, finding }]);
      }
    }
  }
  const drawn = [...series.entries()].filter(([, points]) => points.length > 1);
  return drawn.length === 0
    ? nothing
    : html`<h2>${t('trend')}</h2>
        <div class="panels">
          ${drawn.map(([, points]) => html`<section class="panel">${trend(points)}</section>`)}
        </div>`;
}

function trend(points) {
  const [{ finding }] = points;
  const name = t.has(finding.condition) ? t(finding.condition) : finding.condition;
  const shownTitle = `${finding.title} (${name})`;
  return html`<h3>${shownTitle}</h3>
    ${lines({
      title: t('trend_title', { title: shownTitle }),
      labels: points.map(({ one }) => moment(one.requested_at)),
      series: [
        { name: t('orthanc'), kind: 'orthanc', values: points.map((point) => point.finding.orthanc_ms) },
        { name: t('dcm4chee'), kind: 'dcm4chee', values: points.map((point) => point.finding.dcm4chee_ms) },
      ],
    })}`;
}
