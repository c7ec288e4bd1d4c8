/** Which view stands at which address below `ui/`, and which of them the menu names. */

/** Each view is a module with `title(page)`, and `open(page)`, which returns how it is drawn. */
export const ROUTES = [
  { at: '', load: () => import('./pages/overview.js') },
  { at: 'sync', load: () => import('./pages/sync.js') },
  { at: 'structures', load: () => import('./pages/structure_sets.js') },
  { at: 'studies/:study/structures', load: () => import('./pages/structures.js') },
  { at: 'jobs', load: () => import('./pages/jobs.js') },
  { at: 'jobs/:job', load: () => import('./pages/job.js') },
  { at: 'transfers', load: () => import('./pages/transfers.js') },
  { at: 'transfers/:transfer', load: () => import('./pages/transfer.js') },
  { at: 'rules', load: () => import('./pages/rules.js') },
  { at: 'benchmarks', load: () => import('./pages/benchmarks.js') },
  { at: 'benchmarks/:benchmark', load: () => import('./pages/benchmark.js') },
  { at: 'audit', load: () => import('./pages/audit.js') },
  { at: 'upload', load: () => import('./pages/upload.js') },
];

/** The menu, by names of `words/shell.js`. */
export const MENU = [
  { name: 'overview', to: '' },
  { name: 'structures', to: 'structures' },
  { name: 'sync', to: 'sync' },
  { name: 'jobs', to: 'jobs' },
  { name: 'transfers', to: 'transfers' },
  { name: 'rules', to: 'rules' },
  { name: 'benchmarks', to: 'benchmarks' },
  { name: 'upload', to: 'upload' },
  { name: 'audit', to: 'audit' },
];
