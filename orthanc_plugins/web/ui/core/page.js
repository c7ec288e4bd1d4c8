/** What a view is given: its address, its data, and when it ends. */

import { Problem } from './api.js';
import { onChange } from './pulse.js';
import { go, here } from './router.js';

/**
 * Something a view shows that comes from the server.
 *
 * `state` is `loading` until the first answer, then `ready`, or `failed` where there was never one. A later failure
 * leaves what is known, and `problem` tells it.
 */
export class Resource {
  #load;
  #page;
  #asked = 0;

  constructor(page, load) {
    this.#page = page;
    this.#load = load;
    this.state = 'loading';
    this.value = undefined;
    this.problem = undefined;
  }

  /** Ask again; of several answers on their way the one asked for last counts. */
  async refresh() {
    const number = ++this.#asked;
    let value;
    let problem;
    try {
      value = await this.#load({ signal: this.#page.signal });
    } catch (error) {
      problem = error;
    }
    if (this.#page.signal.aborted || number !== this.#asked) {
      return;
    }
    if (problem !== undefined && !(problem instanceof Problem)) {
      this.#page.failed(problem);
      return;
    }
    this.problem = problem;
    if (problem === undefined) {
      this.value = value;
      this.state = 'ready';
    } else if (this.state !== 'ready') {
      this.state = 'failed';
    }
    this.#page.render();
  }
}

/** One visit of a view. */
export class Page {
  #ending = new AbortController();

  /**
   * @param {object} options
   * @param {object} options.params - steps of the path by their names
   * @param {URLSearchParams} options.query - parameters of the address
   * @param {object} options.session - what `api/session` told
   * @param {() => void} options.render - shows the view again
   * @param {(error: Error) => void} options.failed - tells of a fault in the page itself
   */
  constructor({ params, query, session, render, failed }) {
    this.params = params;
    this.query = query;
    this.session = session;
    this.failed = failed;
    this.render = () => {
      if (!this.signal.aborted) {
        render();
      }
    };
  }

  /** Aborted when the view is left. */
  get signal() {
    return this.#ending.signal;
  }

  /**
   * Return something to be shown, which is asked for at once, and again when one of the topics changes.
   *
   * @param {(options: {signal: AbortSignal}) => Promise<any>} load
   * @param {string[]} [topics] - of `api/pulse`; without any it is asked for once
   * @returns {Resource}
   */
  resource(load, topics = []) {
    const resource = new Resource(this, load);
    resource.refresh();
    if (topics.length > 0) {
      onChange(topics, () => resource.refresh(), this.signal);
    }
    return resource;
  }

  /** Show the same view with other parameters in its address; a change of filters leads back to the first page. */
  ask(query) {
    go(here({ offset: undefined, ...query }));
  }

  /** Call again and again until the view is left. */
  every(milliseconds, call) {
    const timer = setInterval(call, milliseconds);
    this.signal.addEventListener('abort', () => clearInterval(timer));
  }

  /** End the visit: nothing that still comes is shown. */
  close() {
    this.#ending.abort();
  }
}
