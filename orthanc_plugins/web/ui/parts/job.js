/** A job in words: what it does, how it stands, what it waits for, and how long its parts took. */

import { html, nothing } from '../core/html.js';
import { duration, moment } from '../core/format.js';
import { words } from '../core/words.js';
import { badge } from './badge.js';
import { table } from './table.js';
import { value } from './value.js';
import * as catalogue from '../words/jobs.js';

const t = words(catalogue);

/** States in which something may still happen by itself. */
export const UNFINISHED = new Set(['queued', 'running', 'waiting']);

const STATES = {
  queued: 'idle',
  running: 'busy',
  waiting: 'warn',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'warn',
  done: 'good',
  interrupted: 'warn',
};

const named = (prefix, word) => (t.has(`${prefix}_${word}`) ? t(`${prefix}_${word}`) : word);

/** Return what a kind of job does. */
export const jobKind = (kind) => named('kind', kind);

/** Return the state of a job or of one of its phases. */
export const jobState = (state) => badge(STATES[state] ?? 'idle', named('state', state));

/** Return what a job waits for; nothing where it does not. */
export const jobWaiting = (waiting) =>
  waiting
    ? html`<p class="notice warn">
        ${t(awaited(waiting))}
        <br />${t('images', { present: waiting.images_present, missing: waiting.images_missing })}
        <br />${t('waits_since', { when: moment(waiting.since) })} ${t('goes_on')}
      </p>`
    : nothing;

/** The route tells why in English; what it counts tells the same in the reader's language. */
function awaited({ images_present: present, images_missing: missing }) {
  if (present > 0) {
    return 'still_arriving';
  }
  return missing > 0 ? 'no_image_yet' : 'names_no_series';
}

/** Return what went wrong and what to do. */
export const jobError = (error) => (error ? html`<p class="notice bad">${value(error.message)}</p>` : nothing);

/** Return how a job stands: its state, what it waits for and what went wrong. */
export const jobStanding = ({ state, waiting, error }) => html`${jobState(state)} ${jobWaiting(waiting)} ${jobError(error)}`;

/** Return the phases of a job, as they are while it runs. */
export const jobPhases = (phases) =>
  table({
    caption: t('phases'),
    rows: phases,
    key: (phase) => phase.name,
    columns: [
      { title: t('phase'), cell: (phase) => named('phase', phase.name) },
      { title: t('state'), cell: (phase) => jobState(phase.state) },
      { title: t('took'), number: true, cell: (phase) => duration(phase.duration_s) },
    ],
  });

/** Return the finished steps of a job. */
export const jobSteps = (steps) =>
  table({
    caption: t('steps'),
    rows: steps.map((step, number) => ({ ...step, number })),
    key: (step) => step.number,
    none: html`<p class="hint">${t('no_step')}</p>`,
    columns: [
      { title: t('step'), cell: (step) => named('step', step.name) },
      { title: t('state'), cell: (step) => jobState(step.error ? 'failed' : 'done') },
      { title: t('started_at'), cell: (step) => moment(step.started_at) },
      { title: t('took'), number: true, cell: (step) => duration(step.duration_s) },
      { title: t('error'), cell: (step) => (step.error ? value(step.error.message) : nothing) },
    ],
  });
