/** The suite's REST routes, as this page reaches them. */

/** Where the suite is mounted on this host, with a slash at its end: behind any proxy's prefix. */
export const MOUNT = new URL('..', document.baseURI);

/** What a route answered that is no success: a problem document (RFC 9457), or the lack of any answer. */
export class Problem extends Error {
  /**
   * @param {number} status - HTTP status, 0 where nothing answered
   * @param {string} title - what went wrong, in short
   * @param {unknown} detail - what to do: a text, or what stands in the document's `detail`
   * @param {object} document - the whole answer
   */
  constructor(status, title, detail, document = {}) {
    super(typeof detail === 'string' ? detail : title);
    this.name = 'Problem';
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.document = document;
  }

  /** Whether the caller may not see or do this. */
  get forbidden() {
    return this.status === 401 || this.status === 403;
  }
}

/**
 * Return the address of a route.
 *
 * @param {string} path - below the mount, as `api/jobs`, or an absolute path as the answers give it
 * @param {Object<string, unknown>} [query] - parameters; those that are undefined, null or '' are left out
 * @returns {URL}
 */
export function address(path, query = {}) {
  const url = new URL(path, MOUNT);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') {
      url.searchParams.set(name, value);
    }
  }
  return url;
}

/** Return what a route answers to GET, parsed. Rejects with a `Problem`. */
export function get(path, query = {}, { signal } = {}) {
  return ask(address(path, query), { signal });
}

/** Return what a route answers to POST with a JSON body, parsed. Rejects with a `Problem`. */
export function post(path, body = {}, { signal } = {}) {
  return ask(address(path), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
}

/** Return what a route answers to DELETE, parsed. Rejects with a `Problem`. */
export function remove(path, { signal } = {}) {
  return ask(address(path), { method: 'DELETE', signal });
}

/** Ask, and return the parsed answer; Orthanc's own port calls every answer but 200 text, so its type is not read. */
async function ask(url, options) {
  let response;
  let text;
  try {
    response = await fetch(url, { cache: 'no-store', ...options });
    text = await response.text();
  } catch (error) {
    if (error.name === 'AbortError') {
      throw error;
    }
    throw new Problem(0, 'no_answer', 'no_answer');
  }
  const answer = parsed(text);
  if (!response.ok) {
    const title = answer?.title ?? `HTTP ${response.status}`;
    throw new Problem(response.status, title, answer?.detail ?? title, answer ?? {});
  }
  return answer;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
