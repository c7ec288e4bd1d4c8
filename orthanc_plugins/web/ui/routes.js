/** Which view stands at which address below `ui/`, and which of them the menu names. */

/** Each view is a module with `title(page)`, and `open(page)`, which returns how it is drawn. */
export const ROUTES = [
  { at: '', load: () => import('./pages/overview.js') },
  { at: 'sync', load: () => import('./pages/sync.js') },
  { at: 'upload', load: () => import('./pages/upload.js') },
];

/** The menu, by names of `words/shell.js`. */
export const MENU = [
  { name: 'overview', to: '' },
  { name: 'sync', to: 'sync' },
  { name: 'upload', to: 'upload' },
];
