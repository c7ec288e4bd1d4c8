/**
 * What has changed: `GET api/pulse` tells a token for each topic, asked every two seconds while the page is seen.
 *
 * Topics are those of the route. Where it cannot be asked, everything counts as changed every 30 seconds.
 */

import { get } from './api.js';

const EVERY_MS = 2000;
const AT_LEAST_EVERY_MS = 30000;

const listeners = new Set();
let tokens = {};
let lately = 0;

/**
 * Call back when one of the topics changes, and every 30 seconds in any case.
 *
 * @param {string[]} topics - topics of `api/pulse`
 * @param {() => void} changed
 * @param {AbortSignal} signal - ends it
 */
export function onChange(topics, changed, signal) {
  const listener = { topics, changed };
  listeners.add(listener);
  signal.addEventListener('abort', () => listeners.delete(listener));
}

async function look() {
  const changed = await changedTopics();
  const due = Date.now() - lately >= AT_LEAST_EVERY_MS;
  if (due) {
    lately = Date.now();
  }
  for (const { topics, changed: call } of [...listeners]) {
    if (due || topics.some((topic) => changed.has(topic))) {
      call();
    }
  }
}

async function changedTopics() {
  let now;
  try {
    now = (await get('api/pulse')).topics;
  } catch {
    return new Set(); // said by the views themselves when they ask again, at the latest after 30 seconds
  }
  const changed = Object.keys(now).filter((topic) => topic in tokens && tokens[topic] !== now[topic]);
  tokens = now;
  return new Set(changed);
}

/** Begin to look. */
export async function start() {
  lately = Date.now();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    if (document.visibilityState === 'visible' && listeners.size > 0) {
      await look();
    }
  }
}
