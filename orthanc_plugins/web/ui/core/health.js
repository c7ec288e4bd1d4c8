/** How the suite is, for every view: `healthy`, `degraded`, `unhealthy`, or `silent` where nothing answers. */

import { get } from './api.js';

const EVERY_MS = 60000;

/** Return what `api/health` tells; bad health comes with status 503, in the same words. */
export const health = (options) =>
  get('api/health', {}, options).catch((problem) => {
    if (problem.document?.services === undefined) {
      throw problem;
    }
    return problem.document;
  });

/** Tell the state now and every minute while the page is seen. */
export async function watchHealth(told) {
  for (;;) {
    if (document.visibilityState === 'visible') {
      told(await health().then(({ status }) => status, () => 'silent'));
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}
