/** The addresses: each view has one, below `ui/`, that can be shared, kept and gone back to. */

const BASE = new URL(document.baseURI);

/**
 * Return the address of a view, to stand in `href`.
 *
 * @param {string[]} steps - parts of the path, each encoded here: `path('studies', uid, 'comparison')`
 */
export const path = (...steps) => new URL(steps.map(encodeURIComponent).join('/'), BASE).pathname;

/**
 * Return the parameters of an address: those after `?`, and those after `#`, which no server is sent and none
 * limits: the studies that somebody chose may be many.
 */
export const parameters = ({ search, hash }) =>
  new URLSearchParams([...new URLSearchParams(search), ...new URLSearchParams(hash.slice(1))]);

/**
 * Return an address with parameters, those that are undefined, null or '' left out. One that stands after `#`
 * stays there: `withQuery('bulk/send#studies=', { studies })`.
 */
export function withQuery(where, query) {
  const url = new URL(where, BASE);
  const unsent = new URLSearchParams(url.hash.slice(1));
  for (const [name, value] of Object.entries(query)) {
    const place = unsent.has(name) ? unsent : url.searchParams;
    if (value === undefined || value === null || value === '') {
      place.delete(name);
    } else {
      place.set(name, value);
    }
  }
  url.hash = unsent;
  return url.pathname + url.search + url.hash;
}

/** Return the address shown now with other parameters. */
export const here = (query) => withQuery(location.href, query);

/** Show an address, as if its link had been clicked. */
export function go(where, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', where);
  dispatchEvent(new Event('addresschanged'));
}

/**
 * Return the view of an address.
 *
 * @param {Array<{at: string}>} routes - `at` is a path below the base; a step `:name` stands for any one
 * @returns {{route: object, params: object} | undefined}
 */
export function match(routes, pathname) {
  const below = pathname.slice(BASE.pathname.length).replace(/\/+$/, '');
  let steps;
  try {
    steps = below.split('/').map(decodeURIComponent);
  } catch {
    return undefined;
  }
  for (const route of routes) {
    const pattern = route.at.split('/');
    if (pattern.length === steps.length) {
      const params = {};
      const fits = pattern.every((step, index) => {
        if (step.startsWith(':') && steps[index] !== '') {
          params[step.slice(1)] = steps[index];
          return true;
        }
        return step === steps[index];
      });
      if (fits) {
        return { route, params };
      }
    }
  }
  return undefined;
}

/** Call back whenever the address changes, by a link, by `go` or by the browser's own buttons. */
export function listen(changed) {
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href]');
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute('download')) {
      return;
    }
    const url = new URL(link.href);
    const opened = url.pathname.startsWith(`${BASE.pathname}open/`);
    if (url.origin !== location.origin || !url.pathname.startsWith(BASE.pathname) || opened) {
      return;
    }
    if (url.hash && url.pathname === location.pathname && url.search === location.search) {
      return;
    }
    event.preventDefault();
    go(url.href);
  });
  addEventListener('popstate', changed);
  addEventListener('addresschanged', changed);
}
