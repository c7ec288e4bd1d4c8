/** How something that comes from the server is shown: while it is loaded, when it cannot be, and when it is there. */

import { html, nothing } from '../core/html.js';
import { words } from '../core/words.js';
import * as catalogue from '../words/parts.js';

const t = words(catalogue);
const NOT_FOUND = 404;

/**
 * Return a resource as it stands.
 *
 * @param {import('../core/page.js').Resource} resource
 * @param {(value: any) => unknown} view - shows its value
 */
export function shown(resource, view) {
  if (resource.state === 'loading') {
    return loading();
  }
  if (resource.state === 'failed') {
    return failure(resource.problem, () => resource.refresh());
  }
  return html`${resource.problem ? outdated(resource.problem) : nothing}${view(resource.value)}`;
}

/** Return what says that something is on its way. */
export const loading = () =>
  html`<div class="state loading" role="status"><span class="spinner" aria-hidden="true"></span>${t('loading')}</div>`;

/**
 * Return what a problem is and what to do.
 *
 * @param {import('../core/api.js').Problem} problem
 * @param {() => void} [again] - tries again
 */
export function failure(problem, again) {
  return html`<div class="state failure" role="alert">
    <p class="state-title">${headline(problem)}</p>
    <p>${explained(problem)}</p>
    ${again && !problem.forbidden
      ? html`<button type="button" class="button" @click=${again}>${t('retry')}</button>`
      : nothing}
  </div>`;
}

/** Return what says that there is nothing, and what to do about that. */
export const empty = (text = t('nothing'), more = nothing) =>
  html`<div class="state empty"><p>${text}</p>${more}</div>`;

/** Return a problem in one sentence. */
export const explained = (problem) => {
  if (problem.status === 0) {
    return t('no_answer_detail');
  }
  if (problem.forbidden && typeof problem.detail !== 'string') {
    return t('forbidden_detail');
  }
  return typeof problem.detail === 'string' ? problem.detail : problem.title;
};

function headline(problem) {
  if (problem.status === 0) {
    return t('no_answer');
  }
  if (problem.forbidden) {
    return t('forbidden');
  }
  return problem.status === NOT_FOUND ? t('not_found') : t('failed');
}

const outdated = (problem) =>
  html`<p class="notice warn" role="status">${t('outdated', { why: explained(problem) })}</p>`;
