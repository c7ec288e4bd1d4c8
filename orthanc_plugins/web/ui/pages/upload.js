/** Sending files from this computer to Orthanc, and what became of each. */

import { bytes, number } from '../core/format.js';
import { html, nothing } from '../core/html.js';
import { path } from '../core/router.js';
import { droppedFiles, uploads } from '../core/uploads.js';
import { words } from '../core/words.js';
import { badge } from '../parts/badge.js';
import { empty } from '../parts/states.js';
import { table } from '../parts/table.js';
import { identifier, value } from '../parts/value.js';
import * as catalogue from '../words/upload.js';

const t = words(catalogue);
const SHOWN = 200;
const KINDS = {
  stored: 'good',
  already_stored: 'idle',
  rejected: 'bad',
  failed: 'bad',
  cancelled: 'warn',
  waiting: 'idle',
  sending: 'busy',
  working: 'busy',
};
const NEED_ATTENTION = new Set(['rejected', 'failed', 'cancelled']);

export const title = () => t('title');

/** Return how the page is drawn. */
export function open(page) {
  const view = { over: false, problemsOnly: false };
  uploads.addEventListener('changed', () => page.render(), { signal: page.signal });
  return () => html`${place(page, view)} ${uploads.all.length === 0 ? empty(t('none')) : list(page, view)}`;
}

function place(page, view) {
  const over = (event, is) => {
    event.preventDefault();
    view.over = is;
    page.render();
  };
  const drop = async (event) => {
    over(event, false);
    uploads.add(await droppedFiles(event.dataTransfer));
  };
  const picked = (event) => {
    uploads.add([...event.target.files].map((file) => ({ file, name: file.webkitRelativePath || file.name })));
    event.target.value = '';
  };
  return html`<section
    class="drop ${view.over ? 'over' : ''}"
    aria-label=${t('title')}
    @dragover=${(event) => over(event, true)}
    @dragleave=${(event) => over(event, false)}
    @drop=${drop}
  >
    <p class="state-title">${t('drop')}</p>
    <p class="buttons">
      <label class="button primary">${t('files')}<input class="unseen" type="file" multiple @change=${picked} /></label>
      <label class="button">${t('folder')}<input class="unseen" type="file" webkitdirectory @change=${picked} /></label>
    </p>
    <p class="hint">${t('what')}</p>
  </section>`;
}

/** Return one row for each file, those of a zip each by itself. */
function rows() {
  return uploads.all.flatMap((upload) =>
    upload.outcomes.length > 0
      ? upload.outcomes.map((outcome) => ({
          name: outcome.name === 'body' ? upload.name : `${upload.name} / ${outcome.name}`,
          size: outcome.name === 'body' ? upload.file.size : undefined,
          state: outcome.outcome,
          reason: outcome.reason,
          study: outcome.study_id,
        }))
      : [{ name: upload.name, size: upload.file.size, state: upload.state, reason: upload.reason }],
  );
}

function list(page, view) {
  const all = rows();
  const counts = new Map();
  for (const { state } of all) {
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  const wanted = view.problemsOnly ? all.filter(({ state }) => NEED_ATTENTION.has(state)) : all;
  const { sent, size } = uploads.progress;
  const failed = uploads.all.some(({ state }) => ['failed', 'cancelled'].includes(state));
  const ended = uploads.all.some(({ state }) => ['done', 'failed', 'cancelled'].includes(state));
  const allWell = !uploads.busy && all.every(({ state }) => !NEED_ATTENTION.has(state));
  return html`<section class="panel" aria-labelledby="outcomes">
      <h2 id="outcomes">${t('outcomes')}</h2>
      <progress max=${Math.max(size, 1)} value=${sent} aria-label=${t('progress', sizes(sent, size))}></progress>
      <p>${t('progress', sizes(sent, size))}</p>
      <p role="status">
        ${allWell ? html`${t('all_well')} ` : nothing}${[...counts].map(
          ([state, count]) => html`${badge(KINDS[state], `${number(count)} ${t(state)}`)} `,
        )}
      </p>
      <p class="buttons">
        ${uploads.busy ? action(t('cancel'), () => uploads.cancel()) : nothing}
        ${failed ? action(t('again'), () => uploads.again()) : nothing}
        ${ended ? action(t('clear'), () => uploads.clear()) : nothing}
        <label>
          <input
            type="checkbox"
            .checked=${view.problemsOnly}
            @change=${(event) => {
              view.problemsOnly = event.target.checked;
              page.render();
            }}
          />
          ${t('problems_only')}
        </label>
      </p>
    </section>
    ${studies(all)}
    <section aria-labelledby="files">
      <h2 id="files">${t('files_list')}</h2>
      ${files(wanted)}
    </section>`;
}

const sizes = (sent, size) => ({ sent: bytes(sent), size: bytes(size) });

const action = (text, does) => html`<button type="button" class="button" @click=${does}>${text}</button>`;

function studies(all) {
  const received = [...new Set(all.map(({ study }) => study).filter(Boolean))];
  if (received.length === 0) {
    return nothing;
  }
  return html`<section class="panel" aria-labelledby="studies">
    <h2 id="studies">${t('studies')}</h2>
    <ul class="plain">
      ${received
        .slice(0, SHOWN)
        .map((study) => html`<li><a href=${path('studies', study)}>${t('open')}</a> ${identifier(study)}</li>`)}
    </ul>
  </section>`;
}

function files(wanted) {
  const hidden = wanted.length - SHOWN;
  return html`${table({
    caption: t('files_list'),
    rows: wanted.slice(0, SHOWN).map((row, index) => ({ ...row, index })),
    key: (row) => row.index,
    columns: [
      { title: t('file'), cell: (row) => value(row.name) },
      { title: t('size'), number: true, cell: (row) => bytes(row.size) },
      { title: t('outcome'), cell: (row) => badge(KINDS[row.state], t(row.state)) },
      { title: t('reason'), cell: (row) => (row.reason === 'no_answer' ? t('no_answer') : (row.reason ?? nothing)) },
    ],
  })}
  ${hidden > 0 ? html`<p class="hint">${t('hidden', { count: hidden })}</p>` : nothing}`;
}
